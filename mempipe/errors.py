"""Errors that an operator can act on: one class for each decision.

Every message names what failed, the object, what it is and what was expected; `hint` names the next action.
The command line turns an error into its `exit_code`, and Airflow turns that into "retry" or "do not retry".
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every `mempipe` command; the orchestration reads nothing else."""

    OK = 0
    TRANSIENT = 10
    PERMANENT = 20


class MempipeError(Exception):
    """Base of all errors that mempipe raises on purpose.

    Args:
        message: `<what failed>: <object> <field> is <got>, expected <expected>.`
        hint: the next action of the person who reads it.
    """

    exit_code: ExitCode = ExitCode.PERMANENT

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}"


class TransientError(MempipeError):
    """The same command may succeed when it is run again."""

    exit_code = ExitCode.TRANSIENT


class SpecError(MempipeError):
    """The spec cannot be run: correct the YAML (or the option) and plan again."""


class PluginError(MempipeError):
    """A part of another package cannot be used: correct its name, or the package that provides it."""


class DataError(MempipeError):
    """The data set cannot be read or does not fit the run: correct the data or its location."""


class InputError(MempipeError):
    """A file or an option given to a command is not what it must be."""


class StoreError(MempipeError):
    """The store cannot be used as configured: correct its URI, its permissions or its credentials."""


class ObjectNotFoundError(StoreError):
    """The store has no object of that name."""


class ObjectExistsError(StoreError):
    """An object of that name exists with other content; it was not changed."""


class GenerationError(TransientError):
    """The object changed since it was read: read it again and repeat the step."""


class StoreUnavailableError(TransientError):
    """The store did not answer, or answered with a transient error."""


class RunError(MempipeError):
    """The run's record is missing or contradicts the request."""


class IncompleteRunError(TransientError):
    """Trials of the run are still missing: plan and train again, then repeat the step."""


class ShardError(MempipeError):
    """Base of what can be wrong with one prediction shard."""


class CorruptShardError(ShardError):
    """The shard's bytes cannot be read or contradict themselves: quarantine it, train its trials again."""


class ForeignShardError(ShardError):
    """The shard belongs to another run or another data set: quarantine it and find out who wrote it."""


class LaterVersionError(MempipeError):
    """An object is whole, but a later version of mempipe wrote it: read it with that version; nothing is wrong with it.

    Not a `ShardError`, so that an old version never moves good shards aside.
    """


class TrialError(MempipeError):
    """A trial cannot be completed: its outcome is not finite, or it fails again with the same bytes."""


class NumericsError(MempipeError):
    """The same trial gave other bytes on equal hardware and numerics: the run is not reproducible."""


class TallyError(MempipeError):
    """Counts cannot be combined: a trial would count twice, or the data sets differ."""


class EmptyTallyError(TallyError):
    """No trial was counted, so there is nothing to estimate."""


class ExpectationError(MempipeError):
    """A Great Expectations suite found tables that must not be published."""


class ReleaseError(MempipeError):
    """A release is missing, damaged or of an unknown schema."""


class ReleaseQuestionError(MempipeError):
    """The release does not hold what the question needs."""
