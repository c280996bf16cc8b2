"""Maps the end of a `mempipe` command to Airflow's exceptions: retry, or fail permanently."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from mempipe.errors import ExitCode, MempipeError

LAST_LINES: Final = 20
"""Number of lines of a failed command's output in its error."""


def failure(
    exit_code: int | None, *, what: str, detail: str = "", last_lines: Sequence[str] = (), permanent: bool = False
) -> AirflowException:
    """Return the exception for a failed command.

    Args:
        exit_code: as a shell reports it, or negative for a signal; None if unknown.
        what: the command, such as `mempipe train`.
        detail: message of the platform about its end.
        last_lines: last lines of its output.
        permanent: whether the same command would fail again, for any exit code.

    Returns:
        `AirflowFailException` (the task fails now) for `ExitCode.PERMANENT` and for `permanent`, else
        `AirflowException` (retried).
    """
    permanent = permanent or exit_code == ExitCode.PERMANENT
    then = "permanent, not tried again" if permanent else "tried again while retries are left"
    lines = [f"{what} {_how(exit_code)}: {then}."]
    if detail:
        lines.append(detail)
    lines += [f"  {line}" for line in last_lines]
    message = "\n".join(lines)
    return AirflowFailException(message) if permanent else AirflowException(message)


def _how(exit_code: int | None) -> str:
    if exit_code is None:
        return "ended unseen"
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number in set(signal.Signals):
        return f"was killed by {signal.Signals(number).name}"
    return f"ended with code {exit_code}"


@contextmanager
def mempipe_errors() -> Iterator[None]:
    """Turn mempipe's errors inside an Airflow task into Airflow's exceptions: retry, or fail permanently."""
    try:
        yield
    except MempipeError as error:
        if error.exit_code == ExitCode.PERMANENT:
            raise AirflowFailException(str(error)) from error
        raise AirflowException(str(error)) from error
