"""Opens the trainer that a spec names. Loads TensorFlow only when a built-in trainer is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mempipe.data import Dataset
from mempipe.spec import Spec
from mempipe.training.checkpoints import Checkpoints
from mempipe.training.outcome import Features, TrialOutcome

if TYPE_CHECKING:
    from mempipe.training.own import Trials

__all__ = ["Features", "Trainer", "TrialOutcome", "open_trainer"]


class Trainer(Protocol):
    """Trains trials of one run; a trial's outcome is a pure function of (spec, data set, trial) on equal hardware."""

    @property
    def device(self) -> str:
        """What it trains on: `cpu`, or the GPU's name."""
        ...

    def train(self, trials: Sequence[int], progress: Callable[[float], None]) -> Iterator[TrialOutcome]:
        """Train trials and judge them on all examples.

        Args:
            trials: numbers of trials; each is trained once.
            progress: called with the work done since the last call, in trials: fractions that add up to the number
                of trials.

        Yields:
            The outcomes, in ascending order of trials.

        Raises:
            TrialError: a trial's logits are not finite.
        """
        ...

    def skip(self, trials: Sequence[int], progress: Callable[[float], None]) -> None:
        """Pass over trials of the task that another process committed; `train` is not called for them.

        Args:
            trials: numbers of trials.
            progress: called with the part of them that was not reported before.
        """
        ...

    def features(self, trial: int, progress: Callable[[float], None]) -> Features:
        """Train one trial as `train` does, and return also what its last layer sees of all examples.

        Raises:
            TrialError: the trial's logits are not finite.
            SpecError: the model does not end with a Dense layer.
        """
        ...


def open_trainer(
    spec: Spec,
    dataset: Dataset,
    *,
    trials: Sequence[int] = (),
    checkpoints: Checkpoints | None = None,
    function: Callable[[Trials], Any] | None = None,
) -> Trainer:
    """Return the trainer of a spec, ready to train.

    Args:
        spec: resolved: the parameters of its model are complete.
        dataset: the data set that it names.
        trials: all that `train` will be called for, ascending, part by part; an own trainer begins trials of the
            next part before the last ones of this part are done. The built-in ones need not know.
        checkpoints: where long trials save their state; None: they do not. The ensemble's
            trials are short and save none.
        function: of this process, instead of the entry of an own trainer.

    Raises:
        SpecError: the model does not fit the data set or the trainer; or the trainer is still to be chosen.
        InputError: TensorFlow runs in this process already, with another number of threads; or there are fewer GPUs
            than replicas.
    """
    trainer = spec.named_trainer
    if trainer.kind == "own":
        from mempipe.training.own.trainer import OwnTrainer

        return OwnTrainer(spec, dataset, trials=trials, checkpoints=checkpoints, function=function)
    from mempipe.training.runtime import start_tensorflow

    if trainer.kind == "ensemble":
        device = start_tensorflow(trainer.threads)
        from mempipe.training.ensemble.trainer import EnsembleTrainer

        return EnsembleTrainer(spec, dataset, device=device)
    device = start_tensorflow(trainer.threads, gpus=trainer.replicas)
    from mempipe.training.single.trainer import SingleTrainer

    return SingleTrainer(spec, dataset, device=device, checkpoints=checkpoints)
