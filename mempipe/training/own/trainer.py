"""Trains trials by code of the user; see docs/own-trainer.md."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mempipe.data import Dataset
from mempipe.errors import SpecError
from mempipe.spec import Own, Spec
from mempipe.training.checkpoints import Checkpoints
from mempipe.training.outcome import Features, TrialOutcome
from mempipe.training.own import memory
from mempipe.training.own.command import train_by_command
from mempipe.training.own.entry import train_by_entry
from mempipe.training.own.function import train_by_function
from mempipe.training.own.gpu import gpu_name
from mempipe.training.own.session import Session
from mempipe.training.own.supervise import Limits
from mempipe.training.own.trials import Trials


class OwnTrainer:
    """Trains by a function or a program of the user, which is given all trials of its task at once.

    Args:
        spec: resolved.
        dataset: the data set that it names.
        trials: of the task, ascending; `train` is called for all of them, part by part.
        checkpoints: where checkpoints are kept; None: they are not.
        function: of this process, instead of the spec's entry; None: as the spec says.
    """

    def __init__(
        self,
        spec: Spec,
        dataset: Dataset,
        *,
        trials: Sequence[int],
        checkpoints: Checkpoints | None,
        function: Callable[[Trials], Any] | None = None,
    ) -> None:
        if not isinstance(spec.trainer, Own):
            raise SpecError(
                f"Trainer does not fit: trainer.kind is {spec.trainer.kind}, expected own.",
                hint="open trainers by `open_trainer`.",
            )
        trainer = spec.trainer
        self.device = gpu_name() or "cpu"
        self._label = trainer.label
        self._session = Session(spec, trainer, dataset, trials, checkpoints)
        limits = Limits(
            silence_seconds=60 * trainer.silence_minutes,
            memory_bytes=int(1e9 * trainer.memory_gb) if trainer.memory_gb else memory.default_limit(),
        )
        self._last = trials[-1] if trials else -1
        if function is not None:
            self._work = train_by_function(self._session, function, dataset)
        elif trainer.entry:
            self._work = train_by_entry(self._session, limits)
        else:
            self._work = train_by_command(self._session, limits)

    def train(self, trials: Sequence[int], progress: Callable[[float], None]) -> Iterator[TrialOutcome]:
        """Train trials; see `mempipe.training.trainer.Trainer`."""
        self._session.advance = progress
        outcomes = self._session.outcomes
        for trial in sorted(set(trials)):
            # After the last trial the trainer is followed to its end: it may still say something wrong.
            while trial not in outcomes or trial == self._last:
                try:
                    next(self._work)
                except StopIteration:
                    break
            yield outcomes.pop(trial)

    def skip(self, trials: Sequence[int], progress: Callable[[float], None]) -> None:
        """Draw these trials no more; see `mempipe.training.trainer.Trainer`."""
        self._session.advance = progress
        self._session.skip(trials)

    def features(self, trial: int, progress: Callable[[float], None]) -> Features:  # noqa: ARG002 - a Trainer's
        """Refuse: what the last layer of a user's model sees is not known here.

        Raises:
            SpecError: always.
        """
        raise SpecError(
            f"Features cannot be computed: trainer {self._label} trainer.kind is own, expected a built-in trainer.",
            hint="compute the features with your own code, save them as npz, and use them as the data set of a spec.",
        )
