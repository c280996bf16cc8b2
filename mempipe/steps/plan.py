"""`mempipe plan`: records the run of a spec and its data set, and plans its missing trials. Imports no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mempipe.catalog.requests import RunRequest, create_request
from mempipe.data import Dataset, load_dataset, resolve_data
from mempipe.errors import InputError, ObjectNotFoundError, RunError, SpecError
from mempipe.places import request_key
from mempipe.runs import Goal, Run, Span, find_run, plan_campaign, read_plan, register_run
from mempipe.runs.bank import bank_note, default_outcomes, growth_note
from mempipe.scores.estimators import Estimator, load_estimators, require_outcomes
from mempipe.spec import MAX_TRIALS, Spec, parse_document, validated
from mempipe.spec.folder import spec_files
from mempipe.steps.fastest import choose_trainer
from mempipe.steps.progress import Reporter
from mempipe.storage import Store, checked_key, open_store
from mempipe.storage.protocol import split_object_uri
from mempipe.training.presence import absence
from mempipe.training.registry import check_recipe_fits, resolve_model


@dataclass(frozen=True)
class PlanOptions:
    """Options of a plan; None: as the spec says.

    Attributes:
        trials: the trials to plan.
        add_trials: instead of `trials`: number of trials to add to the committed ones.
        chunk_size, task_size: of a new run.
        request: the store keeps the answer under this name, so that a repeated plan has the same trials.
        trains_here: this machine trains the trials; without their trainer no new run is recorded.
        has_trainer: this process holds the trainer's function, so nothing is looked for.
    """

    trials: Span | None = None
    add_trials: int | None = None
    chunk_size: int | None = None
    task_size: int | None = None
    request: str | None = None
    trains_here: bool = False
    has_trainer: bool = False


class CheckedSpec(NamedTuple):
    """A spec that can be planned.

    Attributes:
        spec: resolved: the parameters of its data set and its model are complete, and its trainer has a name.
        dataset: the data set that it names.
        estimators: that compute the scores.
    """

    spec: Spec
    dataset: Dataset
    estimators: tuple[Estimator, ...]


def read_spec(uri: str) -> Spec:
    """Read a spec from a path, the URI of an object, or the name of a spec that comes with mempipe.

    A file takes precedence over a name.
    """
    return validated(Spec, read_document(uri), source=uri)


def read_document(uri: str) -> dict[str, Any]:
    """Read the keys of a spec as `read_spec` does, without a check of what they mean."""
    try:
        if "://" in uri:
            store, key = split_object_uri(uri)
            content = store.read(key)
        else:
            path = Path(uri).expanduser()
            content = (path if path.is_file() else spec_files().get(uri, path)).read_bytes()
        return parse_document(content.decode(), source=uri)
    except (OSError, ObjectNotFoundError) as error:
        raise SpecError(
            f"Spec cannot be read: {uri} is missing or unreadable ({_reason(error)}), expected a YAML file.",
            hint=f"give the path of a spec, or a name: {', '.join(spec_files())}.",
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(f"Spec cannot be read: {uri} is no UTF-8 text.", hint="save it as UTF-8.") from error


def checked_spec(
    source: str | Spec,
    reporter: Reporter,
    *,
    root: Store | None = None,
    chunk_size: int | None = None,
    task_size: int | None = None,
) -> CheckedSpec:
    """Read a spec and its data set, and check that the model and the estimators fit; writes to no store.

    Args:
        source: the spec, or where it is, as `read_spec` takes it.
        reporter: receives which trainer is chosen, if the spec has `trainer.kind: fastest`.
        root: the store in which a run of the spec may have been planned before; None: there is none.
        chunk_size: instead of the spec's.
        task_size: instead of the spec's.
    """
    spec_uri = source.name if isinstance(source, Spec) else source
    spec = source if isinstance(source, Spec) else read_spec(source)
    changes = {"chunk_size": chunk_size, "task_size": task_size}
    document = spec.model_dump() | {key: value for key, value in changes.items() if value is not None}
    spec = validated(Spec, document, source=spec_uri)
    spec = spec.model_copy(update={"data": resolve_data(spec.data), "model": spec.model and resolve_model(spec.model)})
    estimators = load_estimators(spec.estimators)
    if spec.outcomes is not None:
        require_outcomes(estimators, spec.outcomes, source=spec_uri)
    dataset = load_dataset(spec.data)
    if spec.model is not None and spec.recipe is not None:
        check_recipe_fits(spec.model, spec.recipe, dataset.image_shape, dataset.n_classes)
    return CheckedSpec(choose_trainer(spec, dataset, root, reporter), dataset, estimators)


def with_outcomes(checked: CheckedSpec, n_trials: int, *, recorded: Run | None = None) -> Spec:
    """Return the spec with its outcomes; if it names none, with those that its run keeps.

    Args:
        checked: the spec.
        n_trials: of the plan; a new run's default is by the larger of them and `spec.trials`, as a plan of few trials
            is often the pilot of all.
        recorded: the run; None: it is a new one.

    Raises:
        InputError: an estimator needs others.
    """
    spec, dataset, estimators = checked
    if spec.outcomes is not None:
        return spec
    if recorded is not None:
        outcomes = recorded.record.spec.kept_outcomes
    else:
        outcomes = default_outcomes(
            spec,
            n_examples=dataset.n_train + dataset.n_test,
            n_classes=dataset.n_classes,
            n_trials=max(n_trials, spec.trials),
        )
    require_outcomes(estimators, outcomes, source=spec.name)
    return spec.model_copy(update={"outcomes": outcomes})


def plan(source: str | Spec, store_uri: str, options: PlanOptions, reporter: Reporter) -> Goal:
    """Record the run that a spec describes and plan its missing trials.

    Nothing is written before the spec, the data set and the model are checked.

    Args:
        source: the spec, or where it is, as `read_spec` takes it.
        store_uri: URI of the store.
        options: of the plan.
        reporter: receives notes.

    Returns:
        The run and its planned trials.
    """
    if options.trials is not None and options.add_trials is not None:
        raise InputError("Plan is ambiguous: --trials and --add-trials are both given.", hint="give one of them.")
    if options.request is not None:
        checked_key(request_key(options.request))
    root = open_store(store_uri)
    checked = checked_spec(source, reporter, root=root, chunk_size=options.chunk_size, task_size=options.task_size)
    dataset, estimators = checked.dataset, checked.estimators
    recorded = find_run(root, checked.spec, dataset)
    if not options.has_trainer and (absent := absence(checked.spec)):
        if options.trains_here and recorded is None:  # else it may be complete
            raise absent
        reporter.note(f"{absent.message} Whatever trains the run must have it.")
    if options.trials is not None:
        n_trials = len(options.trials)
    else:
        n_trials = checked.spec.trials if options.add_trials is None else options.add_trials
    spec = with_outcomes(checked, n_trials, recorded=recorded)
    run = register_run(root, spec, dataset)
    run_spec = run.record.spec
    if (run_spec.chunk_size, run_spec.kept_outcomes) != (spec.chunk_size, spec.kept_outcomes):
        reporter.note(
            f"the run exists: it keeps chunk_size {run_spec.chunk_size}, outcomes {', '.join(run_spec.kept_outcomes)}"
        )
        require_outcomes(estimators, run_spec.kept_outcomes, source=run.uri)
    goal = Goal(run, _trials(root, run, spec, options))
    (result,) = plan_campaign(
        [goal],
        task_sizes=[spec.task_size],
        data=spec.data,
        influence=spec.influence,
        estimators=spec.estimators,
    ).values()
    reporter.note(
        f"{dataset.name}: {dataset.n_train} train, {dataset.n_test} test; "
        f"{len(goal.trials)} trials planned, {result.n_missing} missing, in {len(result.tasks)} tasks"
    )
    reporter.note(bank_note(run, len(goal.trials)))
    if checked.spec.outcomes is None and (growth := growth_note(run, len(goal.trials))):
        reporter.note(growth)
    return goal


def _trials(root: Store, run: Run, spec: Spec, options: PlanOptions) -> Span:
    trials = Span(0, spec.trials) if options.trials is None else options.trials
    if options.add_trials is not None:
        first = _planned_first(run)
        committed = {trial for shard in run.shards() for trial in range(*shard.span) if trial >= first}
        trials = Span(first, first + len(committed) + options.add_trials)
    if trials.stop > MAX_TRIALS:
        raise InputError(
            f"Plan is too large: {trials.stop} trials are planned, expected at most {MAX_TRIALS}.",
            hint="standard errors shrink with the square root of the trials; the paper uses 2,000 to 4,000.",
        )
    if options.request is None:
        return trials
    answer = create_request(root, options.request, RunRequest(run=run.uri, first=trials.start, trials=trials.stop))
    if answer.run != run.uri:
        raise RunError(
            f"Request was answered before: {root.uri}/{request_key(options.request)} run is {answer.run}, "
            f"expected {run.uri}.",
            hint="the spec changed between two tries; trigger a new DAG run.",
        )
    return answer.span


def _planned_first(run: Run) -> int:
    """Return the first planned trial of the run; 0 if it has no readable plan."""
    try:
        return read_plan(run.store).first
    except RunError:
        return 0


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "no such object"
