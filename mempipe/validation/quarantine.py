"""Moves a bad shard aside: its bytes are kept, its record says why, and its trials count as missing again."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar, Literal

from pydantic import ConfigDict

from mempipe.errors import (
    GenerationError,
    MempipeError,
    ObjectExistsError,
    ObjectNotFoundError,
    RunError,
    ShardError,
    TrialError,
)
from mempipe.places import QUARANTINE, quarantine_keys
from mempipe.runs import Run, ShardRef, Span
from mempipe.spec import Document
from mempipe.storage.protocol import Store


class QuarantineRecord(Document):
    """The tombstone of one bad shard: `quarantine/<its trials>-<sha256[:16]>.json`, beside its bytes in `.npz`.

    Attributes:
        key: where the shard was.
        trials: its trials, as its name says.
        sha256, size: of its bytes.
        generation: of the object when it was found.
        error: class of what is wrong with it.
        reason: what is wrong with it.
        bytes_key: where its bytes are kept.
        state: `copied`: its bytes are kept, it may still be in its place; `removed`: it was seen gone from there.
        found: when, UTC.
    """

    FAILURE: ClassVar[str] = "Record of a bad shard cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = "it is written anew when its shard is moved aside again."
    INDENT: ClassVar[int] = 1

    model_config = ConfigDict(extra="allow")  # it is read and written again: what a later version added is kept

    key: str
    trials: Span
    sha256: str
    size: int
    generation: str
    error: str
    reason: str
    bytes_key: str
    state: Literal["copied", "removed"]
    found: str


def quarantine(run: Run, ref: ShardRef, content: bytes, error: ShardError) -> QuarantineRecord:
    """Move a bad shard aside, so that its trials are planned again.

    In this order, each step harmless to repeat: keep the bytes (create-only), write the tombstone as `copied`
    (create-only), delete the shard if it is still the one that was read, mark the tombstone `removed`. Whatever stops
    it between two steps, the bytes are kept, and the next call continues. A shard that another process repaired
    or removed meanwhile is not changed.

    The same bad bytes came twice when they are in their place after they were seen gone from it (`removed`), or as
    another object than the recorded one (its generation). A generation alone does not tell, because that of a local
    folder is a hash of the content.

    Args:
        run: the run.
        ref: the shard, with the generation of `content`.
        content: its bytes.
        error: what is wrong with them.

    Returns:
        The tombstone as stored.

    Raises:
        TrialError: the same bad bytes came twice; they stay where they are.
    """
    store = run.store
    digest = hashlib.sha256(content).hexdigest()
    bytes_key, record_key = quarantine_keys(ref.span, digest)
    store.create(bytes_key, content)
    record, generation = _tombstone(
        store,
        record_key,
        QuarantineRecord(
            key=ref.key,
            trials=ref.span,
            sha256=digest,
            size=len(content),
            generation=ref.generation,
            error=type(error).__name__,
            reason=error.message,
            bytes_key=bytes_key,
            state="copied",
            found=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    if (record.state == "removed" or record.generation != ref.generation) and _is_there(store, ref):
        raise TrialError(
            f"Trials {ref.span.start} to {ref.span.stop - 1} fail again with the same bytes: {run.uri}/{ref.key} "
            f"SHA-256 is {digest[:16]}… as in {record_key}, expected others as they were trained again. "
            f"{record.reason}",
            hint=f"training them again will not help: find out why they are written so. To try once more, delete "
            f"{record_key} and {ref.key}; the bytes stay in {bytes_key}.",
        )
    with suppress(ObjectNotFoundError, GenerationError):  # another process removed or repaired it
        store.delete(ref.key, generation=ref.generation)
    return _mark_removed(store, record_key, record, generation)


def quarantined(run: Run, trials: Span | None = None) -> list[QuarantineRecord]:
    """Return every tombstone of the run, or those of shards that held any of these trials, by trial."""
    records = [record for _, record, _ in _tombstones(run.store)]
    return [
        record
        for record in records
        if trials is None or (record.trials.start < trials.stop and trials.start < record.trials.stop)
    ]


def settle(run: Run, committed: Iterable[ShardRef]) -> None:
    """Mark as `removed` each tombstone whose shard is no longer in its place (after a stop between two steps).

    Args:
        run: the run.
        committed: its shards in a current listing.
    """
    present = {ref.key: ref for ref in committed}
    for key, record, generation in _tombstones(run.store):
        if record.state == "copied":
            ref = present.get(record.key)
            if ref is None or ref.generation != record.generation:
                _mark_removed(run.store, key, record, generation)


def _tombstone(store: Store, key: str, record: QuarantineRecord) -> tuple[QuarantineRecord, str]:
    """Return the first tombstone of these bytes, which is `record` if there was none, and its generation."""
    with suppress(ObjectExistsError):
        store.create(key, record.to_json())
    content, generation = store.read_versioned(key)
    try:
        return QuarantineRecord.from_json(content, source=f"{store.uri}/{key}"), generation
    except RunError:  # damaged: its history is lost
        return record, store.replace(key, record.to_json(), generation=generation)


def _mark_removed(store: Store, key: str, record: QuarantineRecord, generation: str) -> QuarantineRecord:
    removed = record.model_copy(update={"state": "removed"})
    if record.state != "removed":
        with suppress(GenerationError):  # another process marked it
            store.replace(key, removed.to_json(), generation=generation)
    return removed


def _is_there(store: Store, ref: ShardRef) -> bool:
    try:
        return store.read_versioned(ref.key)[1] == ref.generation
    except ObjectNotFoundError:
        return False


def _tombstones(store: Store) -> list[tuple[str, QuarantineRecord, str]]:
    records = []
    for info in store.list(QUARANTINE):
        if info.key.endswith(".json"):
            try:
                content, generation = store.read_versioned(info.key)
                record = QuarantineRecord.from_json(content, source=f"{store.uri}/{info.key}")
                records.append((info.key, record, generation))
            except (ObjectNotFoundError, RunError):
                continue
    return records
