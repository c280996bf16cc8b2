"""`mempipe plan`: spec and data set in, a recorded run and the tasks that it still needs out. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

from mempipe.catalog.requests import RunRequest, create_request
from mempipe.data import load_dataset, resolve_data
from mempipe.errors import InputError, ObjectNotFoundError, RunError, SpecError
from mempipe.places import request_key
from mempipe.runs import Goal, Run, Span, plan_campaign, register_run
from mempipe.spec import MAX_TRIALS, Spec, parse_spec, validated
from mempipe.steps.progress import Reporter
from mempipe.storage import Store, checked_key, open_store
from mempipe.storage.uris import split_object_uri
from mempipe.training.registry import check_model_fits, resolve_model


@dataclass(frozen=True)
class Wanted:
    """What a plan is asked for beside the spec; None leaves it to the spec.

    Attributes:
        trials: total number of trials of the run.
        add_trials: instead of `trials`: as many more than are committed.
        chunk_size, task_size: for a run that does not exist yet.
        request: a name under which the store remembers the answer, so that a repeated plan asks for the same.
    """

    trials: int | None = None
    add_trials: int | None = None
    chunk_size: int | None = None
    task_size: int | None = None
    request: str | None = None


def read_spec(uri: str) -> Spec:
    """Read a spec from a path or from an object's URI."""
    try:
        if "://" in uri:
            store, key = split_object_uri(uri)
            content = store.read(key)
        else:
            content = Path(uri).expanduser().read_bytes()
        return parse_spec(content.decode(), source=uri)
    except (OSError, ObjectNotFoundError) as error:
        raise SpecError(
            f"Spec cannot be read: {uri} is missing or unreadable ({_reason(error)}), expected a YAML file.",
            hint="give the path of a spec, such as specs/digits.yaml.",
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(f"Spec cannot be read: {uri} is no UTF-8 text.", hint="save it as UTF-8.") from error


def plan(spec_uri: str, store_uri: str, wanted: Wanted, reporter: Reporter) -> Goal:
    """Record the run that a spec describes and plan its missing trials.

    Nothing is written before spec, data set and model have been checked.

    Returns:
        The run and the trials that it must have.
    """
    if wanted.trials is not None and wanted.add_trials is not None:
        raise InputError("Plan is ambiguous: --trials and --add-trials are both given.", hint="give one of them.")
    if wanted.request is not None:
        checked_key(request_key(wanted.request))
    root = open_store(store_uri)
    spec = read_spec(spec_uri)
    changes = {"chunk_size": wanted.chunk_size, "task_size": wanted.task_size}
    document = spec.model_dump() | {key: value for key, value in changes.items() if value is not None}
    spec = validated(Spec, document, source=spec_uri)
    spec = spec.model_copy(update={"data": resolve_data(spec.data), "model": resolve_model(spec.model)})
    dataset = load_dataset(spec.data)
    check_model_fits(spec.model, dataset.image_shape, dataset.n_classes)
    run = register_run(root, spec, dataset)
    kept = run.record.spec
    if (kept.chunk_size, kept.outcomes) != (spec.chunk_size, spec.outcomes):
        reporter.note(f"the run exists: it keeps chunk_size {kept.chunk_size}, outcomes {', '.join(kept.outcomes)}")
    goal = Goal(run, Span(0, _trials(root, run, spec, wanted)))
    (result,) = plan_campaign([goal], task_sizes=[spec.task_size], data=spec.data, influence=spec.influence).values()
    reporter.note(
        f"{dataset.name}: {dataset.n_train} train, {dataset.n_test} test; "
        f"{result.trials} trials wanted, {result.n_missing} missing, in {len(result.tasks)} tasks"
    )
    return goal


def _trials(root: Store, run: Run, spec: Spec, wanted: Wanted) -> int:
    trials = wanted.trials or spec.trials
    if wanted.add_trials is not None:
        committed = {trial for shard in run.shards() for trial in range(*shard.span)}
        trials = len(committed) + wanted.add_trials
    if trials > MAX_TRIALS:
        raise InputError(
            f"Plan is too large: {trials} trials are wanted, expected at most {MAX_TRIALS}.",
            hint="standard errors shrink with the square root of the trials; the paper uses 2,000 to 4,000.",
        )
    if wanted.request is None:
        return trials
    answer = create_request(root, wanted.request, RunRequest(run=run.uri, trials=trials))
    if answer.run != run.uri:
        raise RunError(
            f"Request was answered before: {root.uri}/{request_key(wanted.request)} run is {answer.run}, "
            f"expected {run.uri}.",
            hint="the spec changed between two tries; trigger a new DAG run.",
        )
    return answer.trials


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "no such object"
