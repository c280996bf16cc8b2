"""Plan, train, finish: what is shared, what is missing, what is refused; Figure 2 against plain loops."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mempipe.data import Dataset
from mempipe.errors import DataError, InputError
from mempipe.experiments.registry import available, experiment, is_automatic
from mempipe.release.load import Release, load_release
from mempipe.runs import Span, open_run
from mempipe.runs.plan import MAX_TASKS
from mempipe.spec import Spec, parse_spec
from mempipe.steps.experiment import ExperimentConfig, plan_experiment
from mempipe.steps.progress import LineReporter
from mempipe.steps.retraining import scaled_task_size, spec_and_data
from mempipe.storage import open_store
from mempipe.subsets import removal
from tests.command import mempipe
from tests.tiny import TINY


def bits(run: Path, name: str, n: int) -> dict[int, np.ndarray]:
    """Return a packed array of a run's shards, by trial, read with numpy alone."""
    correctness = {}
    for path in run.glob("shards/*.npz"):
        with np.load(path, allow_pickle=False) as shard:
            rows = np.unpackbits(shard[name], axis=1, count=n, bitorder="little")
            correctness |= dict(zip(shard["trials"].tolist(), rows, strict=True))
    return correctness


def test_figure_2_from_plan_to_result(store: Path, release_path: Path) -> None:
    """Planned, refused while trials are missing, trained, finished; the run on everything is the influencers' own."""
    release = store / "releases" / "tiny" / release_path.name
    params = "{thresholds: [0.4], repeats: 2}"
    arguments = ("experiment", "plan", "marginal-utility", release, "--params", params, "--request", "mine")
    uri = mempipe(*arguments).stdout.splitlines()[-1]
    assert json.loads((store / "requests" / "mine.json").read_text()) == {"schema_version": 1, "plan": uri}
    plan = json.loads(Path(uri).read_text())
    full_run, without = plan["runs"]
    assert [(run["role"], run["trials"]) for run in plan["runs"]] == [("nothing removed", 2), ("mem >= 0.4", 4)]
    assert [task["run"] for task in plan["tasks"]] == [without["uri"]]
    refused = mempipe("experiment", "finish", uri, code=10)
    assert f"Run is incomplete: {without['uri']} lacks 4 of 4 trials" in refused.stderr
    mempipe("train", without["uri"], "--trials", "0:4")
    result = Path(mempipe("experiment", "finish", uri).stdout.splitlines()[-1])
    columns = json.loads(result.read_text())["findings"]["tables"]["accuracy"]["columns"]

    mem = np.load(next(release.glob("*_infl_matrix.npz")))["tr_mem"]
    memorized = set(np.flatnonzero(mem >= 0.4))
    seen, correct = bits(Path(without["uri"]), "subset_mask", 1437), bits(Path(without["uri"]), "test_correct", 360)
    assert set(np.flatnonzero(seen[0] == 0)) == set(np.flatnonzero(seen[2] == 0)) == memorized
    assert (seen[1] == 0).sum() == (seen[3] == 0).sum() == len(memorized)
    accuracy = [sum(int(bit) for bit in correct[trial]) / 360 for trial in range(4)]
    assert columns["n_removed"]["values"] == [len(memorized)]
    assert columns["kept"]["values"] == pytest.approx([1 - len(memorized) / 1437])
    for name, pair in (("memorized", accuracy[::2]), ("random", accuracy[1::2])):
        assert columns[f"without_{name}"]["values"] == pytest.approx([sum(pair) / 2])
        assert columns[f"without_{name}_sd"]["values"] == pytest.approx([abs(pair[0] - pair[1]) / 2**0.5])
    loss = (accuracy[1] + accuracy[3] - accuracy[0] - accuracy[2]) / 2
    everything = bits(Path(full_run["uri"]), "test_correct", 360)
    full = sum(int(bit) for trial in range(2) for bit in everything[trial]) / 720
    assert columns["excess"]["values"] == pytest.approx([loss])
    assert columns["utility"]["values"] == pytest.approx([full - (accuracy[0] + accuracy[2]) / 2])
    assert columns["random_utility"]["values"] == pytest.approx([full - (accuracy[1] + accuracy[3]) / 2])

    again = mempipe("experiment", "finish", uri)
    assert again.stdout.splitlines()[-1] == str(result)
    assert "this result already exists" in again.stderr
    assert json.loads(Path(mempipe(*arguments).stdout.splitlines()[-1]).read_text())["tasks"] == []


def test_what_is_corrupt_is_moved_aside_and_planned_again(store: Path, release_path: Path) -> None:
    """Of all runs at once, whether it was missing when the experiment was planned or not; nothing is refused for it."""
    release = store / "releases" / "tiny" / release_path.name
    config = ExperimentConfig("influencers", str(release), {"repeats": 3})
    uri = plan_experiment(config, LineReporter(StringIO()))
    assert json.loads(Path(uri).read_text())["tasks"] == []
    assert mempipe("experiment", "validate", uri).stdout == "0\n"
    assert json.loads(Path(uri).read_text())["tasks"] == []
    runs = [Path(run["uri"]) for run in json.loads(Path(uri).read_text())["runs"]]
    for run in runs:
        (shard,) = run.glob("shards/*.npz")
        shard.write_bytes(shard.read_bytes()[:-1])
    validated = mempipe("experiment", "validate", uri)
    assert validated.stdout == "9\n"
    assert validated.stderr.count("moved aside: ") == 2
    tasks = json.loads(Path(uri).read_text())["tasks"]
    assert [(Path(task["run"]), task["trials"]) for task in tasks] == [(runs[0], [0, 3]), (runs[1], [0, 6])]
    assert all(list(run.glob("quarantine/*.npz")) and not list(run.glob("shards/*.npz")) for run in runs)


def test_what_is_corrupt_at_the_end_is_planned_again_in_the_experiments_plan(store: Path, release_path: Path) -> None:
    """So that whoever reads the plan trains it, as after `validate`."""
    release = store / "releases" / "tiny" / release_path.name
    uri = plan_experiment(ExperimentConfig("influencers", str(release), {"repeats": 3}), LineReporter(StringIO()))
    run = Path(json.loads(Path(uri).read_text())["runs"][1]["uri"])
    (shard,) = run.glob("shards/*.npz")
    shard.write_bytes(shard.read_bytes()[:-1])
    refused = mempipe("experiment", "finish", uri, code=10)
    assert f"Run is incomplete: {run} lacks 6 of 6 trials" in refused.stderr
    assert json.loads(Path(uri).read_text())["tasks"] == [{"run": str(run), "trials": [0, 6]}]


def test_a_run_without_some_examples_has_no_scores(influenced: tuple[Path, Path]) -> None:
    plan = json.loads(influenced[0].read_text())
    done = mempipe("aggregate", plan["runs"][1]["uri"], code=20)
    assert "subsets.design is 'removal', expected 'uniform' or 'balanced'" in done.stderr


def test_another_data_set_is_refused_before_anything_is_planned(store: Path, release_path: Path) -> None:
    release = store / "releases" / "tiny" / release_path.name
    before = sorted(store.rglob("*"))
    config = ExperimentConfig("influencers", str(release), {"repeats": 2}, data={"name": "digits", "test_size": 300})
    with pytest.raises(DataError, match="Data set is not the release's: digits fingerprint is"):
        plan_experiment(config, LineReporter(StringIO()))
    assert sorted(store.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("no-such", {}, "its name is 'no-such', expected one of .*influencers.*marginal-utility"),
        ("influencers", {"repeat": 3}, r"params\.repeat is an unknown key"),
        ("influencers", {"repeats": 1}, r"params\.repeats is 1, expected"),
        ("influencers", {"infl": 1.0}, r"pairs with mem >= 0.25 and infl >= 1 are 0"),
    ],
)
def test_what_cannot_be_asked(release_path: Path, name: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_experiment(ExperimentConfig(name, str(release_path), params), LineReporter(StringIO()))


def test_what_is_made_of_every_release_trains_nothing(release_path: Path) -> None:
    automatic = {name for name in available() if is_automatic(name)}
    assert automatic >= {"examples", "histograms", "pair-examples", "pairs"}
    release = load_release(release_path)
    for name in automatic:
        assert experiment(name).trainings(release, experiment(name).Params()) == []


def test_airflow_can_map_the_tasks_of_all_runs(store: Path, release_path: Path) -> None:
    """2 runs of 1,000 and 2,000 chunks are planned in larger tasks: together no more than one run may have."""
    release = store / "releases" / "tiny" / release_path.name
    config = ExperimentConfig("influencers", str(release), {"repeats": 10_000})
    uri = plan_experiment(config, LineReporter(StringIO()))
    plan = json.loads(Path(uri).read_text())
    assert len(plan["tasks"]) <= MAX_TASKS
    for entry in plan["runs"]:
        covered = {t for task in plan["tasks"] if task["run"] == entry["uri"] for t in range(*task["trials"])}
        run = open_run(open_store(entry["uri"]))
        missing = {trial for chunk in run.missing(Span(0, entry["trials"])) for trial in range(*chunk)}
        assert missing <= covered <= set(range(entry["trials"]))


@pytest.mark.parametrize(
    ("task_size", "n_removed", "expected"),
    [(2, 0, 1), (10, 0, 7), (250, 0, 175), (10, 100, 7), (10, 200, 8), (1, 0, 1), (10, 300, 10), (10, 900, 70)],
)
def test_a_task_takes_as_long_as_one_of_the_release(task_size: int, n_removed: int, expected: int) -> None:
    """1,000 examples, of which the release's models see 700: a model that sees all of them takes longer."""
    spec = parse_spec(f"{TINY}task_size: {task_size}\n", source="tiny")
    assert scaled_task_size(spec, removal(np.arange(1000) < n_removed), 1000) == expected


def test_the_tasks_of_an_experiment_are_that_long(
    store: Path, release_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 3 chunks in the spec, with 10 trials in each, 2 remain."""

    def longer(release: Release, data: dict[str, Any] | None) -> tuple[Spec, Dataset]:
        spec, dataset = spec_and_data(release, data)
        return spec.model_copy(update={"task_size": 3}), dataset

    monkeypatch.setattr("mempipe.steps.retraining.spec_and_data", longer)
    config = ExperimentConfig("influencers", str(store / "releases" / "tiny" / release_path.name), {"repeats": 60})
    plan = json.loads(Path(plan_experiment(config, LineReporter(StringIO()))).read_text())
    trials = [task["trials"] for task in plan["tasks"] if task["run"] == plan["runs"][0]["uri"]]
    assert trials == [[3, 20], [20, 40], [40, 60]]
