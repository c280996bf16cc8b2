"""Data without images through the command line, from the spec to the release: texts and tables."""

import os
from pathlib import Path

import numpy as np
import pytest

from mempipe import load_release
from mempipe.data import load_dataset
from mempipe.experiments.result import Result
from mempipe.release.load import Release
from mempipe.spec import Component, Subsets
from mempipe.subsets import subset_mask
from tests.command import mempipe, run_folder
from tests.own.code import wine
from tests.own.tables import N_COPIED, N_EXCEPTIONS, write_texts, write_wines
from tests.own.worlds import CODE

TEXTS = """
name: texts
data: {{name: labels, train: {folder}/train.csv, test: {folder}/test.csv, text: text, license: CC0}}
trainer: {{kind: own, entry: "words:train", version: "1", params: {{C: 1000.0}}}}
subsets: {{design: balanced}}
trials: 40
chunk_size: 10
"""
WINES = """
name: wines
data: {name: labels, train: train.parquet, test: test.parquet, class_names: [first, second, third]}
trainer: {kind: own, entry: "wine:train", version: "1"}
seed: 8
trials: 30
chunk_size: 10
"""


def ids(release: Release, part: str) -> np.ndarray:
    table = release.examples if part == "train" else release.test_examples
    return np.array(table["filename"].to_pylist())


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of the texts."""
    folder = tmp_path_factory.mktemp("texts")
    write_texts(folder)
    (folder / "texts.yaml").write_text(TEXTS.format(folder=folder))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHONPATH", str(CODE), prepend=os.pathsep)
        return Path(mempipe("run", folder / "texts.yaml", "--store", folder / "store").stdout.splitlines()[-1])


def test_texts_with_a_known_truth(texts: Path) -> None:
    """The planted exceptions are memorized, and each near duplicate rests on its exception; nothing else is found."""
    release = load_release(texts)
    release.verify()
    assert release.manifest.data.image_shape is None
    names, tests = ids(release, "train"), ids(release, "test")
    exceptions = {f"exception-{i}" for i in range(N_EXCEPTIONS)}
    assert {str(name) for name in names[release.mem >= 0.5]} == exceptions
    assert (release.mem[np.isin(names, list(exceptions))] == 1).all()
    pairs = release.select_pairs(mem=0.25, infl=0.15)
    found = sorted(zip(names[pairs["tr_idx"].to_numpy()], tests[pairs["tt_idx"].to_numpy()], strict=True))
    assert found == [(f"exception-{i}", f"exception-{i}") for i in range(N_COPIED)]
    assert pairs["infl"].to_pylist() == [1.0] * N_COPIED
    assert mempipe("show", texts).stdout.count("exception-") == N_EXCEPTIONS
    assert "- Trainer: words:train, version 1;" in (texts / "README.md").read_text()
    assert f": {N_COPIED} pairs of one label" in mempipe("pairs", texts).stdout


def test_the_marginal_utility_of_planted_texts(texts: Path) -> None:
    """Fig. 2 on such a release: without the exceptions exactly their near duplicates are wrong."""
    printed = mempipe("experiment", "marginal-utility", texts, "--repeats", "2", "--thresholds", "[0.5]").stdout
    place, name = printed.splitlines()[-1].rsplit("/", 1)
    table = Result.from_json((Path(place) / name).read_bytes(), source=name).findings.tables["accuracy"].columns
    n_test = load_release(texts).n_test
    assert table["n_removed"].values == (N_EXCEPTIONS,)
    assert table["without_memorized"].values == (pytest.approx(1 - N_COPIED / n_test),)
    assert table["utility"].values == (pytest.approx(N_COPIED / n_test),)


def test_own_trainers_have_no_last_layer(texts: Path) -> None:
    runs = texts.parents[2] / "runs"
    before = sorted(runs.iterdir())
    refused = mempipe("experiment", "features", texts, code=20)
    assert "trainer.kind is own, expected a built-in trainer" in refused.stderr
    assert sorted(runs.iterdir()) == before


def test_wines_equal_a_plain_recomputation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features that only the trainer loads; the scores are those of a plain loop over the same subsets."""
    monkeypatch.chdir(tmp_path)
    write_wines(tmp_path)
    Path("wines.yaml").write_text(WINES)
    release = load_release(Path(mempipe("run", "wines.yaml", "--store", "store").stdout.splitlines()[-1]))
    data = load_dataset(Component.model_validate({"name": "labels", "train": "train.parquet", "test": "test.parquet"}))
    x, y = wine.features(data.train_filenames), data.train_labels
    seen, correct = [], []
    for trial in range(30):
        mask = subset_mask(Subsets(), n_train=len(y), seed=8, trial=trial)
        seen.append(mask)
        correct.append(wine.fitted(x[mask], y[mask]).predict(x) == y)
    inside, right = np.array(seen), np.array(correct)
    mem = [right[inside[:, i], i].mean() - right[~inside[:, i], i].mean() for i in range(len(y))]
    np.testing.assert_allclose(release.mem, mem, rtol=0, atol=1e-15)
    assert np.max(mem) > 0.3
    assert ids(release, "test").tolist() == [f"wine-{i:03d}" for i in range(0, 178, 4)]


def test_a_built_in_model_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_wines(tmp_path)
    built_in = "model: {name: mlp}\nrecipe: {epochs: 1, batch_size: 8, learning_rate: 0.1}\ntrainer: {kind: ensemble}"
    own = next(line for line in WINES.splitlines() if line.startswith("trainer"))
    Path("wines.yaml").write_text(WINES.replace(own, built_in))
    refused = mempipe("plan", "wines.yaml", "--store", "store", code=20)
    assert "mlp is trained on images, and the data set has none" in refused.stderr
    assert "trainer.kind: own" in refused.stderr
    assert not Path("store").exists()


def test_a_run_goes_on_where_its_tables_are_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the trainer's own process reads them there."""
    monkeypatch.chdir(tmp_path)
    write_wines(tmp_path)
    Path("wines.yaml").write_text(WINES)
    mempipe("plan", "wines.yaml", "--store", "store")
    Path("moved").mkdir()
    for part in ("train", "test"):
        Path(f"{part}.parquet").rename(f"moved/{part}.parquet")
    Path("wines.yaml").write_text(
        WINES.replace("train.parquet", "moved/train.parquet").replace("test.p", "moved/test.p")
    )
    mempipe("plan", "wines.yaml", "--store", "store")
    run = run_folder(tmp_path / "store")
    mempipe("train", run, "--trials", "0:10")
    assert len(list((run / "shards").iterdir())) == 1
