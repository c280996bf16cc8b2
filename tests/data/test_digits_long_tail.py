"""The planted data set holds what the names of its examples say."""

from collections import Counter

import numpy as np
import pytest

from mempipe.data import load_dataset
from mempipe.spec import Component


@pytest.fixture(scope="module")
def planted():
    return load_dataset(Component(name="digits_long_tail"))


@pytest.fixture(scope="module")
def plain():
    return load_dataset(Component(name="digits"))


def index_of(name: str) -> int:
    return int(name.rsplit("-", 1)[1])


def test_fingerprint_is_golden(planted):
    assert planted.fingerprint[:16] == "d77604dae63c2a8f"


def test_ordinary_digits_are_untouched(planted, plain):
    for names, images, labels, original, true in (
        (planted.train_filenames, planted.train_images, planted.train_labels, plain.train_images, plain.train_labels),
        (planted.test_filenames, planted.test_images, planted.test_labels, plain.test_images, plain.test_labels),
    ):
        ordinary = [i for i, name in enumerate(names) if name.startswith("digit-")]
        assert [index_of(names[i]) for i in ordinary] == ordinary
        assert np.array_equal(images[ordinary], original[ordinary])
        assert np.array_equal(labels[ordinary], true[ordinary])


def test_rare_groups_are_few_in_train_and_four_in_test(planted):
    train, test = (
        Counter(name.rsplit("-", 1)[0] for name in names if name.startswith("rare-"))
        for names in (planted.train_filenames, planted.test_filenames)
    )
    assert len(train) == len(test) == 30
    assert sorted(set(train.values())) == [1, 2, 4]
    assert set(test.values()) == {4}


def test_rare_images_are_the_digits_in_their_style(planted, plain):
    styles = {
        "mirrored": lambda image: image[:, ::-1],
        "upside-down": lambda image: image[::-1, ::-1],
        "negative": lambda image: 16 - image,
    }
    for i, name in enumerate(planted.train_filenames):
        if name.startswith("rare-"):
            style = name.removeprefix("rare-").rsplit("-", 2)[0]
            assert np.array_equal(planted.train_images[i], styles[style](plain.train_images[i]))
            assert str(planted.train_labels[i]) == name.rsplit("-", 2)[1]


def test_wrong_labels_are_wrong_and_only_in_train(planted, plain):
    mislabeled = [i for i, name in enumerate(planted.train_filenames) if name.startswith("mislabelled-")]
    assert len(mislabeled) == 40
    for i in mislabeled:
        true, wrong = planted.train_filenames[i].split("-")[1:4:2]
        assert (int(true), int(wrong)) == (plain.train_labels[i], planted.train_labels[i])
        assert true != wrong
    assert not any(name.startswith("mislabelled-") for name in planted.test_filenames)


def test_blends_are_near_duplicates_across_the_parts(planted):
    train = {name: i for i, name in enumerate(planted.train_filenames) if name.startswith("blend-")}
    test = {name: i for i, name in enumerate(planted.test_filenames) if name.startswith("blend-")}
    assert len(train) == 40
    assert train.keys() == test.keys()
    for name, i in train.items():
        difference = np.abs(planted.train_images[i].astype(int) - planted.test_images[test[name]])
        assert difference.max() <= 4
        assert 1 <= np.count_nonzero(difference) <= 4
        assert planted.train_labels[i] == planted.test_labels[test[name]]
