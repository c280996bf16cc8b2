"""The Python form: a function in a process of its own, called once for all trials of a task."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import IO, Any

from mempipe.training.own.folder import TASK, WORK
from mempipe.training.own.session import Session
from mempipe.training.own.supervise import End, Limits, Message, Program


def train_by_entry(session: Session, limits: Limits) -> Iterator[None]:
    """Train the trials of a session; yields whenever something happened.

    Raises:
        TrialError: the function failed, or its predictions are not what they must be.
        TransientError: it asks to be tried again, hangs, or was killed.
    """
    with ExitStack() as stack:
        questions, ask = os.pipe()
        answers, answer = os.pipe()
        replies = stack.enter_context(os.fdopen(answer, "wb"))
        folder = session.folder.path
        try:
            program = Program(
                [
                    *(sys.executable, "-P", "-m", "mempipe.training.own.child"),
                    *(str(folder / TASK), str(answers), str(ask)),
                ],
                folder=folder / WORK,
                task_folder=folder,
                threads=session.trainer.threads,
                limits=limits,
                failure=lambda problem, hint: session.failure(problem, hint=hint),
                descriptors=(answers, ask),
                messages=os.fdopen(questions, "rb"),
            )
        finally:
            os.close(ask)
            os.close(answers)
        stack.callback(program.stop)
        while not isinstance(event := program.event(), End):
            if isinstance(event, Message):
                _reply(session, event.content, replies)
                program.heard()
                yield
                program.heard()  # what happened meanwhile is not its silence
        if event.code:
            raise program.error(event.code)
    session.ended()


def _reply(session: Session, message: dict[str, Any], replies: IO[bytes]) -> None:
    match message:
        case {"draw": _}:
            trial, folder = session.draw() or (None, "")
            answer = {"trial": trial, "folder": str(folder)}
        case {"progress": trial, "fraction": fraction}:
            session.progress(trial, fraction)
            return
        case {"checkpoint": trial}:
            session.checkpoint(trial)
            answer = {"trial": trial}
        case {"finish": trial}:
            session.finish(trial)
            answer = {"trial": trial}
        case _:
            raise session.failure(f"message is {message}, expected one that mempipe's own process sends")
    with suppress(BrokenPipeError):  # it has ended; its exit code says how
        replies.write(json.dumps(answer).encode() + b"\n")
        replies.flush()
