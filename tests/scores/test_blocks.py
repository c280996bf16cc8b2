"""Blocks divide the pairs: each train example once, test examples as the scope says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mempipe.errors import InputError, TallyError
from mempipe.scores.tally import Block, Scope, blocks_of, split_blocks

labels = st.lists(st.sampled_from([-1, 0, 3, 7]), max_size=12).map(lambda values: np.array(values, dtype=np.int32))


@given(labels, labels)
def test_a_class_block_has_the_pairs_of_its_label(train: np.ndarray, test: np.ndarray) -> None:
    blocks = blocks_of(train, test, Scope.CLASS)
    assert [block.label for block in blocks] == sorted(set(train.tolist()))
    assert [block.name for block in blocks] == [f"class_{block.label}" for block in blocks]
    for block in blocks:
        assert block.tr_idx.tolist() == [i for i, label in enumerate(train) if label == block.label]
        assert block.tt_idx.tolist() == [j for j, label in enumerate(test) if label == block.label]


@given(labels, labels)
def test_a_full_block_has_every_test_example(train: np.ndarray, test: np.ndarray) -> None:
    blocks = blocks_of(train, test, Scope.FULL)
    assert sorted(i for block in blocks for i in block.tr_idx.tolist()) == list(range(len(train)))
    assert all(block.tt_idx.tolist() == list(range(len(test))) for block in blocks)


@given(labels, labels, st.sampled_from(list(Scope)), st.integers(1, 200))
def test_parts_follow_one_another_and_fit(train: np.ndarray, test: np.ndarray, scope: Scope, most: int) -> None:
    blocks = blocks_of(train, test, scope)
    parts = split_blocks(blocks, most)
    assert [(part.label, i) for part in parts for i in part.tr_idx] == [
        (block.label, i) for block in blocks for i in block.tr_idx
    ]
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        assert 4 * part.shape[0] * part.shape[1] <= most or part.shape[0] == 1


def test_a_block_that_fits_is_left_as_it_is() -> None:
    blocks = blocks_of(np.array([1, 0, 1]), np.array([1, 2, 0]), Scope.CLASS)
    assert split_blocks(blocks, 8) == blocks


@pytest.mark.parametrize("wrong", [np.array([0.5]), np.array(["cat"]), np.array([[1]])])
def test_labels_that_are_no_integers_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected integers"):
        blocks_of(np.array([0]), wrong, Scope.CLASS)


@pytest.mark.parametrize("wrong", [[1, 0], [0, 0], [-1, 0]])
def test_positions_that_do_not_ascend_are_refused(wrong: list[int]) -> None:
    with pytest.raises(TallyError, match="strictly ascending"):
        Block("class_0", 0, np.array(wrong, dtype=np.int64), np.array([0], dtype=np.int64))
    with pytest.raises(TallyError, match="int32"):
        Block("class_0", 0, np.array([0], dtype=np.int64), np.array([0], dtype=np.int32))


def test_scopes_are_the_words_of_the_spec() -> None:
    assert [str(scope) for scope in Scope] == ["class", "full"]
