"""docs/bank.md: its code runs on a run and its release, as written, and its sizes are those of the arrays."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mempipe
from mempipe.bits import packed_width
from mempipe.npz import decode_checked
from mempipe.runs.bank import BANK, LIMIT, bank_bytes
from tests.command import mempipe as command
from tests.command import run_folder

PAGE = (Path(__file__).parents[2] / "docs" / "bank.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(store: Path, tmp_path: Path) -> Path:
    """A working folder whose store has the small run in place of the demo's."""
    place = tmp_path / "work" / "mempipe-store"
    shutil.copytree(run_folder(store), place / "runs" / "digits-09316dd5cce1")
    shutil.copytree(store / "releases" / "tiny", place / "releases" / "digits")
    return place.parent


def stacked(run: Path, name: str) -> NDArray[Any]:
    """One array of all shards, by a plain loop."""
    return np.concatenate([decode_checked(path.read_bytes())[name] for path in sorted((run / "shards").glob("*.npz"))])


def test_the_code_of_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each variable that a block leaves is what plain arrays of the shards' files give."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)  # noqa: S102 - the page's own code
    assert len(BLOCKS) == 7
    run = folder / "mempipe-store" / "runs" / "digits-09316dd5cce1"
    labels, test_labels = names["run"].labels.train, names["run"].labels.test
    assert names["run"].outcomes == BANK
    masks = np.unpackbits(stacked(run, "subset_mask"), axis=1, bitorder="little")[:, : labels.size] == 1
    predicted, test_predicted = stacked(run, "train_prediction"), stacked(run, "test_prediction")
    right = predicted == labels
    mem = [right[masks[:, i], i].mean() - right[~masks[:, i], i].mean() for i in range(labels.size)]
    np.testing.assert_allclose(names["mem"], mem, atol=1e-12)
    accuracy = (test_predicted == test_labels).mean(axis=1)
    np.testing.assert_allclose(names["accuracy"], accuracy, atol=1e-12)
    table = mempipe.load_release(folder / "mempipe-store" / "releases" / "digits").trials
    np.testing.assert_allclose(names["accuracy"], table["test_accuracy"].to_numpy(), atol=1e-6)
    assert f"{accuracy.mean():.4f} ± " in capsys.readouterr().out
    margins = stacked(run, "test_margin")
    np.testing.assert_array_equal(names["margin"], margins[:, 275].astype(np.float32))
    np.testing.assert_array_equal(names["seen"], masks[:, 1202])
    majority = np.array([np.bincount(test_predicted[:, j]).argmax() for j in range(test_labels.size)])
    assert names["ensemble_accuracy"] == (majority == test_labels).mean() > accuracy.mean()
    held_out = [np.bincount(predicted[~masks[:, i], i]).argmax() for i in range(labels.size)]
    np.testing.assert_array_equal(names["suspects"], np.flatnonzero(held_out != labels))
    assert 0 < names["suspects"].size < 0.2 * labels.size
    np.testing.assert_array_equal(names["masks"], masks)
    np.testing.assert_array_equal(names["margins"], margins[:, :100].astype(np.float32))
    assert names["by_example"].shape == (labels.size, 100)


def test_the_sizes_of_the_page() -> None:
    rows = re.findall(r"^\| (\w[^|]*), ([\d,]+)[^|]*\| ([\d,]+) \+ ([\d,]+) \|(.*)\|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == ["digits", "MNIST", "CIFAR-100", "ImageNet"]
    for *numbers, rest in (row[1:] for row in rows):
        n_trials, n_train, n_test = (int(number.replace(",", "")) for number in numbers)
        classes, bits, margins, kept = (cell.strip() for cell in rest.split("|"))
        n_classes = int(classes.replace(",", ""))
        size = bank_bytes(n_examples=n_train + n_test, n_classes=n_classes, n_trials=n_trials)
        packed = n_trials * (2 * packed_width(n_train) + packed_width(n_test))
        assert (bits, margins) == (f"{packed / 1e6:,.1f} MB", f"{size / 1e6:,.1f} MB")
        assert kept == ("all" if size <= LIMIT else "masks and correctness")


def test_copying_and_merging(spec: Path, store: Path, tmp_path: Path) -> None:
    """The shards of a run that another machine made join those of this one, in a folder that holds no more."""
    ours, theirs = run_folder(store), tmp_path / "theirs"
    command("plan", spec, "--store", theirs, "--trials", "40:50")
    command("train", run_folder(theirs), "--trials", "40:50")
    command("validate", run_folder(theirs))
    alone = mempipe.open_run(run_folder(theirs)).columns()
    for name in ("shards", "sidecars"):
        shutil.copytree(run_folder(theirs) / name, ours / name, dirs_exist_ok=True)
    command("validate", ours, "--trials", "0:50")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("run.json", "labels.npz"):
        shutil.copy(ours / name, copy)
    shutil.copytree(ours / "shards", copy / "shards")
    both = mempipe.open_run(copy)
    np.testing.assert_array_equal(both.trials, np.arange(50))
    joined = both.columns(trials=range(40, 50))
    np.testing.assert_array_equal(joined.subset_mask, alone.subset_mask)
    for name in BANK:
        np.testing.assert_array_equal(joined.test[name], alone.test[name])
