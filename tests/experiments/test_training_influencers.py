"""Section 3.3 on predictions whose answer is known, and on real models against plain loops over the shards."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from mempipe.errors import InputError
from mempipe.experiments.kinds import influencers
from mempipe.experiments.kinds.influencers import Params, find, trainings
from mempipe.experiments.result import Findings
from mempipe.experiments.training import TrainingResult
from mempipe.subsets import removed_mask

N_TRAIN, N_TEST = 12, 10
PAIRS = [(3, 1), (3, 2), (7, 2), (9, 5)]
"""Influencers 3, 7, 9 of the influenced tests 1, 2, 5."""


def release(pairs: list[tuple[int, int]] = PAIRS) -> SimpleNamespace:
    """What of a release the experiment asks."""
    tr_idx, tt_idx = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    table = pa.table({"tr_idx": tr_idx, "tt_idx": tt_idx})
    return SimpleNamespace(mem=np.zeros(N_TRAIN), uri="store://release", select_pairs=lambda *, mem, infl: table)


def results(with_all: np.ndarray, without: np.ndarray, at_random: np.ndarray) -> list[TrainingResult]:
    """Three settings' correctness, bool [model, test], as the two runs hold it."""
    both = np.empty((2 * len(without), N_TEST), dtype=np.bool_)
    both[::2], both[1::2] = without, at_random
    return [TrainingResult("", SimpleNamespace(), np.arange(len(rows)), rows) for rows in (with_all, both)]


def table(findings: Findings, name: str) -> dict[str, tuple[object, ...]]:
    return {key: column.values for key, column in findings.tables[name].columns.items()}


def test_what_is_removed() -> None:
    params = Params(repeats=7)
    everything, without = trainings(release(), params)
    assert not removed_mask(everything.subsets, N_TRAIN).any()
    assert np.flatnonzero(removed_mask(without.subsets, N_TRAIN)).tolist() == [3, 7, 9]
    assert (everything.trials, without.trials) == (7, 14)


def test_losses_of_exact_tenths_begin_their_bin() -> None:
    """Of 10 models 5 with all and 2 without the influencers are right: 0.5 - 0.2 is 0.3, and in float64 below it."""
    right = np.ones((10, N_TEST), dtype=np.bool_)
    some, few = right.copy(), right.copy()
    some[5:, [1, 2, 5]] = False
    few[2:, [1, 2, 5]] = False
    losses = table(find(release(), Params(repeats=10), results(some, few, right)), "losses")
    assert dict(zip(losses["left"], losses["tests"], strict=True))[0.3] == 3


def test_closed_form() -> None:
    """Right on all with all; wrong on the influenced without the influencers; wrong on one other test at random."""
    right = np.ones((4, N_TEST), dtype=np.bool_)
    without, at_random = right.copy(), right.copy()
    without[:, [1, 2, 5]] = False
    at_random[:, 0] = False
    findings = find(release(), Params(repeats=4), results(right, without, at_random))
    accuracy, utility = table(findings, "accuracy"), table(findings, "utility")
    assert accuracy["n_train"] == (12, 9, 9)
    assert accuracy["all"] == pytest.approx((1, 0.7, 0.9))
    assert accuracy["influenced"] == pytest.approx((1, 0, 1))
    assert utility["all"] == pytest.approx((0.3, 0.1))
    assert utility["influenced"] == pytest.approx((1, 0))
    assert utility["contribution"] == pytest.approx((0.3, 0))
    assert utility["share"] == pytest.approx((1, 0))
    assert utility["share_se"] == pytest.approx((0, 0))
    assert table(findings, "tests")["tt_idx"] == (1, 2, 5)
    assert table(findings, "losses")["tests"][-1] == 3
    facts = {fact.name: fact.value for fact in findings.facts}
    assert facts["Removed"] == "3 of 12 training examples, which influence 3 of 10 tests"
    assert facts["Difference"] == "30.00% ± 0.00% of all tests"
    assert "100.0% ± 0.0% of the whole difference" in facts["Contribution of the influenced tests"]


def test_a_share_of_nothing_is_not_given() -> None:
    right = np.ones((4, N_TEST), dtype=np.bool_)
    findings = find(release(), Params(repeats=4), results(right, right, right))
    assert table(findings, "utility")["share"] == (None, None)
    assert any("not determined" in fact.value for fact in findings.facts)


def test_errors_are_those_of_repeated_experiments() -> None:
    """Standard errors, of the share too, against the spread of 400 simulated experiments.

    A standard deviation of 400 values is within 6 standard errors of its own (3.6 %) with probability above 1 - 1e-8,
    so 25 % fails only where the formula is wrong: taking part and whole as independent overstates the share's by half.
    """
    random = np.random.default_rng(4)

    def models(rate_part: float, rate_rest: float) -> np.ndarray:
        """30 models, good and bad ones, so that their accuracies on both parts are correlated."""
        skill = random.choice([-0.1, 0.1], size=(30, 1))
        rates = np.full(N_TEST, rate_rest)
        rates[[1, 2, 5]] = rate_part
        return random.random((30, N_TEST)) < rates + skill

    shares = []
    for _ in range(400):
        arms = results(models(0.85, 0.85), models(0.2, 0.8), models(0.85, 0.85))
        utility = table(find(release(), Params(repeats=30), arms), "utility")
        shares.append([utility[name][0] for name in ("all", "contribution", "share", *_ERRORS)])
    values, errors = np.split(np.array(shares, dtype=float), 2, axis=1)
    assert errors.mean(axis=0) == pytest.approx(values.std(axis=0), rel=0.25)


_ERRORS = ("all_se", "contribution_se", "share_se")


def test_without_pairs_it_says_so() -> None:
    with pytest.raises(
        InputError, match=r"pairs with mem >= 0.25 and infl >= 0.15 are 0, expected at least 1"
    ) as error:
        trainings(release([]), Params())
    assert "--mem" in error.value.hint


def test_end_to_end_equals_plain_loops(influenced: tuple[Path, Path], release_path: Path) -> None:
    """Reads the shards with numpy alone and computes section 3.3 in the plainest way."""
    import mempipe

    _, result = influenced
    document = json.loads(result.read_text())
    loaded = mempipe.load_release(release_path)
    pairs = loaded.select_pairs(mem=0.25, infl=0.15).to_pylist()
    influencing, influenced_tests = {pair["tr_idx"] for pair in pairs}, sorted({pair["tt_idx"] for pair in pairs})
    correct, seen = [], []
    for run in document["runs"]:
        rows, masks = {}, {}
        for path in Path(run["uri"]).glob("shards/*.npz"):
            with np.load(path, allow_pickle=False) as shard:
                bits = np.unpackbits(shard["test_correct"], axis=1, count=360, bitorder="little")
                saw = np.unpackbits(shard["subset_mask"], axis=1, count=1437, bitorder="little")
                rows |= dict(zip(shard["trials"].tolist(), bits, strict=True))
                masks |= dict(zip(shard["trials"].tolist(), saw, strict=True))
        correct.append(rows)
        seen.append(masks)
    assert [len(rows) for rows in correct] == [3, 6]
    assert all(mask.all() for mask in seen[0].values())
    for trial in (0, 2, 4):
        assert set(np.flatnonzero(seen[1][trial] == 0)) == influencing
    assert {int((1 - mask).sum()) for mask in seen[1].values()} == {len(influencing)}
    groups = [list(correct[0].values()), *([correct[1][trial] for trial in range(start, 6, 2)] for start in (0, 1))]
    accuracy = document["findings"]["tables"]["accuracy"]["columns"]
    for row, group in enumerate(groups):
        whole = [sum(int(bit) for bit in model) / 360 for model in group]
        part = [sum(int(model[test]) for test in influenced_tests) / len(influenced_tests) for model in group]
        assert accuracy["all"]["values"][row] == pytest.approx(sum(whole) / 3)
        assert accuracy["influenced"]["values"][row] == pytest.approx(sum(part) / 3)
        mean = sum(whole) / 3
        assert accuracy["all_sd"]["values"][row] == pytest.approx((sum((w - mean) ** 2 for w in whole) / 2) ** 0.5)
    assert document["experiment"] == "influencers"
    assert document["title"] == influencers.TITLE
