"""`mempipe experiment` from a release to a committed result: found once, never overwritten."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mempipe.catalog.results import read_results
from mempipe.cli.main import run
from mempipe.experiments.result import Result
from mempipe.release.load import Release
from mempipe.storage import open_store
from tests.command import mempipe
from tests.experiments.releases import known_release

Command = Callable[..., str]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """Ten examples with a pair each, in a store."""
    infl = [[k / 32 if k == j else 0 for j in range(10)] for k in range(10)]
    return known_release(tmp_path / "store", [0.5] * 10, infl, name="one")


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process; returns what it printed, or its error."""

    def call(*arguments: str | Path, code: int = 0) -> str:
        got = run([str(argument) for argument in arguments])
        output = capfd.readouterr()
        assert got == code, output.err
        return output.err if code else output.out.strip()

    return call


def read(uri: str) -> Result:
    return Result.from_json(Path(uri).read_bytes(), source=uri)


def test_pairs_from_end_to_end(release: Release) -> None:
    """A process of its own, given the name's folder and not the release's."""
    place = Path(release.uri).parent
    done = mempipe("experiment", "pairs", place, "--infl", "0.25", "--mem", "0.5")
    uri = done.stdout.strip()
    document = read(uri)
    assert Path(uri).parent == place.parents[1] / "experiments" / "one" / release.manifest.id
    assert Path(uri).name == f"pairs-{document.digest[:12]}.json"
    assert (document.release, document.release_name, document.other_releases) == (
        release.manifest.id,
        "one",
        (),
    )
    assert document.params == {"mem": 0.5, "infl": 0.25, "width": 0.05}
    assert document.findings.facts[0].value.startswith("2 of mem ≥ 0.5, infl ≥ 0.25")
    assert "High-influence pairs: 2" in done.stderr


def test_consistency_from_end_to_end(release: Release, tmp_path: Path) -> None:
    """The result names the other releases by id: it is the same wherever they lie."""
    other = known_release(tmp_path / "elsewhere", [0.25] * 10, [[0.5] * 10] * 10, name="two", source="other")
    moved = shutil.copytree(other.uri, tmp_path / "moved")
    uri = mempipe("experiment", "consistency", release.uri, "--releases", Path(other.uri).parent).stdout.strip()
    again = mempipe("experiment", "consistency", release.uri, "--releases", f"[{moved}]")
    assert again.stdout.strip() == uri
    assert "this result already exists" in again.stderr
    document = read(uri)
    assert document.other_releases == (other.manifest.id,)
    assert document.params["releases"] == [other.manifest.id]
    assert len(document.params["mem_thresholds"]) == 21
    (plan, _) = sorted((Path(uri).parent / "plans").iterdir(), key=lambda path: other.uri not in path.read_text())
    assert f'"{other.uri}"' in plan.read_text()  # the release itself, and not the latest of its name


@pytest.mark.parametrize("name", ["examples", "histograms", "pair-examples", "pairs", "last-layer", "consistency"])
def test_equal_findings_are_committed_once(
    release: Release, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = known_release(tmp_path / "store", [0.25] * 10, [[0.5] * 10] * 10, name="two", source="other")
    more = {"consistency": ("--releases", other.uri), "last-layer": ("--linear", other.uri)}.get(name, ())
    uri = command("experiment", name, release.uri, *more)
    before = Path(uri).read_bytes()
    monkeypatch.setattr("mempipe.__version__", "another version")
    assert command("experiment", name, release.uri, *more) == uri
    assert Path(uri).read_bytes() == before
    results = list(read_results(open_store(str(Path(uri).parent))))
    assert [item.experiment for _, item in results] == [name]


def test_other_parameters_make_another_result_and_leave_the_old(release: Release, command: Command) -> None:
    first = command("experiment", "examples", release.uri)
    before = Path(first).read_bytes()
    second = command("experiment", "examples", release.uri, "--near", "0.5", "--classes", "zero", "--n", "2")
    assert first != second
    assert Path(first).read_bytes() == before
    assert read(second).params["near"] == [0.5]
    assert read(second).params["classes"] == ["zero"]


def test_a_result_that_was_changed_is_not_overwritten(release: Release, command: Command) -> None:
    uri = Path(command("experiment", "pairs", release.uri))
    changed = uri.read_bytes().replace(b"High-influence pairs", b"Some other pairs", 1)
    uri.write_bytes(changed)
    output = command("experiment", "pairs", release.uri, code=20)
    assert "Result cannot be committed" in output
    assert uri.read_bytes() == changed
    uri.write_bytes(changed[:50])
    assert "Result cannot be read" in command("experiment", "pairs", release.uri, code=20)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["consistency"], "params.releases is empty"),
        (["consistency", "--releases", "nowhere"], "Release does not exist"),
        (["last-layer"], "params.linear is empty"),
        (["pairs", "--infl", "1"], "params.infl is 1, expected: Input should be less than 1"),
        (["pairs", "--width", "x"], "params.width is 'x'"),
        (["examples", "--classes", "nine"], "it is 'nine'"),
        (["examples", "--near", "2"], "params.near.0 is 2"),
        (["examples", "--n-classes", "{"], "--n-classes is '{'"),
        (["pair-examples", "--n-egs", "0"], "params.n_egs is 0"),
    ],
)
def test_what_cannot_be_asked(
    release: Release, tmp_path: Path, command: Command, arguments: list[str], says: str
) -> None:
    name, *options = arguments
    assert says in command("experiment", name, release.uri, *options, code=20)
    assert not (tmp_path / "store" / "experiments").exists()


FOREIGN = {"fingerprint": "e" * 64}
OTHER_LABELS = {"fingerprint": None, "train_labels": [0] * 9 + [1]}
OTHER_SIZES = {"mem": [0.5] * 9, "infl": [[0] * 10] * 9}


@pytest.mark.parametrize(
    ("name", "option", "changes", "says"),
    [
        ("consistency", "--releases", FOREIGN, "data fingerprint is eeee"),
        ("consistency", "--releases", OTHER_LABELS, "label of training example 9 is 1, expected 0"),
        ("consistency", "--releases", OTHER_SIZES, "sizes are 9 train, 10 test"),
        # Features have another fingerprint than their images, so labels and sizes must do.
        ("last-layer", "--linear", OTHER_LABELS, "label of training example 9 is 1, expected 0"),
        ("last-layer", "--linear", OTHER_SIZES, "sizes are 9 train, 10 test"),
    ],
)
def test_releases_of_other_data_are_not_compared(
    release: Release,
    tmp_path: Path,
    command: Command,
    name: str,
    option: str,
    changes: dict[str, Any],
    says: str,
) -> None:
    overrides = {"mem": [0.5] * 10, "infl": [[0] * 10] * 10, "name": "two", "source": "other", **changes}
    other = known_release(tmp_path / "elsewhere", **overrides)
    output = command("experiment", name, release.uri, option, other.uri, code=20)
    assert says in output
    assert "Hint: compare releases of one data set" in output
    assert not (tmp_path / "store" / "experiments").exists()
