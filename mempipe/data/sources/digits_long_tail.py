"""`digits_long_tail`: the digits with a planted tail, so that findings can be compared with the truth.

Everything is made from scikit-learn's digits by fixed rules; the name of each example says what it is:

- `digit-0012`: unchanged;
- `rare-mirrored-3-0012`: one of few of its kind: a digit drawn mirrored, upside down, or as a negative. Of each digit
  and style the training part has one, two or four, the test part four. They replace digits; none is added.
- `blend-3-8-0012`: a faint 3 under an 8, labeled 3, which few models can know unless they saw it; its near duplicate,
  all but four pixels, is in the other part under the same name.
- `mislabelled-3-as-5-0012`: a 3 in the training part that is labeled 5.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.data.dataset import Dataset
from mempipe.data.sources import digits
from mempipe.spec import Strict
from mempipe.subsets import random_order

_STYLES: Final = ("mirrored", "upside-down", "negative")
_PIXEL_MAX: Final = 16
_RARE_IN_TRAIN: Final = (1, 2, 4)
_RARE_IN_TEST: Final = 4
_CHANGED_PIXELS: Final = 4


class Params(Strict):
    """Keys of the `digits_long_tail` data set.

    Attributes:
        n_blends: near duplicates, one in each part.
        n_mislabelled: training examples with a wrong label.
        seed: of the choice of examples.
    """

    n_blends: int = Field(40, ge=0, le=200)
    n_mislabelled: int = Field(40, ge=0, le=200)
    seed: int = Field(0, ge=0)


def load(params: Params) -> Dataset:
    """Make the data set from the digits."""
    plain = digits.load(digits.Params())
    train = _Part(plain.images.train, plain.train_labels, _words(params.seed, 0, plain.n_train))
    test = _Part(plain.images.test, plain.test_labels, _words(params.seed, 1, plain.n_test))
    for digit in range(plain.n_classes):
        for number, style in enumerate(_STYLES):
            train.restyle(digit, style, _RARE_IN_TRAIN[(digit + number) % len(_RARE_IN_TRAIN)])
            test.restyle(digit, style, _RARE_IN_TEST)
    train.mislabel(params.n_mislabelled, _words(params.seed, 2, params.n_mislabelled), plain.n_classes)
    _add_blends(train, test, plain, params)
    return Dataset(
        name="digits_long_tail",
        train_images=train.images,
        train_labels=train.labels,
        test_images=test.images,
        test_labels=test.labels,
        pixel_max=plain.pixel_max,
        class_names=plain.class_names,
        train_filenames=tuple(train.names),
        test_filenames=tuple(test.names),
        source=f"{plain.source}, changed by fixed rules: rare styles, blends, wrong labels",
        license=plain.license,
    )


class _Part:
    """One part under construction; examples are used in a random order, each for one purpose."""

    def __init__(self, images: NDArray[Any], labels: NDArray[np.int64], words: NDArray[np.uint64]) -> None:
        self.images, self.labels = images.copy(), labels.copy()
        self.names = [f"digit-{index:04d}" for index in range(len(labels))]
        self._order = [int(index) for index in random_order(words)]

    def take(self, n: int, digit: int | None = None) -> list[int]:
        """Return `n` examples, of one digit or of any, that were not used before."""
        indices = [index for index in self._order if digit is None or self.labels[index] == digit][:n]
        self._order = [index for index in self._order if index not in indices]
        return indices

    def restyle(self, digit: int, style: str, n: int) -> None:
        for index in self.take(n, digit):
            image = self.images[index]
            self.images[index] = {
                "mirrored": image[:, ::-1],
                "upside-down": image[::-1, ::-1],
                "negative": _PIXEL_MAX - image,
            }[style]
            self.names[index] = f"rare-{style}-{digit}-{index:04d}"

    def mislabel(self, n: int, words: NDArray[np.uint64], n_classes: int) -> None:
        for index, word in zip(self.take(n), words.tolist(), strict=True):
            true = int(self.labels[index])
            wrong = (true + 1 + word % (n_classes - 1)) % n_classes
            self.labels[index] = wrong
            self.names[index] = f"mislabelled-{true}-as-{wrong}-{index:04d}"

    def add(self, image: NDArray[Any], label: int, name: str) -> None:
        self.images = np.concatenate([self.images, image[None]])
        self.labels = np.append(self.labels, label)
        self.names.append(name)


def _add_blends(train: _Part, test: _Part, plain: Dataset, params: Params) -> None:
    """Add digits under another, fainter digit to both parts; the two copies differ in a few pixels by one level."""
    count, images = params.n_blends, plain.images.train
    order = random_order(_words(params.seed, 3, plain.n_train))
    pixels = _words(params.seed, 4, count * _CHANGED_PIXELS).reshape(count, _CHANGED_PIXELS) % np.uint64(images[0].size)
    for number in range(count):
        own = int(order[number])
        other = next(int(i) for i in order[count + number :] if plain.train_labels[i] != plain.train_labels[own])
        image = np.maximum(images[own] // 2, images[other] - images[other] // 4)
        copy = image.copy()
        for pixel in pixels[number].tolist():
            value = int(copy.flat[pixel])
            copy.flat[pixel] = value - 1 if value else 1
        label = int(plain.train_labels[own])
        name = f"blend-{label}-{int(plain.train_labels[other])}-{number:04d}"
        train.add(image, label, name)
        test.add(copy, label, name)


def _words(seed: int, purpose: int, count: int) -> NDArray[np.uint64]:
    sequence = np.random.SeedSequence(seed, spawn_key=(purpose,))
    return np.random.PCG64(sequence).random_raw(count).astype(np.uint64, copy=False)
