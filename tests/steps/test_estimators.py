"""An estimator of another package: named in a spec, its scores are published beside those of Algorithm 1."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mempipe as package
from mempipe.bits import unpack
from mempipe.errors import InputError, PluginError, ReleaseQuestionError
from mempipe.plugins import _plugin
from mempipe.scores.estimators import load_estimators
from mempipe.shards import Shard, decode
from tests.command import mempipe, run_folder, score_files
from tests.plugin_package import write_package
from tests.tiny import TINY

CONFIDENCE = '''
"""Differences of the mean confidence 1 / (1 + exp(-margin)), with the standard errors of two means."""
from dataclasses import dataclass
import numpy as np
from mempipe.bits import unpack
from mempipe.scores.estimators import Estimate, Observations

NAME = "confidence"
OUTCOMES = ("margin",)

def estimate(observations):
    return Confidence(observations)

@dataclass(frozen=True)
class Confidence:
    observations: Observations

    def memorization(self):
        n = self.observations.examples.n_train
        sums = np.zeros((2, 3, n))
        for seen, batch in self.batches():
            p = confidence(batch.train["margin"])
            for side, weight in enumerate((seen, 1 - seen)):
                sums[side] += [weight.sum(axis=0), (weight * p).sum(axis=0), (weight * p * p).sum(axis=0)]
        return of_sums(sums)

    def influence(self, block, rows=None):
        rows = slice(None) if rows is None else rows
        tr_idx, tt_idx = block.block.tr_idx[rows], block.block.tt_idx
        sums = np.zeros((2, 3, tr_idx.size, tt_idx.size))
        for seen, batch in self.batches():
            p = confidence(batch.test["margin"][:, tt_idx])
            for side, weight in enumerate((seen[:, tr_idx], 1 - seen[:, tr_idx])):
                sums[side] += [weight.T @ values for values in (np.ones_like(p), p, p * p)]
        return of_sums(sums)

    def batches(self):
        for batch in self.observations.trials():
            yield unpack(batch.subset_mask, self.observations.examples.n_train).astype(float), batch

def confidence(margin):
    return 1 / (1 + np.exp(-margin.astype(np.float64)))

def of_sums(sums):
    (n_in, in_1, in_2), (n_out, out_1, out_2) = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = sum((s2 - s1 * s1 / n) / (n - 1) / n for n, s1, s2 in ((n_in, in_1, in_2), (n_out, out_1, out_2)))
        undefined = (n_in < 2) | (n_out < 2)
        value, error = in_1 / n_in - out_1 / n_out, np.sqrt(np.maximum(variance, 1e-24))
    return Estimate(np.where(undefined, np.nan, value), np.where(undefined, np.nan, error))
'''
BAD = """
import numpy as np
from mempipe.scores.estimators import Estimate, plain

def estimator(name, change):
    class Changed(plain.PlainEstimates):
        def memorization(self):
            return change(super().memorization())
    class Part:
        NAME, OUTCOMES = name, ("correct",)
        estimate = staticmethod(lambda observations: Changed(observations.examples))
    return Part

wide = estimator("wide", lambda scores: Estimate(3 * scores.value, scores.standard_error))
sure = estimator("sure", lambda scores: Estimate(scores.value, np.where(scores.value > 0.5, np.nan, 0.1)))
short = estimator("short", lambda scores: Estimate(scores.value[:-1], scores.standard_error))
taken = estimator("plain", lambda scores: scores)
unnamed = estimator("A B", lambda scores: scores)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an installed package with estimators, for this process and its children."""
    site = tmp_path_factory.mktemp("site")
    modules = {"confidence": CONFIDENCE, "bad": BAD}
    write_package(site, "estimator_lab", modules, {"mempipe.estimators": {"confidence": "estimator_lab.confidence"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        _plugin.cache_clear()
        yield "estimator_lab"


@pytest.fixture(scope="module")
def published(lab: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run whose spec names the estimator, and its release."""
    folder = tmp_path_factory.mktemp("estimators")
    spec = folder / "spec.yaml"
    spec.write_text(f"{TINY}outcomes: [correct, margin]\nestimators: [confidence]\n")
    release = mempipe("run", spec, "--store", folder / "store").stdout.splitlines()[-1]
    return run_folder(folder / "store"), Path(release)


def shards(run: Path) -> list[Shard]:
    return [decode(path.read_bytes(), source=str(path)) for path in sorted((run / "shards").glob("*.npz"))]


def two_means(confidence: NDArray[np.float64], seen: NDArray[np.bool_]) -> tuple[float, float]:
    """Difference of two means, and its standard error, as a textbook has it."""
    inside, outside = confidence[seen], confidence[~seen]
    if min(inside.size, outside.size) < 2:
        return np.nan, np.nan
    variance = inside.var(ddof=1) / inside.size + outside.var(ddof=1) / outside.size
    return float(inside.mean() - outside.mean()), float(np.sqrt(variance))


def test_its_tables_are_those_of_plain_loops(published: tuple[Path, Path]) -> None:
    run, folder = published
    release = package.load_release(folder)
    release.verify()
    assert release.manifest.estimators == ("plain", "confidence")
    parts = shards(run)
    seen = np.concatenate([unpack(part.subset_mask, part.n_train) for part in parts])
    train, test = (
        np.concatenate([1 / (1 + np.exp(-getattr(part, side)["margin"].astype(np.float64))) for part in parts])
        for side in ("train", "test")
    )
    examples, pairs = release.estimates("confidence")
    expected = np.array([two_means(train[:, i], seen[:, i]) for i in range(seen.shape[1])])
    np.testing.assert_allclose(examples["mem"].to_numpy(), expected[:, 0], atol=1e-12)
    np.testing.assert_allclose(examples["mem_se"].to_numpy(), expected[:, 1], atol=1e-9)
    assert np.array_equal(examples["label"].to_numpy(), release.labels)
    with np.load(run / "labels.npz") as labels:
        y, y_test = labels["train_labels"], labels["test_labels"]
    selected = {}
    for i in np.flatnonzero(expected[:, 0] >= 0.25):
        for j in np.flatnonzero(y_test == y[i]):
            value, error = two_means(test[:, j], seen[:, i])
            if value >= 0.15:
                selected[int(i), int(j)] = value, error, *expected[i]
    rows = pairs.to_pylist()
    assert len(rows) > 10
    assert {(row["tr_idx"], row["tt_idx"]) for row in rows} == set(selected)
    for row in rows:
        scores = [row[name] for name in ("infl", "infl_se", "mem", "mem_se")]
        np.testing.assert_allclose(scores, selected[row["tr_idx"], row["tt_idx"]], atol=1e-9)
    assert pairs.column_names == ["tr_idx", "tt_idx", "label", "tt_label", "infl", "infl_se", "mem", "mem_se"]


def test_nothing_of_the_plain_scores_changes(published: tuple[Path, Path]) -> None:
    """The release without the estimator is another one, with the same tables and files; both stay."""
    run, folder = published
    both = package.load_release(folder)
    plain = package.load_release(mempipe("publish", run, "--estimator", "plain").stdout.strip())
    assert plain.manifest.id != both.manifest.id
    assert plain.manifest.estimators == ("plain",)
    own = {"examples-confidence", "pairs-confidence"}
    assert set(both.manifest.digests) - set(plain.manifest.digests) == own
    assert plain.manifest.digests.items() <= both.manifest.digests.items()
    files = score_files(folder)
    assert score_files(Path(plain.uri.removeprefix("file://"))) == {
        name: content for name, content in files.items() if name.removesuffix(".parquet") not in own
    }
    assert both.estimates("plain").pairs.equals(both.pairs)
    with pytest.raises(ReleaseQuestionError, match="estimator is 'confidence', expected plain"):
        plain.estimates("confidence")
    again = mempipe("publish", run)  # those of the plan
    assert again.stdout.strip() == str(folder)
    assert {release["id"] for release in json.loads(mempipe("ls", run.parents[1], "--json").stdout)["releases"]} == {
        plain.manifest.id,
        both.manifest.id,
    }


@pytest.mark.parametrize(
    ("parts", "messages"),
    [
        (["wide", "sure"], ["examples-wide.*mem at least -1 and at most 1", "release_examples-sure mem_se_known"]),
        (["short"], ["memorization by short is float64"]),
    ],
)
def test_scores_that_cannot_be_right_are_not_published(
    published: tuple[Path, Path], lab: str, parts: list[str], messages: list[str]
) -> None:
    run, folder = published
    before = sorted(folder.parent.iterdir())
    options = [text for part in parts for text in ("--estimator", f"{lab}.bad:{part}")]
    failed = mempipe("publish", run, *options, code=20)
    for message in messages:
        assert re.search(message, failed.stderr, re.DOTALL), failed.stderr
    assert sorted(folder.parent.iterdir()) == before


def test_an_estimator_that_needs_more_than_is_kept_is_refused_at_once(lab: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{TINY}outcomes: [correct]\nestimators: [confidence]\n")
    refused = mempipe("plan", spec, "--store", tmp_path / "store", code=20)
    assert "confidence needs margin, but the outcomes of" in refused.stderr
    assert not (tmp_path / "store").exists()
    correct = np.ones((4, 3), dtype=bool)
    with pytest.raises(InputError, match="outcomes of predictions made elsewhere are correct"):
        package.score(correct, correct, correct, [0] * 3, [0] * 3, estimators=["confidence"])


def test_names(lab: str) -> None:
    assert [estimator.NAME for estimator in load_estimators(["confidence", "plain", f"{lab}:confidence"])] == [
        "plain",
        "confidence",
    ]
    with pytest.raises(InputError, match="its name is 'best', expected one of confidence, plain"):
        load_estimators(["best"])
    for part, name in (("taken", "plain"), ("unnamed", "A B")):
        with pytest.raises(PluginError, match=f"NAME is '{name}'"):
            load_estimators([f"{lab}.bad:{part}"])
