"""Names of a run's objects below its URI; no other place spells them."""

import re
from dataclasses import dataclass
from typing import Final

from mempipe.runs.chunks import Span

RUN_RECORD: Final = "run.json"
LABELS: Final = "labels.npz"
PLAN: Final = "plan.json"
SHARDS: Final = "shards/"
SIDECARS: Final = "sidecars/"
QUARANTINE: Final = "quarantine/"
DIFFERENCES: Final = "differences/"
VALIDATION: Final = "validation/"
TALLIES: Final = "tallies/"
FEATURES: Final = "features/"

_SHARD = re.compile(r"shards/trials=(\d{6,})-(\d{6,})\.npz")


@dataclass(frozen=True, order=True)
class ShardRef:
    """A committed shard as the listing shows it.

    Attributes:
        span: its trials.
        key: its name below the run's URI.
        size: bytes.
        generation: token of its content.
    """

    span: Span
    key: str
    size: int
    generation: str


def span_name(span: Span) -> str:
    """Return `trials=000000-000049` (first and last trial)."""
    return f"trials={span.start:06d}-{span.stop - 1:06d}"


def shard_key(span: Span) -> str:
    """Return the name of the shard of these trials."""
    return f"{SHARDS}{span_name(span)}.npz"


def sidecar_key(span: Span, sha256: str) -> str:
    """Return the name of the sidecar (hardware, versions, timings) of the shard with these bytes."""
    return f"{SIDECARS}{span_name(span)}-{sha256[:16]}.json"


def parse_shard_key(key: str) -> Span | None:
    """Return the trials that a shard's name says, or None where `key` names no shard."""
    match = _SHARD.fullmatch(key)
    if match is None or int(match[2]) < int(match[1]):
        return None
    return Span(int(match[1]), int(match[2]) + 1)
