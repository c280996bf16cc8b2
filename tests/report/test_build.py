"""What `mempipe report` writes, accepts and refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import mempipe
from mempipe.data.sources import npz
from mempipe.errors import InputError
from mempipe.report.content import Limits, floor_for
from mempipe.report.from_scores import content_of
from mempipe.report.images import find_images
from mempipe.report.sheets import TILES, tile_shape, write_sheets
from tests.command import mempipe as command
from tests.racing import racers
from tests.report.conftest import Planted
from tests.report.site import arrays, script


def files(report: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    return {path.relative_to(report).as_posix(): path.read_bytes() for path in report.rglob("*") if path.is_file()}


def test_data_and_thumbnails_are_those_of_the_release(planted: Planted) -> None:
    release = mempipe.load_release(planted.release)
    train, pairs = arrays(planted.report, "train"), arrays(planted.report, "pairs")
    np.testing.assert_array_equal(train["mem"], release.mem)
    floor = script(planted.report, "meta")["floor"]
    expected = release.select_pairs(**floor)
    for name in ("tr_idx", "tt_idx", "infl", "correct_in"):
        np.testing.assert_array_equal(pairs[name], expected[name].to_numpy())
    dataset = npz.load(npz.Params(path=str(planted.data), pixel_max=16))
    sheets = script(planted.report, "meta")["images"]["train"]
    opened = [np.asarray(Image.open(planted.report / sheet["file"])) for sheet in sheets]
    for idx in (0, 3, 700, 1436):
        sheet, tile = divmod(int(train["slot"][idx]), TILES)
        row, column = divmod(tile, 40)
        thumbnail = opened[sheet][8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        np.testing.assert_array_equal(thumbnail, np.rint(dataset.train_images[idx, ..., 0] * (255 / 16)))


def test_downloads_have_the_columns_of_the_release(planted: Planted) -> None:
    """Also one that is null in every row, such as why a trial is odd where none is."""
    release = mempipe.load_release(planted.release)
    assert release.trials["odd_reason"].null_count == release.trials.num_rows
    for name in ("examples", "test_examples", "pairs", "classes", "trials"):
        header = (planted.report / "downloads" / f"{name}.csv").read_text().splitlines()[0]
        assert header.replace('"', "").split(",") == pq.read_schema(planted.release / f"{name}.parquet").names


def test_a_report_is_replaced_with_equal_bytes_and_nothing_else_is(planted: Planted, tmp_path: Path) -> None:
    out = tmp_path / "site"
    for _ in range(2):
        command("report", planted.release, "--out", out)
        assert files(out) == files(planted.report)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    refused = command("report", planted.release, "--out", tmp_path / "mine", code=20)
    assert "thesis.tex" in refused.stderr


RACER = """
import io
from pathlib import Path
from mempipe.report.build import build_report
from mempipe.steps.progress import LineReporter

def act(release, out, images):
    options = {"data": None, "images": images == "images", "experiments": None, "reporter": LineReporter(io.StringIO())}
    return build_report(release, Path(out), **options)
"""


def test_two_reports_at_once(planted: Planted, tmp_path: Path) -> None:
    """Into one folder: both end well, and the last one stays whole."""
    out, bare = tmp_path / "site", tmp_path / "bare"
    command("report", planted.release, "--no-images", "--out", bare)
    with racers(RACER, 2) as two:
        for _ in range(4):
            assert two.go(f"{planted.release} {out} images", f"{planted.release} {out} none") == [str(out)] * 2
            assert files(out) in (files(planted.report), files(bare))
            assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "site"]


@pytest.mark.parametrize("name", ["digits", "digits_long_tail"])
def test_a_data_set_without_a_place_has_no_path(planted: Planted, name: str) -> None:
    content = replace(content_of(mempipe.load_release(planted.release), []), data={"name": name})
    with pytest.raises(InputError, match=rf"--data is given, expected none for the data set {name}, which has no path"):
        find_images(content, "images.npz")


def test_images_of_another_data_set_are_refused(planted: Planted, tmp_path: Path) -> None:
    with np.load(planted.data) as content:
        changed = dict(content)
    changed["x_train"][0, 0, 0] += 1
    np.savez(tmp_path / "other.npz", **changed)
    refused = command("report", planted.release, "--data", tmp_path / "other.npz", "--out", tmp_path / "site", code=20)
    assert "other.npz fingerprint is" in refused.stderr
    assert "--no-images" in refused.stderr
    assert not (tmp_path / "site").exists()


def test_moved_data(planted: Planted, tmp_path: Path) -> None:
    """Without images a report is written with a note; `--data` gives the images' new place."""
    store = Path(shutil.copytree(planted.release, tmp_path / "release"))
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["spec"]["data"]["path"] = "/nowhere/digits.npz"
    (store / "manifest.json").write_text(json.dumps(manifest))
    done = command("report", store, "--out", tmp_path / "bare")
    assert "No images" in done.stderr
    assert script(tmp_path / "bare", "meta")["images"] is None
    assert not (tmp_path / "bare" / "sheets").exists()
    command("report", store, "--data", planted.data, "--out", tmp_path / "site")
    assert script(tmp_path / "site", "meta")["images"] is not None


@pytest.mark.parametrize("with_pairs", [True, False])
def test_the_authors_files_alone(planted: Planted, tmp_path: Path, with_pairs: bool) -> None:
    """Pairs come from their file and the matrix, or from the matrix alone: the same ones."""
    folder = tmp_path / "authors"
    folder.mkdir()
    for path in planted.release.glob("*.npz"):
        if with_pairs or "pairs" not in path.name:
            shutil.copy(path, folder)
    command("report", folder, "--data", planted.data, "--out", tmp_path / "site")
    release, meta = mempipe.load_release(planted.release), script(tmp_path / "site", "meta")
    pairs, train = arrays(tmp_path / "site", "pairs"), arrays(tmp_path / "site", "train")
    assert meta["floor"] == {"mem": 0.1, "infl": 0.05}
    chosen = (train["mem"][pairs["tr_idx"]] >= 0.25) & (pairs["infl"] >= 0.15)
    got = set(zip(pairs["tr_idx"][chosen].tolist(), pairs["tt_idx"][chosen].tolist(), strict=True))
    assert got == set(zip(release.pairs["tr_idx"].to_pylist(), release.pairs["tt_idx"].to_pylist(), strict=True))
    assert meta["nTrials"] is None
    assert meta["id"].startswith("planted-authors-")
    tables = {file["path"]: file for file in meta["downloads"] if file["path"].endswith(".csv")}
    assert sorted(tables) == ["classes.csv", "examples.csv", "pairs.csv", "test_examples.csv"]
    header = (tmp_path / "site" / "downloads" / "pairs.csv").read_text().splitlines()[0]
    assert header == '"tr_idx","tt_idx","label","tt_label","infl","mem"'
    assert "only the labels were compared" in meta["imagesNote"]


def test_a_pairs_file_alone_is_not_enough(planted: Planted, tmp_path: Path) -> None:
    (path,) = planted.release.glob("*_high_infl_pairs_*.npz")
    shutil.copy(path, tmp_path)
    refused = command("report", tmp_path, "--out", tmp_path / "site", code=20)
    assert "_infl_matrix.npz" in refused.stderr


def test_the_floor_keeps_reports_small() -> None:
    infl, lowest, thresholds = np.linspace(0, 1, 101), Limits(0.1, 0.05), Limits(0.25, 0.15)
    assert floor_for(infl, lowest, thresholds, max_pairs=200) == Limits(0.1, 0.05)
    assert floor_for(infl, lowest, thresholds, max_pairs=91) == Limits(0.1, 0.1)
    assert floor_for(infl, lowest, thresholds, max_pairs=3) == thresholds  # never less than the release has


def test_sheets_of_many_large_color_images(tmp_path: Path) -> None:
    """More than one sheet a class; large images become smaller; the most memorized first, no score last."""
    values = np.arange(1, 1101) % 200
    images = np.broadcast_to(values[:, None, None, None], (1100, 12, 192, 3)).astype(np.uint8)
    mem = np.linspace(0, 1, 1100)
    mem[7] = np.nan
    sheets = write_sheets(tmp_path, "train", images, np.zeros(1100, dtype=np.int64), mem, pixel_max=255)
    assert tile_shape(12, 192) == (6, 96)
    assert sheets.tiles == [1000, 100]
    assert sheets.slot[[1099, 0, 7]].tolist() == [0, 1000 + 98, 1000 + 99]
    with Image.open(tmp_path / sheets.files[1]) as picture:
        assert picture.size == (40 * 96, 3 * 6)
