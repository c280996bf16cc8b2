"""`mempipe pairs` and `mempipe show` of a folder with only the authors' files."""

import csv
import io
import re
import shutil
from pathlib import Path
from typing import Protocol

import pytest

from mempipe.cli.main import run
from mempipe.experiments.kinds import pairs as pairs_experiment
from mempipe.release.load import Release, load_release
from mempipe.release.write import write_release
from tests.release.world import make_world

MATRIX, PAIRS, INDEX = "tiny_infl_matrix.npz", "tiny_high_infl_pairs_infl0.15_mem0.25.npz", "tiny_index.npz"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder, world = tmp_path_factory.mktemp("release"), make_world()
    names = [f"a/{i}.png" for i in range(len(world.train_labels))], [f"b/{j}.png" for j in range(23)]
    write_release(world.content(train_filenames=names[0], test_filenames=names[1]), folder)
    return load_release(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "authors").mkdir()
    return tmp_path / "authors"


def copy(release: Release, folder: Path, *names: str) -> None:
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        shutil.copy(Path(release.uri) / name, folder)


class Printed(Protocol):
    def __call__(self, *arguments: str | Path, code: int = 0) -> str: ...


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Printed:
    """Runs a command and returns its standard output, or the errors of one that is refused."""

    def command(*arguments: str | Path, code: int = 0) -> str:
        assert run([str(argument) for argument in arguments]) == code
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return err if code else out

    return command


def statistics(output: str) -> str:
    (line,) = [line for line in output.splitlines() if "different training" in line]
    return line


def rows(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output)))


def test_pairs(release: Release, folder: Path, printed: Printed) -> None:
    for thresholds in (("--mem", "0.25", "--infl", "0.15"), ("--mem", "0.1", "--infl", "0.06")):
        expected = printed("pairs", release.uri, *thresholds)
        wanted_rows = rows(printed("pairs", release.uri, *thresholds, "--csv"))
        for names in ((MATRIX,), (MATRIX, PAIRS)):
            copy(release, folder, *names)
            got = printed("pairs", folder, *thresholds)
            assert statistics(got) == statistics(expected)
            assert histogram(got) == histogram(expected)
            assert "no counts of trials" in got.splitlines()[-1]
            assert "±" not in got
            assert "with / without" not in got
            got_rows = rows(printed("pairs", folder, *thresholds, "--csv"))
            assert list(got_rows[0]) == ["tr_idx", "tt_idx", "label", "tt_label", "infl", "mem"]
            assert keys(got_rows) == keys(wanted_rows)


def histogram(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.match(r" *-?\d\.\d+ to ", line)]


def test_histogram_of_figure_3(release: Release, printed: Printed) -> None:
    """Its bins begin at the threshold; of 17 the empty ones at the ends are left away."""
    experiment = pairs_experiment.find(release, pairs_experiment.Params(), [])
    columns = experiment.tables["histogram"].columns
    bins = zip(*(columns[name].values for name in ("left", "right", "count")), strict=True)
    expected = [[f"{left:.2f}", "to", f"{right:.2f}", str(count)] for left, right, count in bins]
    got = [line.replace("█", "").split() for line in histogram(printed("pairs", release.uri))]
    assert got
    assert [row for row in got if row[-1] != "0"] == [row for row in expected if row[-1] != "0"]
    assert [got[0][-1], got[-1][-1]].count("0") == 0
    assert not histogram(printed("pairs", release.uri, "--infl", "1"))
    finer = histogram(printed("pairs", release.uri, "--infl", "0.123"))
    assert all(re.match(r" *0\.\d[27]3 to 0\.\d[27]3 |.* to 1\.000 ", line) for line in finer)
    assert sum(int(line.split()[3]) for line in finer) == release.select_pairs(infl=0.123).num_rows


def keys(pairs: list[dict[str, str]]) -> set[tuple[str, ...]]:
    return {tuple(row[name] for name in ("tr_idx", "tt_idx", "label", "tt_label", "mem")) for row in pairs}


def test_pairs_of_a_pairs_file_alone(release: Release, folder: Path, printed: Printed) -> None:
    copy(release, folder, PAIRS)
    whole = statistics(printed("pairs", release.uri))
    alone = statistics(printed("pairs", folder))
    share = whole[whole.index("(") + 1 :].split()[0]
    assert alone == whole.replace(f"({share} of", "(unknown share of")
    refused = printed("pairs", folder, "--infl", "0.1", code=20)
    assert "expected at least 0.25 and 0.15" in refused
    assert "Hint: ask for --mem 0.25 --infl 0.15" in refused
    assert "Labels and memorization are unknown" in printed("show", folder, code=20)


def test_refused(release: Release, folder: Path, printed: Printed) -> None:
    copy(release, folder, MATRIX)
    refused = printed("pairs", folder, "--any-label", code=20)
    assert "Pairs of different labels are not in the authors' format" in refused
    assert "Hint: leave --any-label away" in refused
    (folder / MATRIX).write_bytes((folder / MATRIX).read_bytes()[:-100])
    for command in ("pairs", "show"):
        assert f"File is damaged: {folder / MATRIX}" in printed(command, folder, code=20)


def test_show(release: Release, folder: Path, printed: Printed) -> None:
    """The same examples, pairs and classes as of the release, without counts and errors."""
    expected = printed("show", release.uri, "--top", "3")
    copy(release, folder, MATRIX, PAIRS, INDEX)
    got = printed("show", folder, "--top", "3")
    assert "41 train, 23 test, 3 classes" in got
    n_memorized = int((release.mem >= 0.25).sum())
    assert f"{n_memorized} training examples with mem ≥ 0.25" in got
    assert "2 training examples" in got
    assert "no counts of trials" in got
    assert "±" not in got
    most = [line.split() for line in got.splitlines() if line.rstrip().endswith(".png")]
    top = release.examples.to_pandas().nlargest(3, "mem")
    assert [(row[0], row[2], row[3]) for row in most] == [
        (str(row.idx), f"{row.mem:.3f}", row.filename) for row in top.itertuples()
    ]
    pairs = [line for line in expected.splitlines() if "high-influence pairs" in line]
    assert pairs[0] in got
    mean_mem = release.classes.filter(release.classes["n_train"].to_numpy() > 0).to_pandas()
    for row in mean_mem.itertuples():
        cells = [str(row.n_train), str(row.n_test), f"{row.mean_mem:.4f}", str(row.n_mem_above_threshold)]
        assert [str(row.label), *cells, str(row.n_pairs), str(row.n_undefined)] in [
            line.split() for line in got.splitlines()
        ]


def test_show_of_an_index_file_alone(release: Release, folder: Path, printed: Printed) -> None:
    copy(release, folder, INDEX)
    got = printed("show", folder)
    assert "Pairs are unknown" in got
    assert "n_pairs" not in got
    assert "Pairs are unknown" in printed("pairs", folder, code=20)
