"""Commits a chunk's predictions: create-only, with its sidecar, and with a rule for two writers of one chunk."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from mempipe.errors import NumericsError, ObjectExistsError, ObjectNotFoundError, ShardError
from mempipe.places import DIFFERENCES, difference_key, shard_key, sidecar_key
from mempipe.runs import Run, ShardRef, Span
from mempipe.shards import Shard, encode
from mempipe.spec import Own
from mempipe.storage import ObjectInfo
from mempipe.validation.invariants import check_shard
from mempipe.validation.quarantine import quarantine

_ROUNDS: Final = 3
_CAUSE: Final = {
    False: "the spec's model or recipe is not deterministic, or numerics changed without a new NUMERICS_VERSION",
    True: "the trainer changed without a new trainer.version, or is not deterministic: then declare "
    "trainer.deterministic: false",
}


@dataclass(frozen=True)
class Sidecar:
    """Provenance of a chunk; no digest covers it.

    Attributes:
        hardware: flat description, with `hardware_key`: equal keys must give equal bytes.
        software: versions.
        device: the device that trained it.
        seconds: time of each trial.
        started, finished: UTC, ISO 8601.
    """

    hardware: dict[str, Any]
    software: dict[str, str]
    device: str
    seconds: dict[int, float]
    started: str
    finished: str

    def to_json(self, shard_sha256: str) -> bytes:
        """Return the sidecar of the shard with these bytes."""
        document = {
            "shard_sha256": shard_sha256,
            "hardware": self.hardware,
            "software": self.software,
            "device": self.device,
            "seconds": {str(trial): round(seconds, 6) for trial, seconds in self.seconds.items()},
            "started": self.started,
            "finished": self.finished,
        }
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def commit_shard(run: Run, span: Span, shard: Shard, sidecar: Sidecar) -> str:
    """Commit one chunk.

    If equal bytes are committed already, this is a success. If other bytes are committed and pass validation, the
    first commit wins and ours are kept under `differences/`, because other hardware may round differently. If they
    fail validation, they are quarantined and ours are committed. A trainer of the user's own may declare that it is not
    deterministic: then equal hardware may differ too.

    Returns:
        A line for the log.

    Raises:
        NumericsError: equal hardware with the same numerics committed other bytes.
    """
    content = encode(shard)
    digest = hashlib.sha256(content).hexdigest()
    _create_once(run, sidecar_key(span, digest), sidecar.to_json(digest))
    key = shard_key(span)
    for _ in range(_ROUNDS):
        try:
            return str(run.store.create(key, content))
        except ObjectExistsError:
            pass
        try:
            theirs, generation = run.store.read_versioned(key)
        except ObjectNotFoundError:
            continue
        ref = ShardRef(span, ObjectInfo(key, len(theirs), generation))
        try:
            check_shard(theirs, ref, run)
        except ShardError as error:
            quarantine(run, ref, theirs, error)
            continue
        return _record_difference(run, span, content, digest, theirs, sidecar)
    raise NumericsError(
        f"Shard cannot be committed: {run.uri}/{key} was replaced {_ROUNDS} times by bytes that fail validation.",
        hint="another writer damages it; find it in the quarantine's records before you train again.",
    )


def _record_difference(run: Run, span: Span, content: bytes, digest: str, theirs: bytes, sidecar: Sidecar) -> str:
    their_digest = hashlib.sha256(theirs).hexdigest()
    ours_key = difference_key(span, digest)
    _create_once(run, ours_key, content)
    try:
        their_sidecar = json.loads(run.store.read(sidecar_key(span, their_digest)))
        their_hardware = their_sidecar["hardware"]["hardware_key"]
    except (ObjectNotFoundError, ValueError, KeyError, TypeError):
        their_hardware = None
    trainer = run.record.spec.trainer
    must_agree = not isinstance(trainer, Own) or trainer.deterministic
    if must_agree and their_hardware is not None and their_hardware == sidecar.hardware.get("hardware_key"):
        raise NumericsError(
            f"Trials are not reproducible: {run.uri}/{shard_key(span)} SHA-256 is {their_digest[:16]}…, "
            f"expected {digest[:16]}… as trained again on equal hardware ({their_hardware}).",
            hint=f"compare it with {ours_key}; {_CAUSE[isinstance(trainer, Own)]}.",
        )
    return f"another commit with other bytes came first and stays; ours is kept under {DIFFERENCES}"


def _create_once(run: Run, key: str, content: bytes) -> None:
    try:
        run.store.create(key, content)
    except ObjectExistsError:
        return
