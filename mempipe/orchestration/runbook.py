"""Shared parts of the DAGs' runbooks, which the user interface shows from `doc_md`."""

from typing import Final

RESUME: Final = """\
**Resume.** Every step skips work that the store already holds. *Clear* a failed task, or trigger again: both continue
from the store, and committed trials and results are never computed again. Nothing is lost when the scheduler, a worker
or a node dies."""

FAILURES: Final = """\
**When a task fails**, its log ends with the command's message: what failed, what was expected, and a hint.

- *Exit code 20*, failed at once: permanent. Follow the hint, then clear the task or trigger again.
- *Exit code 10*, retried with growing delays: the store did not answer, or trials are missing.
- *OOMKilled*, *Unschedulable*, *ErrImagePull*, time limits, full pools: see the runbook of `estimate_scores`."""
