"""The last task of every DAG of an experiment: it announces the results."""

from airflow.sdk import XComArg, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from mempipe.orchestration import store_reader
from mempipe.orchestration.assets import LOOK_BACK, RESULTS, new_results
from mempipe.orchestration.jobs import jobs_of
from mempipe.orchestration.outcome import mempipe_errors


def announce_results(suffix: str = "") -> XComArg:
    """Return the task `announce_results`, which updates the asset with new results.

    Args:
        suffix: suffix of the names of the requests whose answers are the results.
    """

    @task(task_id="announce_results", inlets=[RESULTS], outlets=[RESULTS])
    def announce() -> None:
        """Update the asset with the results for the releases of this DAG run."""
        context = get_current_context()
        with mempipe_errors():
            results = [store_reader.experiment_result(job.store, job.request + suffix) for job in jobs_of(context)]
        earlier = context["inlet_events"][RESULTS].ascending(False).limit(LOOK_BACK)
        news = new_results(results, (event.extra or {} for event in earlier))
        if not news:
            raise AirflowSkipException("the results were already announced")
        context["outlet_events"][RESULTS].extra = {"results": [{**result} for result in news]}

    return announce()
