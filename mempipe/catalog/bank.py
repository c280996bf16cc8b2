"""`mempipe.open_run`: the bank of a run, the predictions of all its trials, by blocks of trials or by examples."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe import runs
from mempipe.catalog.predictions import Predictions, Selection, blocks
from mempipe.errors import IncompleteRunError, InputError
from mempipe.runs import Labels, Run, RunRecord, ShardRef, Span
from mempipe.scores.tally import TrialBatch
from mempipe.storage import open_store
from mempipe.validation.reader import read_trials
from mempipe.validation.report import trial_rows

Numbers = Sequence[int] | NDArray[np.integer[Any]]
"""Numbers of trials, or positions of examples in the data set's order."""

_LISTED: Final = 10


class Bank:
    """The predictions of all committed trials of a run.

    Trials that are committed later are there in the next call. A shard is checked whenever it is read: that it is
    whole, and that it belongs to the run. `mempipe validate` checks more.

    Attributes:
        uri: of the run.
        record: the run's record: `record.spec` is the resolved spec, `record.data` says which data set it is.
    """

    uri: str
    record: RunRecord

    def __init__(self, run: Run) -> None:
        """Read the predictions of `run`; `mempipe.open_run` finds it."""
        self.uri = run.uri
        self.record = run.record
        self._run = run

    @property
    def labels(self) -> Labels:
        """Labels and, where the data set has them, file names or ids; `labels.train`, `labels.test` are int64 (n,)."""
        return self._run.labels

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label."""
        return self.record.data.class_names

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What the run keeps of each prediction."""
        return self.record.spec.kept_outcomes

    @property
    def trials(self) -> NDArray[np.int64]:
        """The committed trials, int64, ascending."""
        return _trials_of(self._run.shards())

    def predictions(
        self, *, block: int = 100, trials: Numbers | None = None, outcomes: Iterable[str] | None = None
    ) -> Iterator[Predictions]:
        """Yield the trials in blocks, ascending. Holds one shard, twice while it is read, and twice a block.

        Args:
            block: number of trials in a block, the last may have fewer; no value depends on it. A trial takes 1 byte
                for each training example (its mask), and for each example 1 byte of correctness, 4 of margin, and 1
                (above 256 classes 2) of predicted class.
            trials: numbers of the trials; None: all committed ones.
            outcomes: names of the outcomes; None: all that the run keeps.

        Raises:
            InputError: `block` is below 1, or the run does not keep an outcome.
            IncompleteRunError: a trial is not committed.
            ShardError: a shard is damaged, or is of another run; the message names it.
        """
        if block < 1:
            raise InputError(
                f"Predictions cannot be read: block is {block}, expected 1 or more.", hint="give a number of trials."
            )
        refs = self._run.shards()
        return blocks(self._batches(refs, self._numbers(refs, trials)), self._selection(outcomes), block)

    def columns(
        self,
        *,
        train: Numbers | None = None,
        test: Numbers | None = None,
        trials: Numbers | None = None,
        outcomes: Iterable[str] | None = None,
    ) -> Predictions:
        """Return all trials of some examples.

        Reads every shard once; holds one, twice while it is read, and twice the result.

        Args:
            train: positions of training examples, for the mask and the outcomes; None: all, empty: none.
            test: positions of test examples, likewise.
            trials: numbers of the trials; None: all committed ones.
            outcomes: names of the outcomes; None: all that the run keeps, empty: only the mask.

        Raises:
            InputError: a position is not in the data set, or the run does not keep an outcome.
            IncompleteRunError: a trial is not committed.
            ShardError: a shard is damaged, or is of another run; the message names it.
        """
        data, refs = self.record.data, self._run.shards()
        numbers = self._numbers(refs, trials)
        selection = replace(
            self._selection(outcomes),
            train=_positions("train", train, data.n_train),
            test=_positions("test", test, data.n_test),
        )
        return next(blocks(self._batches(refs, numbers), selection, len(numbers)))

    def _batches(self, refs: list[ShardRef], numbers: NDArray[np.int64]) -> Iterator[TrialBatch]:
        """Yield these trials, ascending, each from the first shard that holds it."""
        for ref, span in trial_rows(refs, Span(int(numbers[0]), int(numbers[-1]) + 1)):
            chosen = numbers[slice(*np.searchsorted(numbers, span))]
            if not chosen.size:
                continue
            yield self._read(ref, chosen)

    def _read(self, ref: ShardRef, numbers: NDArray[np.int64]) -> TrialBatch:
        batch = read_trials(self._run, ref.key, ref.span, Span(int(numbers[0]), int(numbers[-1]) + 1))
        return batch if len(batch.trials) == len(numbers) else _rows(batch, numbers - numbers[0])

    def _numbers(self, refs: list[ShardRef], trials: Numbers | None) -> NDArray[np.int64]:
        """Return the numbers of the chosen trials, ascending, each once, at least one; all are in the shards."""
        committed = _trials_of(refs)
        numbers = committed if trials is None else np.unique(_integers("trials", trials, "numbers of trials"))
        if not committed.size or not numbers.size:
            raise IncompleteRunError(
                f"Predictions cannot be read: {self.uri} trials are {len(committed)} committed and {len(numbers)} of "
                "them chosen, expected at least one.",
                hint="`mempipe train` trains what is planned; None chooses all that is committed.",
            )
        missing = np.setdiff1d(numbers, committed)
        if missing.size:
            listed = ", ".join(map(str, missing[:_LISTED])) + (", …" if missing.size > _LISTED else "")
            raise IncompleteRunError(
                f"Predictions cannot be read: {self.uri} trials lack {listed}, "
                f"expected all of the {len(numbers)} chosen ones.",
                hint="`Bank.trials` lists those that are committed; `mempipe train` trains what is planned.",
            )
        return numbers

    def _selection(self, outcomes: Iterable[str] | None) -> Selection:
        names = self.outcomes if outcomes is None else tuple(outcomes)
        if absent := [name for name in names if name not in self.outcomes]:
            raise InputError(
                f"Predictions cannot be read: outcomes have {', '.join(absent)}, expected some of "
                f"{', '.join(self.outcomes)}, which {self.uri} keeps.",
                hint="a run keeps the outcomes of its first plan: name `outcomes` in the spec of a new run.",
            )
        return Selection(self.record.data, names)


def open_run(uri: str | os.PathLike[str]) -> Bank:
    """Open a run to read its predictions; needs neither TensorFlow nor Airflow, and reads no more than the record.

    Args:
        uri: folder or URI of the run, as `mempipe plan` prints it and `mempipe ls STORE` lists it.

    Raises:
        RunError: there is no run, or its record is damaged.

    Example:
        >>> run = open_run("mempipe-store/runs/digits-09316dd5cce1")  # doctest: +SKIP
        >>> for block in run.predictions():  # doctest: +SKIP
        ...     print(block.trials, block.test["correct"].mean(axis=1))
    """
    return Bank(runs.open_run(open_store(os.fspath(uri))))


def _trials_of(refs: Iterable[ShardRef]) -> NDArray[np.int64]:
    spans = [np.arange(*ref.span, dtype=np.int64) for ref in refs]
    return np.unique(np.concatenate(spans)) if spans else np.empty(0, dtype=np.int64)


def _rows(batch: TrialBatch, rows: NDArray[np.int64]) -> TrialBatch:
    train, test = ({name: array[rows] for name, array in part.items()} for part in (batch.train, batch.test))
    return TrialBatch(batch.trials[rows], batch.subset_mask[rows], train, test)


def _positions(part: str, positions: Numbers | None, n: int) -> NDArray[np.int64] | None:
    if positions is None:
        return None
    expected = f"positions from 0 to {n - 1}"
    array = _integers(part, positions, expected)
    if array.size and (array.min() < 0 or array.max() >= n):
        raise _not_chosen(part, f"{array.min()} to {array.max()}", expected)
    return array


def _integers(name: str, values: Numbers, expected: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise _not_chosen(name, f"{array.dtype} {array.shape}", expected)
    return array.astype(np.int64)


def _not_chosen(name: str, got: str, expected: str) -> InputError:
    return InputError(
        f"Predictions cannot be read: {name} is {got}, expected {expected}.",
        hint="give a list, a range or an array of integers; numpy.flatnonzero gives those of a mask.",
    )
