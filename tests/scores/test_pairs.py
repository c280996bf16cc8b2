"""Selected pairs are those of a search through all pairs, in one order; their statistics are section 3.3's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mempipe.errors import EmptyTallyError, InputError, TallyError
from mempipe.scores import pairs as pairs_module
from mempipe.scores.count import count_blocks
from mempipe.scores.estimate import influence, influence_standard_error, memorization, memorization_standard_error
from mempipe.scores.pairs import PairTable, pair_statistics, select_pairs
from mempipe.scores.tally import BlockTally, ExampleTally, Scope, blocks_of
from tests.scores import oracle
from tests.scores.worlds import World, examples_of, pairs_of, random_world

RNG = np.random.default_rng(12)
WORLD = random_world(12, 24, 18, seed=9, ratio=0.8)  # few trials: many ties, some examples without a score
TRAIN_LABELS, TEST_LABELS = RNG.integers(0, 4, 24), RNG.integers(1, 5, 18)


def blocks(scope: Scope, memory_limit: int = 10**9, world: World = WORLD) -> list[BlockTally]:
    return list(
        count_blocks(
            lambda: world.batches(5),
            blocks_of(TRAIN_LABELS, TEST_LABELS, scope),
            source="run",
            n_train=world.n_train,
            n_test=world.n_test,
            memory_limit=memory_limit,
        )
    )


def select(tallies: list[BlockTally], **criteria: float) -> PairTable:
    return select_pairs(tallies, examples_of(WORLD), TRAIN_LABELS, TEST_LABELS, **criteria)  # type: ignore[arg-type]


def rows(table: PairTable) -> list[tuple[int, int, float, float]]:
    columns = (table.tr_idx, table.tt_idx, table.infl, table.mem)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=30, deadline=None)
@given(
    mem=st.sampled_from([-1.0, 0.0, 0.1, 0.25, 1.0]),
    infl=st.sampled_from([-1.0, -0.1, 0.0, 0.15, 0.5, 1.0]),
    same_label=st.booleans(),
    memory_limit=st.sampled_from([1, 300, 10**9]),
)
def test_selection_is_a_search_through_all_pairs(mem: float, infl: float, same_label: bool, memory_limit: int) -> None:
    mask, train, test = WORLD.mask.tolist(), WORLD.train.tolist(), WORLD.test.tolist()
    labels = TRAIN_LABELS.tolist(), TEST_LABELS.tolist()
    expected = oracle.pairs(mask, train, test, *labels, mem=mem, infl=infl, same_label=same_label)
    tallies = blocks(Scope.FULL, memory_limit)
    assert rows(select(tallies, mem=mem, infl=infl, same_label=same_label)) == expected
    assert rows(select(tallies[::-1], mem=mem, infl=infl, same_label=same_label)) == expected
    if same_label:
        assert rows(select(blocks(Scope.CLASS, memory_limit), mem=mem, infl=infl)) == expected


def test_the_world_has_what_the_search_should_meet() -> None:
    scores = memorization(examples_of(WORLD))
    assert np.isnan(scores).any()
    everything = select(blocks(Scope.FULL), mem=-1, infl=-1, same_label=False)
    assert len(everything) == np.count_nonzero(~np.isnan(scores)) * 18
    assert len(np.unique(everything.infl)) < len(everything) / 2
    assert 0 < len(select(blocks(Scope.CLASS))) < len(everything)


def test_the_paper_thresholds_are_the_default() -> None:
    tallies = blocks(Scope.FULL)
    assert rows(select(tallies)) == rows(select(tallies, mem=0.25, infl=0.15, same_label=True))


def test_a_score_equal_to_its_threshold_is_selected() -> None:
    tallies = blocks(Scope.FULL)
    table = select(tallies, mem=-1, infl=-1)
    infl, mem = float(np.median(table.infl)), float(np.sort(table.mem)[len(table) // 2])
    assert infl in select(tallies, mem=-1, infl=infl).infl
    assert infl not in select(tallies, mem=-1, infl=np.nextafter(infl, 1)).infl
    assert mem in select(tallies, mem=mem, infl=-1).mem
    assert mem not in select(tallies, mem=np.nextafter(mem, 1), infl=-1).mem


def test_columns_are_those_of_the_whole_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "_CELLS_AT_ONCE", 40)
    table, examples, whole = select(blocks(Scope.FULL), mem=-1, infl=-1), examples_of(WORLD), pairs_of(WORLD)
    i, j = table.tr_idx, table.tt_idx
    np.testing.assert_array_equal(table.infl, influence(whole, examples)[i, j])
    np.testing.assert_array_equal(table.infl_se, influence_standard_error(whole, examples)[i, j])
    np.testing.assert_array_equal(table.mem, memorization(examples)[i])
    np.testing.assert_array_equal(table.mem_se, memorization_standard_error(examples)[i])
    np.testing.assert_array_equal(table.n_in, WORLD.mask.sum(axis=0)[i])
    np.testing.assert_array_equal(table.n_out, (~WORLD.mask).sum(axis=0)[i])
    np.testing.assert_array_equal(table.correct_in, (WORLD.mask[:, i] & WORLD.test[:, j]).sum(axis=0))
    np.testing.assert_array_equal(table.correct_out, (~WORLD.mask[:, i] & WORLD.test[:, j]).sum(axis=0))
    integers, floats = np.dtype(np.int64), np.dtype(np.float64)
    assert {name: column.dtype for name, column in table.columns().items()} == {
        "tr_idx": integers,
        "tt_idx": integers,
        "infl": floats,
        "infl_se": floats,
        "mem": floats,
        "mem_se": floats,
        "n_in": integers,
        "n_out": integers,
        "correct_in": integers,
        "correct_out": integers,
    }


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.01, 1.5])
@pytest.mark.parametrize("threshold", ["mem", "infl"])
def test_a_threshold_that_is_no_score_is_refused(threshold: str, wrong: float) -> None:
    with pytest.raises(InputError, match=f"threshold {threshold} is"):
        select([], **{threshold: wrong})


def test_what_does_not_belong_together_is_refused() -> None:
    tallies, examples = blocks(Scope.CLASS), examples_of(WORLD)
    with pytest.raises(TallyError, match="is in two blocks"):
        select([*tallies, *tallies], mem=-1, infl=-1)
    with pytest.raises(TallyError, match="labels are of 23 train"):
        select_pairs(tallies, examples, TRAIN_LABELS[1:], TEST_LABELS)
    with pytest.raises(TallyError, match="trials are"):
        select_pairs(tallies, examples_of(WORLD.trials(0, 5)), TRAIN_LABELS, TEST_LABELS, mem=1.0)
    with pytest.raises(EmptyTallyError):
        select_pairs([], ExampleTally.empty(24, 18), TRAIN_LABELS, TEST_LABELS)


def positions(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    tr_idx, tt_idx = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return tr_idx, tt_idx


def test_statistics_count_examples_once() -> None:
    pairs = positions((3, 0), (3, 1), (4, 1), (9, 7))
    statistics = pair_statistics(*pairs, n_test=20)
    assert (statistics.n_pairs, statistics.n_train, statistics.n_test, statistics.n_test_single) == (4, 3, 3, 2)
    assert statistics.test_share == 3 / 20
    assert np.isnan(pair_statistics(*pairs, n_test=None).test_share)


def test_statistics_of_no_pair() -> None:
    statistics = pair_statistics(*positions(), n_test=20)
    assert (
        statistics.n_pairs,
        statistics.n_train,
        statistics.n_test,
        statistics.n_test_single,
        statistics.test_share,
    ) == (0, 0, 0, 0, 0.0)
    assert np.isnan(pair_statistics(*positions(), n_test=0).test_share)
    with pytest.raises(InputError, match="test position is 7"):
        pair_statistics(*positions((0, 7)), n_test=7)
