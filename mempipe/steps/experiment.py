"""`mempipe experiment`: plans the runs that an experiment needs, validates them, finds its result."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

import mempipe
from mempipe.catalog.requests import ExperimentRequest, FinishedExperimentRequest, write_request
from mempipe.catalog.results import open_results, open_store_of, result_key
from mempipe.errors import IncompleteRunError, InputError, ObjectExistsError
from mempipe.experiments.plan import ExperimentPlan, PlannedRun, read_experiment_plan
from mempipe.experiments.registry import experiment, params_of, with_others
from mempipe.experiments.result import Result, TrainedRun
from mempipe.experiments.training import Trained
from mempipe.places import experiment_plan_key
from mempipe.release.load import load_release
from mempipe.runs import Run, Span, open_run
from mempipe.shards import unpack
from mempipe.spec import Strict
from mempipe.steps.batches import read_batches
from mempipe.steps.experiment_tasks import plan_again, plan_trainings
from mempipe.steps.progress import Reporter
from mempipe.steps.validate import valid_report, validate
from mempipe.steps.workers import ROUNDS, train_missing
from mempipe.storage import open_store, put
from mempipe.storage.uris import split_object_uri


@dataclass(frozen=True)
class Asked:
    """What a person or a DAG asks for.

    Attributes:
        experiment: its name.
        release: folder or URI of the release that it belongs to.
        params: parameters that are not the defaults.
        store: keeps runs and results; None: the store that the release was published in.
        data: where the data set lies now, as a spec's `data`; None: where the release says.
    """

    experiment: str
    release: str
    params: dict[str, Any]
    store: str | None = None
    data: dict[str, Any] | None = None


def plan_experiment(asked: Asked, reporter: Reporter, *, request: str | None = None) -> str:
    """Record the runs that an experiment needs and plan what is missing of them.

    Args:
        asked: which experiment, of which release.
        reporter: told what is planned.
        request: a name under which the store remembers where the plan is (`requests/NAME.json`).

    Returns:
        URI of the plan.

    Raises:
        InputError: the experiment or a parameter is unknown, or it cannot be made of this release.
        DataError: the data set is not the release's.
    """
    release = load_release(asked.release)
    params = _pinned(asked)
    root = open_store_of(release) if asked.store is None else open_store(asked.store)
    trainings = experiment(asked.experiment).trainings(release, params)
    runs, tasks = plan_trainings(root, release, trainings, asked.data, reporter)
    plan = ExperimentPlan(
        experiment=asked.experiment,
        release=release.uri,
        store=root.uri,
        params=params.model_dump(mode="json"),
        runs=tuple(runs),
        tasks=tuple(tasks),
    )
    digest = hashlib.sha256(json.dumps([plan.experiment, plan.release, plan.params], sort_keys=True).encode())
    place = open_results(root, release)
    key = experiment_plan_key(asked.experiment, digest.hexdigest())
    put(place, key, _written(plan))
    uri = f"{place.uri}/{key}"
    write_request(root, request, ExperimentRequest(plan=uri))
    n_missing = sum(len(task.trials) for task in tasks)
    n_models = sum(run.trials for run in runs)
    reporter.note(f"{asked.experiment}: {n_models} models of {len(runs)} runs, {n_missing} missing, {len(tasks)} tasks")
    return uri


def validate_experiment(plan_uri: str, reporter: Reporter) -> int:
    """Check the runs of an experiment, move corrupt shards aside, and plan what is missing again, in the same plan.

    Args:
        plan_uri: of its plan.
        reporter: told what was moved aside and what is missing.

    Returns:
        How many trials are missing.

    Raises:
        RunError: the plan is missing or damaged.
        TrialError: a shard came back with the same bad bytes after it was moved aside.
    """
    place, key = split_object_uri(plan_uri)
    plan = read_experiment_plan(place, key)
    n_missing = 0
    for planned in plan.runs:
        reporter.note(planned.role)
        n_missing += sum(len(span) for span in validate(planned.uri, planned.trials, reporter).missing)
    if n_missing:
        put(place, key, _written(plan_again(plan)))
    return n_missing


def finish_experiment(plan_uri: str, reporter: Reporter, *, request: str | None = None) -> str:
    """Read what was trained, find the result and commit it.

    Args:
        plan_uri: of its plan.
        reporter: told what was found.
        request: a name under which the store remembers where plan and result are (`requests/NAME.json`).

    Returns:
        URI of the result; equal findings were committed once.

    Raises:
        IncompleteRunError: trials are missing, or were corrupt; validate or plan again and train them.
        InputError: an object of the result's name lies there and says something else.
    """
    plan = read_experiment_plan(*split_object_uri(plan_uri))
    kind, params = experiment(plan.experiment), params_of(plan.experiment, plan.params)
    release = load_release(plan.release)
    trained = [_trained(planned, reporter) for planned in plan.runs]
    findings = kind.find(release, params, trained)
    manifests = [release.manifest]

    def by_id(uri: str) -> str:
        manifests.append(load_release(uri).manifest)
        return manifests[-1].id

    named = with_others(plan.experiment, params, by_id)
    result = Result(
        experiment=plan.experiment,
        title=kind.TITLE,
        paper=kind.PAPER,
        release=release.manifest.id,
        release_name=release.manifest.name,
        other_releases=tuple(manifest.id for manifest in manifests[1:]),
        subsets={manifest.id: manifest.subsets for manifest in manifests},
        params=named,
        runs=tuple(_used(item) for item in trained),
        findings=findings,
        created=datetime.now(UTC).replace(microsecond=0),
        software={"mempipe": mempipe.__version__, "numpy": np.__version__},
    )
    place = open_results(open_store(plan.store), release)
    key = result_key(result)
    try:
        place.create(key, result.to_json())
    except ObjectExistsError as error:
        there = Result.from_json(place.read(key), source=f"{place.uri}/{key}")
        if there.digest != result.digest:
            raise InputError(
                f"Result cannot be committed: {place.uri}/{key} digest is {there.digest}, expected {result.digest}.",
                hint="the object was changed by hand; move it away and run the same command again.",
            ) from error
        reporter.note("the same was found before")
    for fact in findings.facts:
        reporter.note(f"{fact.name}: {fact.value}")
    uri = f"{place.uri}/{key}"
    write_request(open_store(plan.store), request, FinishedExperimentRequest(plan=plan_uri, result=uri))
    return uri


def run_experiment(asked: Asked, reporter: Reporter, *, n_workers: int | None) -> str:
    """Plan, train what is missing with processes of this machine, and finish; returns the result's URI."""
    for _ in range(ROUNDS):
        uri = plan_experiment(asked, reporter)
        plan = read_experiment_plan(*split_object_uri(uri))
        for planned in plan.runs:
            run = open_run(open_store(planned.uri))
            train_missing(run, Span(0, planned.trials), reporter, n_workers=n_workers, role=planned.role)
        try:
            return finish_experiment(uri, reporter)
        except IncompleteRunError as error:  # of the first such run; the others may be damaged, too
            reporter.note(error.message)
            validate_experiment(uri, reporter)
    raise IncompleteRunError(
        f"Experiment is incomplete: {uri} still misses trials after {ROUNDS} rounds of training.",
        hint="look at the quarantined shards of its runs, then run the same command again.",
    )


def _written(plan: ExperimentPlan) -> bytes:
    return (plan.model_dump_json(indent=1) + "\n").encode()


def _pinned(asked: Asked) -> Strict:
    """Return the parameters with other releases named by their own URIs, not by that of the latest of their name."""
    params = params_of(asked.experiment, asked.params)
    return params_of(asked.experiment, with_others(asked.experiment, params, lambda uri: load_release(uri).uri))


def _trained(planned: PlannedRun, reporter: Reporter) -> Trained:
    report = validate(planned.uri, planned.trials, reporter)
    run = open_run(open_store(planned.uri))
    if report.missing:
        raise IncompleteRunError(
            f"Run is incomplete: {run.uri} lacks {sum(len(span) for span in report.missing)} of {planned.trials} "
            "trials.",
            hint="plan the experiment again and train what is missing; what is committed is kept.",
        )
    batches = list(read_batches(run, valid_report(run, Span(0, planned.trials))))
    n_test = run.record.data.n_test
    return Trained(
        role=planned.role,
        run=run,
        trials=np.concatenate([batch.trials for batch in batches]),
        test_correct=np.concatenate([unpack(batch.test_correct, n_test) for batch in batches]),
    )


def _used(trained: Trained) -> TrainedRun:
    run: Run = trained.run
    return TrainedRun(
        role=trained.role,
        run_key=run.record.run_key,
        uri=run.uri,
        trials=len(trained.trials),
        seed=run.record.spec.seed,
    )
