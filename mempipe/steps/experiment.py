"""`mempipe experiment`: plans and validates the campaign of an experiment, and computes its result."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

import mempipe
from mempipe.bits import unpack
from mempipe.catalog.requests import ExperimentRequest, FinishedExperimentRequest, write_request
from mempipe.catalog.results import open_results, open_store_of, result_key
from mempipe.errors import InputError, ObjectExistsError
from mempipe.experiments.plan import ExperimentPlan, PlannedRun, read_experiment_plan, tasks_of
from mempipe.experiments.registry import experiment, params_of, with_others
from mempipe.experiments.result import Result, TrainedRun
from mempipe.experiments.training import TrainingResult
from mempipe.places import experiment_plan_key
from mempipe.release.open_scores import open_scores
from mempipe.runs import Campaign, Goal, read_plan
from mempipe.spec import Strict
from mempipe.steps.batches import read_batches
from mempipe.steps.campaign import complete
from mempipe.steps.progress import Reporter
from mempipe.steps.retraining import plan_trainings
from mempipe.steps.validate import validate
from mempipe.storage import Commit, open_store, put
from mempipe.storage.protocol import split_object_uri
from mempipe.validation.report import valid_report


@dataclass(frozen=True)
class ExperimentConfig:
    """An experiment on a release, with its options.

    Attributes:
        experiment: its name.
        release: folder or URI of the release that it belongs to.
        params: parameters that differ from the defaults.
        store: store of the runs and results; None: the store that the release was published in.
        data: where the data set is now, as a spec's `data`; None: as the release records.
    """

    experiment: str
    release: str
    params: dict[str, Any]
    store: str | None = None
    data: dict[str, Any] | None = None


def plan_experiment(config: ExperimentConfig, reporter: Reporter, *, request: str | None = None) -> str:
    """Record the runs that an experiment needs and plan their missing trials.

    Args:
        config: the experiment and its release.
        reporter: receives progress and notes.
        request: the store keeps the plan's URI under this name (`requests/NAME.json`).

    Returns:
        URI of the plan.

    Raises:
        InputError: the experiment or a parameter is unknown, or the experiment does not apply to this release.
        DataError: the data set is not the release's.
    """
    release = open_scores(config.release)
    params = _pinned(config)
    root = open_store_of(release) if config.store is None else open_store(config.store)
    trainings = experiment(config.experiment).trainings(release, params)
    campaign, plans = plan_trainings(root, release, trainings, config.data, reporter)
    plan = ExperimentPlan(
        experiment=config.experiment,
        release=release.uri,
        store=root.uri,
        params=params.model_dump(mode="json"),
        runs=tuple(PlannedRun(role=goal.role, uri=goal.run.uri, trials=len(goal.trials)) for goal in campaign),
        tasks=tasks_of(plans),
    )
    digest = hashlib.sha256(json.dumps([plan.experiment, plan.release, plan.params], sort_keys=True).encode())
    place = open_results(root, release)
    key = experiment_plan_key(config.experiment, digest.hexdigest())
    put(place, key, plan.to_json())
    uri = f"{place.uri}/{key}"
    if request is not None:
        write_request(root, request, ExperimentRequest(plan=uri))
    n_missing = sum(own.n_missing for own in plans.values())
    n_models = sum(run.trials for run in plan.runs)
    reporter.note(
        f"{plan.experiment}: {n_models} models of {len(plan.runs)} runs, {n_missing} missing, {len(plan.tasks)} tasks"
    )
    return uri


def validate_experiment(plan_uri: str, reporter: Reporter) -> int:
    """Check the runs of an experiment, quarantine corrupt shards, and add the missing trials' tasks to the plan.

    Args:
        plan_uri: URI of the plan.
        reporter: receives progress and notes.

    Returns:
        Number of missing trials.

    Raises:
        RunError: the plan is missing or damaged.
        TrialError: a shard was trained again after its quarantine and has the same bad bytes.
    """
    place, key = split_object_uri(plan_uri)
    plan = read_experiment_plan(place, key)
    campaign = plan.campaign()
    reports = validate(campaign, reporter)
    n_missing = sum(len(chunk) for report in reports for chunk in report.missing)
    if n_missing:
        plans = {goal.run.uri: read_plan(goal.run.store) for goal in campaign}
        put(place, key, plan.model_copy(update={"tasks": tasks_of(plans)}).to_json())
    return n_missing


def finish_experiment(plan_uri: str, reporter: Reporter, *, request: str | None = None) -> str:
    """Validate the trained runs, compute the result and commit it.

    Args:
        plan_uri: URI of the plan.
        reporter: receives progress and notes.
        request: the store keeps the URIs of plan and result under this name (`requests/NAME.json`).

    Returns:
        URI of the result; equal findings have one result.

    Raises:
        IncompleteRunError: trials are missing, or were corrupt; they are planned again, in the same plan.
        InputError: the store has another result under the same key.
    """
    validate_experiment(plan_uri, reporter)
    plan = read_experiment_plan(*split_object_uri(plan_uri))
    uri = _find(plan, plan.campaign(), reporter)
    if request is not None:
        write_request(open_store(plan.store), request, FinishedExperimentRequest(plan=plan_uri, result=uri))
    return uri


def run_experiment(config: ExperimentConfig, reporter: Reporter, *, n_workers: int | None) -> str:
    """Plan, train the missing trials in local processes, and compute the result; returns its URI."""
    plan = read_experiment_plan(*split_object_uri(plan_experiment(config, reporter)))
    campaign = plan.campaign()
    complete(campaign, reporter, n_workers=n_workers)
    return _find(plan, campaign, reporter)


def _find(plan: ExperimentPlan, campaign: Campaign, reporter: Reporter) -> str:
    """Compute the result of a validated campaign and commit it; returns its URI."""
    kind, params = experiment(plan.experiment), params_of(plan.experiment, plan.params)
    release = open_scores(plan.release)
    runs = [_read_run(goal) for goal in campaign]
    findings = kind.find(release, params, runs)
    scores = [release]

    def by_id(uri: str) -> str:
        scores.append(open_scores(uri))
        return scores[-1].id

    named = with_others(plan.experiment, params, by_id)
    result = Result(
        experiment=plan.experiment,
        title=kind.TITLE,
        paper=kind.PAPER,
        release=release.id,
        release_name=release.name,
        other_releases=tuple(other.id for other in scores[1:]),
        subsets={one.id: one.subsets for one in scores},
        params=named,
        runs=tuple(_run_entry(run) for run in runs),
        findings=findings,
        created=datetime.now(UTC).replace(microsecond=0),
        software={"mempipe": mempipe.__version__, "numpy": np.__version__},
    )
    place = open_results(open_store(plan.store), release)
    key = result_key(result)
    try:
        commit = place.create(key, result.to_json())
    except ObjectExistsError as error:
        stored = Result.from_json(place.read(key), source=f"{place.uri}/{key}")
        if stored.digest != result.digest:
            raise InputError(
                f"Result cannot be committed: {place.uri}/{key} digest is {stored.digest}, expected {result.digest}.",
                hint="the object was changed by hand; move it away and run the same command again.",
            ) from error
        commit = Commit.ALREADY_THERE
    if commit is Commit.ALREADY_THERE:
        reporter.note("this result already exists")
    for fact in findings.facts:
        reporter.note(f"{fact.name}: {fact.value}")
    return f"{place.uri}/{key}"


def _pinned(config: ExperimentConfig) -> Strict:
    """Return the parameters with each other release by its own URI, in place of the URI of the latest of its name."""
    params = params_of(config.experiment, config.params)
    return params_of(config.experiment, with_others(config.experiment, params, lambda uri: open_scores(uri).uri))


def _read_run(goal: Goal) -> TrainingResult:
    batches = list(read_batches(goal.run, valid_report(goal.run, goal.trials)))
    n_test = goal.run.record.data.n_test
    return TrainingResult(
        role=goal.role,
        run=goal.run,
        trials=np.concatenate([batch.trials for batch in batches]),
        test_correct=np.concatenate([unpack(batch.test["correct"], n_test) for batch in batches]),
    )


def _run_entry(trained: TrainingResult) -> TrainedRun:
    record = trained.run.record
    return TrainedRun(
        role=trained.role,
        run_key=record.run_key,
        uri=trained.run.uri,
        trials=len(trained.trials),
        seed=record.spec.seed,
    )
