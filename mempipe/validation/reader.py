"""Reads trials of a committed shard: the only way in which predictions leave a run's store."""

import hashlib

from mempipe.errors import CorruptShardError
from mempipe.runs import Run, Span
from mempipe.scores.tally import TrialBatch
from mempipe.validation.invariants import open_shard


def read_trials(run: Run, key: str, span: Span, trials: Span, *, sha256: str | None = None) -> TrialBatch:
    """Read consecutive trials of a committed shard, packed, with all outcomes that it holds.

    Args:
        run: the run.
        key: name of the shard below the run's URI.
        span: the shard's trials.
        trials: those of them to return.
        sha256: of the bytes that were validated; None: they need not be validated.

    Raises:
        CorruptShardError, ForeignShardError, LaterVersionError: it does not pass `open_shard`, or its bytes changed
            since they were validated.
    """
    content = run.store.read(key)
    if sha256 is not None:
        digest = hashlib.sha256(content).hexdigest()
        if digest != sha256:
            raise CorruptShardError(
                f"Shard changed since it was validated: {run.uri}/{key} SHA-256 is {digest[:16]}…, "
                f"expected {sha256[:16]}….",
                hint="run `mempipe validate` again, then repeat this step.",
            )
    shard = open_shard(content, key, span, run)
    rows = slice(trials.start - span.start, trials.stop - span.start)
    train, test = ({name: array[rows] for name, array in outcomes.items()} for outcomes in (shard.train, shard.test))
    return TrialBatch(shard.trials[rows], shard.subset_mask[rows], train, test)
