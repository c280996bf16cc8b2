"""What the runbooks of several DAGs have in common; a DAG's `doc_md` shows it in the user interface."""

from typing import Final

RESUME: Final = """\
**Resume.** Every step looks in the store for what is done. *Clear* a failed task, or trigger again: both go on where
the store ends, and what is committed is never trained or found again. Nothing is lost when the scheduler, a worker or a
node dies."""

FAILURES: Final = """\
**When a task fails**, its log ends with the command's own message: what failed, what was expected, and a hint.

- *Exit code 20*, failed at once: permanent. Follow the hint, correct it, clear the task or trigger again.
- *Exit code 10*, tried again with growing delays: the store did not answer, or trials are missing.
- *OOMKilled*, *Unschedulable*, *ErrImagePull*, time limits, full pools: as in the runbook of `estimate_scores`."""
