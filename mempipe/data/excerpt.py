"""An excerpt of a data set: some of its classes, and a limited number of examples of each, in the data set's order.

An excerpt is another data set: its fingerprint depends on the chosen examples, not on how the spec states them.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mempipe.errors import DataError
from mempipe.spec import Strict


class Excerpt(Strict):
    """Keys of every data set that can be reduced to an excerpt.

    Attributes:
        classes: names of the classes to take; all unless given. They keep the data set's order, whatever order is
            written here, and are numbered from 0 again.
        limit: maximum number of examples of each class in each part, the first ones; all unless given.
    """

    classes: tuple[str, ...] | None = Field(None, min_length=1)
    limit: int | None = Field(None, ge=1)

    def of_names(self, class_names: Sequence[str], *, what: str) -> tuple[str, ...]:
        """Return the chosen class names, in the data set's order.

        Raises:
            DataError: the data set lacks one of the classes.
        """
        if self.classes is None:
            return tuple(class_names)
        absent = sorted(set(self.classes) - set(class_names))
        if absent:
            raise DataError(
                f"Data set cannot be used: {what} has no class {absent[0]!r}, "
                f"expected some of its {len(class_names)} ({', '.join(class_names[:8])}, …).",
                hint="correct data.classes.",
            )
        return tuple(name for name in class_names if name in self.classes)


class Choice:
    """Decides for one part, example after example, whether it belongs to the excerpt.

    Args:
        excerpt: the classes and the limit.
    """

    def __init__(self, excerpt: Excerpt) -> None:
        self._classes = None if excerpt.classes is None else frozenset(excerpt.classes)
        self._limit = excerpt.limit
        self._counts: Counter[str] = Counter()

    def takes(self, class_name: str) -> bool:
        """Return whether the next example, of this class, belongs to the excerpt; count it if so."""
        if self._classes is not None and class_name not in self._classes:
            return False
        if self._limit is not None and self._counts[class_name] >= self._limit:
            return False
        self._counts[class_name] += 1
        return True


def excerpt_of(
    excerpt: Excerpt, images: NDArray[Any], labels: NDArray[np.int64], class_names: Sequence[str], *, what: str
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return the chosen part of arrays.

    Args:
        excerpt: the classes and the limit.
        images: (n, height, width, channels).
        labels: int64 (n,), in [0, len(class_names)).
        class_names: of the whole data set.
        what: the data set, for messages.

    Returns:
        images (k, height, width, channels); labels int64 (k,), numbered in the order of `excerpt.of_names`; the
        chosen positions int64 (k,), ascending.
    """
    if excerpt.classes is None and excerpt.limit is None:
        return images, labels, np.arange(len(labels))
    names = excerpt.of_names(class_names, what=what)
    choice = Choice(excerpt)
    positions = np.array([i for i, label in enumerate(labels) if choice.takes(class_names[label])], dtype=np.int64)
    numbers = np.array([names.index(name) if name in names else -1 for name in class_names], dtype=np.int64)
    return images[positions], numbers[labels[positions]], positions
