"""Merged releases: two parts of a run are the whole, predictions merge in any order, and nothing counts twice."""

from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from mempipe.cli.main import run as command
from mempipe.release.load import Release, load_release
from mempipe.release.write import write_release
from mempipe.runs import Plan, Span, goal_of, write_plan
from mempipe.spec import Component
from mempipe.steps.aggregate import aggregate
from mempipe.steps.merge import merge_releases
from mempipe.steps.progress import LineReporter
from mempipe.steps.publish import publish
from mempipe.steps.validate import validate
from tests.command import score_files
from tests.release import world as release_world
from tests.validation.conftest import make_world

ODD = Span(0, 5)
"""Trials with an accuracy of 0.5 where others have 0.95: odd among ten or more; fewer have no spread to speak of."""


def reporter() -> LineReporter:
    return LineReporter(StringIO())


def published(store: Path, trials: Span) -> Release:
    """Publish a range of the trials of one and the same run, from shards without training, in a store of its own."""
    world = make_world(uri=f"{store}/runs/small-aaaaaaaaaaaa")
    for start, stop in ((*ODD,), (5, 8), (8, 20), (20, 30), (30, 40)):
        if trials.start <= start and stop <= trials.stop:
            accuracy = 0.5 if (start, stop) == ODD else 0.95
            world.commit(Span(start, stop), accuracy=accuracy)
    data = Component(name="none")
    plan = Plan(first=trials.start, trials=trials.stop, n_missing=0, tasks=(), data=data, influence="full")
    write_plan(world.run.store, plan)
    uri = world.run.uri
    (report,) = validate([goal_of(uri)], reporter())
    assert report.wanted == trials
    aggregate(uri, None, reporter())
    return load_release(publish(uri, None, None, reporter()))


def test_parts_of_a_run_merge_to_the_whole(tmp_path: Path) -> None:
    whole = published(tmp_path / "whole", Span(0, 40))
    first = published(tmp_path / "first", Span(0, 8))
    second = published(tmp_path / "second", Span(8, 40))
    assert any(whole.trials["odd"].to_pylist()[: ODD.stop])
    assert not any(first.trials["odd"].to_pylist())
    parts = [second.uri, first.uri]
    folder = merge_releases(parts, name="small", out=tmp_path / "merged", store=None, reporter=reporter())
    merged = load_release(folder)
    merged.verify()
    assert (merged.manifest.id, merged.manifest.digests) == (whole.manifest.id, whole.manifest.digests)
    assert score_files(Path(folder)) == score_files(Path(whole.uri))
    assert merged.trials.drop_columns(["shard"]) == whole.trials.drop_columns(["shard"])
    assert merged.manifest.run == whole.manifest.run == "small-aaaaaaaaaaaa"
    assert merged.manifest.merged == tuple(sorted([first.manifest.id, second.manifest.id]))
    # The merged release has more trials than the part that lies in its store, so readers get it.
    uri = merge_releases(parts, name="small", out=None, store=str(tmp_path / "first"), reporter=reporter())
    assert load_release(f"{tmp_path}/first/releases/small").uri == uri
    assert score_files(Path(uri)) == score_files(Path(whole.uri))


@pytest.fixture
def predictions(tmp_path: Path) -> Callable[[Sequence[int]], str]:
    """Scores some of thirty trials of predictions, as a user of another framework would."""
    rng = np.random.default_rng(3)
    rows = {
        "subset-mask": rng.random((30, 24)) < 0.7,
        "train-correct": rng.random((30, 24)) < 0.8,
        "test-correct": rng.random((30, 18)) < 0.8,
    }
    labels = {"train-labels": np.arange(24) % 3, "test-labels": np.arange(18) % 3}

    def score(trials: Sequence[int]) -> str:
        folder = tmp_path / f"{trials[0]}-{trials[-1]}"
        folder.mkdir()
        options = []
        for name, array in {**{name: rows[name][list(trials)] for name in rows}, **labels}.items():
            np.save(folder / f"{name}.npy", array)
            options += [f"--{name}", str(folder / f"{name}.npy")]
        assert command(["score", *options, "--name", "theirs", "--out", str(folder / "release")]) == 0
        return str(folder / "release")

    return score


def test_predictions_merge_in_any_order(tmp_path: Path, predictions: Callable[[Sequence[int]], str]) -> None:
    whole = load_release(predictions(range(30)))
    a, b, c = (predictions(range(start, start + 10)) for start in (0, 10, 20))

    def merged(name: str, *uris: str) -> str:
        return merge_releases(uris, name="theirs", out=tmp_path / name, store=None, reporter=reporter())

    manifest = Path(b) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"plain"', '"plain", "confidence"', 1))
    notes = StringIO()
    merge_releases([a, b], name="theirs", out=tmp_path / "noted", store=None, reporter=LineReporter(notes))
    assert "scores by confidence are left out" in notes.getvalue()
    left = load_release(merged("ab-c", merged("ab", a, b), c))
    right = load_release(merged("c-ba", c, merged("ba", b, a)))
    left.verify()
    assert left.manifest.id == right.manifest.id
    assert left.manifest.key_kind == "inputs"
    assert left.manifest.key not in {load_release(uri).manifest.key for uri in (a, b, c)}
    assert left.manifest.subsets == whole.manifest.subsets
    for table in ("examples", "test_examples", "pairs", "classes"):
        assert getattr(left, table) == getattr(whole, table), table
    assert left.trials["trial"].to_pylist() == list(range(30))
    accuracies = [sorted(release.trials["test_accuracy"].to_pylist()) for release in (left, whole)]
    assert accuracies[0] == accuracies[1]


def test_what_does_not_belong_together_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = release_world.make_world()
    later = world.part(20, 40)
    uris = {}
    for name, part, changes in (
        ("first", world.part(0, 21), {}),
        ("second", later, {}),
        ("run", later, {"key": "c" * 64}),
        ("scored", later, {"key_kind": "inputs"}),
        ("names", later, {"class_names": ("zero", "one", "two", "somebody")}),
        ("labels", release_world.World(later.mask, later.train, later.test, world.train_labels[::-1].copy(),
                                       world.test_labels, first_trial=20), {}),
    ):  # fmt: skip
        write_release(part.content(**changes), tmp_path / name)
        uris[name] = str(tmp_path / name)
    expected = {
        "second": f"trial 20 is in {uris['first']} and in {uris['second']}",
        "run": f"{uris['run']} key is {'c' * 64}, expected ab12",
        "scored": "key_kind is inputs, expected run",
        "names": f"{uris['names']} has other class names, expected those of {uris['first']}",
        "labels": f"{uris['labels']} has other train labels",
    }
    for name, says in expected.items():
        assert command(["merge", uris["first"], uris[name], "--name", "tiny", "--out", str(tmp_path / "out")]) == 20
        assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["A", "--name", "x", "--out", "B"], "expected 2 or more"),
        (["A", "A", "--name", "x"], "neither of --out and --store"),
        (["A", "A", "--name", "x", "--out", "B", "--store", "C"], "both of --out and --store"),
        (["A", "A", "--name", "Bad Name", "--out", "B"], "'Bad Name'"),
        (["A", "A", "--name", "x", "--out", "B"], "Release does not exist"),
    ],
)
def test_a_wrong_command_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["merge", *arguments]) == 20
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
