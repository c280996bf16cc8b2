"""The command form: any program, started once for each trial in the trial's folder."""

from collections.abc import Iterator
from typing import Final

from mempipe.training.own.session import Session
from mempipe.training.own.supervise import End, Limits, Line, Program

_PROGRESS: Final = "progress:"


def train_by_command(session: Session, limits: Limits) -> Iterator[None]:
    """Train the trials of a session; yields whenever something happened.

    Raises:
        TrialError: the program failed, or its predictions are not what they must be.
        TransientError: it asks to be tried again, hangs, or was killed.
        InputError: it cannot be started.
    """
    trainer = session.trainer
    while (drawn := session.draw()) is not None:
        trial, folder = drawn
        program = Program(
            trainer.command,
            folder=folder,
            task_folder=session.folder.path,
            threads=trainer.threads,
            limits=limits,
            failure=lambda problem, hint: session.failure(problem, hint=hint),
        )
        try:
            while not isinstance(event := program.event(), End):
                fraction = _fraction(event.text) if isinstance(event, Line) else None
                if fraction is not None:
                    session.progress(trial, fraction)
                    session.checkpoint_if_due(trial)
                    program.heard()
                    yield
                    program.heard()
            if event.code:
                raise program.error(event.code)
        finally:
            program.stop()
        session.finish(trial)
        yield
    session.ended()


def _fraction(line: str) -> float | None:
    """Return x of a line `progress: x`, or None."""
    if not line.startswith(_PROGRESS):
        return None
    try:
        return float(line.removeprefix(_PROGRESS))
    except ValueError:
        return None
