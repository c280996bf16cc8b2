"""What mempipe 0.1 wrote is opened, with the same numbers and ids, and nothing of it is done again."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import mempipe
from mempipe.catalog.requests import ExperimentRequest, ReleaseRequest, read_request
from mempipe.catalog.results import open_results, open_store_of, read_results, result_key
from mempipe.experiments.plan import read_experiment_plan
from mempipe.release.load import Release, load_release
from mempipe.release.summary import summarize
from mempipe.report.experiments import find_experiments
from mempipe.report.from_scores import content_of
from mempipe.runs import Span, open_run, read_plan
from mempipe.spec import run_key
from mempipe.steps.progress import LineReporter
from mempipe.steps.publish import publish
from mempipe.storage import open_store
from mempipe.tables.schema import TABLES
from mempipe.validation.quarantine import quarantined
from mempipe.validation.report import valid_report
from mempipe.validation.validate import validate_run

ID = "early-d2b6601aa229-t20-0f9475ccbb79"
"""Run key, trials and content digest, as 0.1 made them."""


def contents(store: Path) -> dict[Path, bytes]:
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_the_release(release: Release) -> None:
    manifest = release.manifest
    assert (manifest.id, manifest.schema_version, manifest.minor_version) == (ID, 1, 0)
    release.verify()
    for name, columns in TABLES.items():
        assert getattr(release, name).column_names == [column.name for column in columns]
    assert release.examples["filename"].to_pylist()[:2] == ["apple/apple_0.png", "apple/apple_1.png"]
    assert release.select_pairs().equals(release.pairs)
    assert release.pairs.num_rows == manifest.pairs.n_pairs == 14
    with np.load(release.local_file("early_infl_matrix.npz")) as matrix:
        np.testing.assert_array_equal(release.mem, matrix["tr_mem"])
        for label in range(3):
            infl = release.influence(label).infl.astype(np.float32)
            np.testing.assert_array_equal(infl, matrix[f"infl_matrix_class{label}"])
            assert release.select_pairs(mem=-1, infl=-1).num_rows == sum(
                matrix[f"infl_matrix_class{k}"].size for k in range(3)
            )
    console = Console(file=io.StringIO(), width=120)
    console.print(summarize(release))
    assert isinstance(console.file, io.StringIO)
    assert "cedar/cedar_4.png" in console.file.getvalue()


def test_the_report_of_a_release(release: Release) -> None:
    experiments = find_experiments(release, None)
    assert [experiment.newest.experiment for experiment in experiments] == ["histograms", "influencers"]
    content = content_of(release, experiments)
    assert content.train_names is not None
    assert (content.id, len(content.train_names), len(content.pairs["infl"])) == (ID, 30, 31)


def test_the_run(store: Path, run_path: Path) -> None:
    run = open_run(open_store(str(run_path)))
    assert run.record.run_key == run_key(run.record.spec, data_fingerprint=run.record.data.fingerprint)
    assert run.record.later_keys == ()
    assert read_plan(run.store).trials == 20
    assert run.missing(Span(0, 20)) == []
    assert [record.state for record in quarantined(run)] == ["removed"]
    root = open_store(str(store))
    assert read_request(root, "first", ReleaseRequest).release.endswith(ID)
    assert read_request(root, "infl", ExperimentRequest).plan.endswith(".json")


def test_the_bank(run_path: Path, release: Release) -> None:
    """`margins: false` of 0.1 is correctness alone; its shards give the scores of its release."""
    bank = mempipe.open_run(run_path)
    assert bank.outcomes == ("correct",)
    predictions = bank.columns()
    seen, right = predictions.subset_mask, predictions.train["correct"]
    with np.errstate(invalid="ignore"):
        mem = (seen & right).sum(axis=0) / seen.sum(axis=0) - (~seen & right).sum(axis=0) / (~seen).sum(axis=0)
    np.testing.assert_array_equal(mem, release.mem)


@pytest.mark.parametrize(
    ("name", "trials"),
    [("early-d2b6601aa229", 20), ("early-removal-ec9322b212db", 2), ("early-removal-b9e855c576ae", 4)],
)
def test_a_validated_run_is_not_validated_again(store: Path, name: str, trials: int) -> None:
    before = contents(store)
    run = open_run(open_store(str(store / "runs" / name)))
    report = validate_run(run, Span(0, trials))
    assert report == valid_report(run, Span(0, trials))
    assert report.missing == ()
    assert contents(store) == before


def test_a_published_run_is_not_published_again(store: Path, run_path: Path) -> None:
    before, lines = contents(store), io.StringIO()
    assert publish(str(run_path), None, None, LineReporter(lines)) == str(store / "releases" / "early" / ID)
    assert "already published" in lines.getvalue()
    assert contents(store) == before


def test_published_today_its_content_is_the_same(store: Path, run_path: Path) -> None:
    again = load_release(publish(str(run_path), None, "again", LineReporter(io.StringIO())))
    first = load_release(store / "releases" / "early")
    assert again.manifest.content_digest == first.manifest.content_digest
    for path in ("early_infl_matrix.npz", "early_index.npz", "tallies/examples.npz", "tallies/blocks-00000.npz"):
        name = path.replace("early", "again")
        assert again.local_file(name).read_bytes() == first.local_file(path).read_bytes()


def test_the_experiments(store: Path, release: Release) -> None:
    place = open_results(open_store_of(release), release)
    results = list(read_results(place))
    assert len(results) == 2
    for key, result in results:
        assert result_key(result) == key
    (key,) = (path.name for path in store.glob("experiments/early/*/plans/influencers-*.json"))
    plan = read_experiment_plan(place, f"plans/{key}")
    assert [(run.role, run.trials) for run in plan.runs] == [("nothing removed", 2), ("influencers removed", 4)]
    assert json.loads(place.read(f"plans/{key}")) == json.loads(plan.to_json())
