"""Jobs that race in threads of one process."""

import threading
from collections.abc import Callable


def run_together(jobs: list[Callable[[], object]]) -> list[object]:
    """Run each job in a thread of its own, all let go at once; return what they returned or raised, in order."""
    barrier = threading.Barrier(len(jobs))
    outcomes: list[object] = [None] * len(jobs)

    def run(position: int) -> None:
        barrier.wait()
        try:
            outcomes[position] = jobs[position]()
        except Exception as error:
            outcomes[position] = error

    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
