"""What the suites found, as plain JSON; and the error that stops a publication."""

from typing import Any

from mempipe.errors import ExpectationError
from mempipe.spec import Stored
from mempipe.validation.checks import Severity


class Outcome(Stored):
    """The result of one check.

    Attributes:
        id, kind, note, severity: of the check.
        success: it holds.
        observed: value of the whole column or table, where the check has one.
        n_rows: rows that it looked at, where it looks at rows.
        n_unexpected: rows that break it.
        sample: some of their values.
        error: why it could not be evaluated; it then fails.
    """

    id: str
    kind: str
    note: str
    severity: Severity
    success: bool
    observed: Any = None
    n_rows: int | None = None
    n_unexpected: int | None = None
    sample: tuple[Any, ...] = ()
    error: str | None = None

    def observation(self) -> str:
        """Return what was seen, in words."""
        if self.error is not None:
            return f"not evaluated ({self.error})"
        if self.n_unexpected == 0:
            return f"all of {self.n_rows} rows"
        if self.n_unexpected is not None:
            examples = ", ".join(dict.fromkeys(str(value) for value in self.sample[:3]))
            return f"broken by {self.n_unexpected} of {self.n_rows} rows{f', such as {examples}' if examples else ''}"
        return ", ".join(self.observed) if isinstance(self.observed, list) else str(self.observed)


class SuiteResult(Stored):
    """The result of one suite.

    Attributes:
        name, table, note: of the suite.
        success: every critical check holds.
        outcomes: of its checks, in the suite's order.
    """

    name: str
    table: str
    note: str
    success: bool
    outcomes: tuple[Outcome, ...]

    def failed(self, *severities: Severity) -> tuple[Outcome, ...]:
        """Return the failed checks of these severities."""
        return tuple(item for item in self.outcomes if not item.success and item.severity in severities)


class SuiteResults(Stored):
    """The results of all suites of one call."""

    suites: tuple[SuiteResult, ...]

    @property
    def success(self) -> bool:
        """Every critical check of every suite holds."""
        return all(suite.success for suite in self.suites)

    def warnings(self) -> tuple[str, ...]:
        """Return the failed checks that do not stop a publication, in words."""
        return tuple(
            f"{suite.name}: {item.id} {item.observation()}, expected {item.note}"
            for suite in self.suites
            for item in suite.failed("warning", "info")
        )

    def raise_on_failure(self, *, docs_uri: str) -> None:
        """Raise `ExpectationError` where a critical check failed.

        Args:
            docs_uri: the Data Docs' first page, for the message.
        """
        failed = [(suite, item) for suite in self.suites for item in suite.failed("critical")]
        if not failed:
            return
        suite, item = failed[0]
        others = [f"{other_suite.name} {other.id}" for other_suite, other in failed[1:]]
        more = f" {len(others)} more failed: {', '.join(others[:10])}." if others else ""
        raise ExpectationError(
            f"Table must not be used: {suite.table} expectation {suite.name} {item.id} is {item.observation()}, "
            f"expected {item.note}.{more}",
            hint=f"open the Data Docs at {docs_uri}; look for a defect in what made the table.",
        )
