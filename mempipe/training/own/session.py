"""The trials of a task between mempipe and an own trainer: which are drawn, how far each is, and what came of it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mempipe.data import Dataset
from mempipe.errors import TrialError
from mempipe.spec import Own, Spec, run_key
from mempipe.subsets import Stream, stream_seed, subset_mask
from mempipe.training.checkpoints import Checkpoints, FileCheckpoint
from mempipe.training.outcome import TrialOutcome
from mempipe.training.own.folder import MisfitError, TaskFolder
from mempipe.training.own.judge import judge, shapes_of

_log = logging.getLogger(__name__)

_HINT: Final = "correct the trainer, change trainer.version, and run again; see docs/own-trainer.md."


class Session:
    """Gives the trials of a task to a trainer and receives their predictions.

    A trial is open from when it is drawn until its predictions are there. Time that passes is shared equally by the
    open trials.

    Args:
        spec: resolved.
        trainer: of the spec.
        dataset: the data set that it names.
        trials: of the task, ascending.
        checkpoints: where checkpoints are kept; None: they are not.
    """

    def __init__(
        self, spec: Spec, trainer: Own, dataset: Dataset, trials: Sequence[int], checkpoints: Checkpoints | None
    ) -> None:
        self.outcomes: dict[int, TrialOutcome] = {}
        self.advance: Callable[[float], None] = lambda _: None
        self.trainer = trainer
        self.folder = TaskFolder(
            {
                "entry": trainer.entry,
                "params": trainer.params,
                "output": trainer.output,
                "n_train": dataset.n_train,
                "n_test": dataset.n_test,
                "n_classes": dataset.n_classes,
                "threads": trainer.threads,
                "checkpoint_minutes": trainer.checkpoint_minutes,
                "data": spec.data.model_dump(mode="json"),
            },
            dataset.train_labels,
            dataset.test_labels,
        )
        self._spec = spec
        # Copies: a function of this process may change the data set that it is given.
        self._labels = {"train": dataset.train_labels.copy(), "test": dataset.test_labels.copy()}
        self._n_classes = dataset.n_classes
        self._shapes = shapes_of(trainer.output, dataset.n_train, dataset.n_test, dataset.n_classes)
        self._run_key = run_key(spec, data_fingerprint=dataset.fingerprint)
        self._checkpoints = checkpoints
        self._trials = iter(trials)
        self._skipped: set[int] = set()
        self._open: dict[int, _Open] = {}
        self._given: set[int] = set()
        self._next = self._following()
        self._last = 0.0

    def draw(self) -> tuple[int, Path] | None:
        """Return the next trial and its folder, or None after the last."""
        trial = self._next
        if trial is None:
            return None
        self._next = self._following()
        mask = subset_mask(self._spec.subsets, n_train=self._labels["train"].size, seed=self._spec.seed, trial=trial)
        kept = self._checkpoints and self._checkpoints.latest_files(trial, run_key=self._run_key)
        if kept:
            _log.info("trial %d resumes from its checkpoint %d", trial, kept.number)
        folder = self.folder.open(
            trial,
            seed=stream_seed(self._spec.seed, Stream.TRAINER, trial),
            subset=np.flatnonzero(mask),
            files=kept.files if kept else {},
        )
        self._share_time()
        self._open[trial] = _Open(mask, n_saved=kept.number if kept else 0)
        return trial, folder

    def skip(self, trials: Sequence[int]) -> None:
        """Pass over trials that another process committed, and drop what comes of those that were drawn."""
        for trial in trials:
            self.outcomes.pop(trial, None)
            state = self._open.get(trial)
            self.advance(1 - (state.done if state else float(trial in self._given)))
        self._skipped.update(trials)
        if self._next in self._skipped:
            self._next = self._following()

    def progress(self, trial: int, fraction: float) -> None:
        """Note which part of an open trial is done; less than before, or no number, changes nothing."""
        state = self._open.get(trial)
        if state is not None and trial not in self._skipped and fraction > state.done:
            done = min(fraction, 1.0)
            self.advance(done - state.done)
            state.done = done

    def checkpoint(self, trial: int, *, hidden: bool = True) -> None:
        """Keep what lies in a trial's checkpoint folder; nothing if it is changed meanwhile.

        Args:
            trial: an open trial.
            hidden: also files whose name begins with a dot; of a program they are not whole.
        """
        state = self._state(trial)
        files = self.folder.checkpoint_files(trial, hidden=hidden)
        state.saved = time.monotonic()
        if files and self._checkpoints:
            state.n_saved += 1
            self._checkpoints.save_files(trial, FileCheckpoint(state.n_saved, files), run_key=self._run_key)

    def checkpoint_if_due(self, trial: int) -> None:
        """Keep it if `trainer.checkpoint_minutes` have passed since the trial began or was last kept."""
        if time.monotonic() - self._state(trial).saved >= 60 * self.trainer.checkpoint_minutes:
            self.checkpoint(trial, hidden=False)

    def finish(self, trial: int, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Receive a trial's predictions: its files, or these arrays.

        Raises:
            TrialError: the trial is not open, or its predictions are not what they must be.
        """
        self._share_time()
        state = self._state(trial)
        try:
            if arrays is None:
                arrays = self.folder.read(trial, self._shapes)
            elif arrays.keys() != self._shapes.keys():
                raise MisfitError(
                    f"output is {', '.join(arrays)}, expected {', '.join(self._shapes)} "
                    f"as trainer.output is {self.trainer.output}"
                )
            else:
                self.folder.discard(trial)
            train, test = (
                judge(arrays, part, labels, self._n_classes, self._spec.kept_outcomes)
                for part, labels in self._labels.items()
            )
        except MisfitError as error:
            raise self.failure(str(error), trial) from error
        if trial not in self._skipped:
            self.outcomes[trial] = TrialOutcome(trial, state.mask, train, test, state.seconds)
        self.progress(trial, 1)
        del self._open[trial]
        self._given.add(trial)

    def ended(self) -> None:
        """Check that a trainer that has ended gave all trials.

        Raises:
            TrialError: it did not.
        """
        if self._open:
            raise self.failure("is missing: the trainer ended, expected the predictions of each trial that it drew")
        if self._next is not None:
            raise self.failure("was not drawn: the trainer ended, expected that it draws all trials", self._next)

    def failure(self, problem: str, trial: int | None = None, *, hint: str = _HINT) -> TrialError:
        """Return the error of a trial, by default of those that are open."""
        end = "" if "\n" in problem or problem.endswith(".") else "."  # after lines of its output, or a message
        return TrialError(f"Trial failed: {self.names(trial)} {problem}{end}", hint=hint)

    def names(self, trial: int | None = None) -> str:
        """Return what messages call a trial, by default those that are open or the next, and the trainer."""
        later = [] if self._next is None else [self._next]
        numbers = [trial] if trial is not None else sorted(self._open) or later
        if not numbers:
            return f"trainer {self.trainer.label} after its last trial"
        noun = "trial" if len(numbers) == 1 else "trials"
        return f"{noun} {', '.join(map(str, numbers))} of trainer {self.trainer.label}"

    def _following(self) -> int | None:
        return next((trial for trial in self._trials if trial not in self._skipped), None)

    def _share_time(self) -> None:
        now = time.perf_counter()
        for state in self._open.values():
            state.seconds += (now - self._last) / len(self._open)
        self._last = now

    def _state(self, trial: int) -> "_Open":
        state = self._open.get(trial)
        if state is None:
            problem = "was given twice" if trial in self._given else "was given, but is not one that was drawn"
            raise self.failure(f"{problem}, expected each trial that was drawn once", trial)
        return state


class _Open:
    """A trial that was drawn: its subset, the part that is done, its time, and its checkpoints."""

    def __init__(self, mask: NDArray[np.bool_], *, n_saved: int) -> None:
        self.mask = mask
        self.done = 0.0
        self.seconds = 0.0
        self.n_saved = n_saved
        self.saved = time.monotonic()
