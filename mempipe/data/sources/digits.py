"""`digits`: 1,797 handwritten digits of 8 x 8 pixels, shipped with scikit-learn (UCI; CC BY 4.0).

The data set has no test part of its own: the last `test_size` examples are the test part, in the original order. They
were written by other people than the first ones, so this is also the harder and more honest split.
"""

import gzip
import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import Field

from mempipe.data.dataset import Dataset
from mempipe.errors import DataError
from mempipe.spec import Strict

_FILE: Final = "sklearn/datasets/data/digits.csv.gz"
_SHA256: Final = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"


class Params(Strict):
    """Keys of the `digits` data set."""

    test_size: int = Field(360, ge=1, le=1700)


def load(params: Params) -> Dataset:
    """Read the digits from scikit-learn's files, without importing scikit-learn (which takes seconds)."""
    try:
        path = Path(str(distribution("scikit-learn").locate_file(_FILE)))
        content = gzip.decompress(path.read_bytes())
    except (PackageNotFoundError, OSError) as error:
        raise DataError(
            f"Data set cannot be read: digits needs scikit-learn's {_FILE}, which is missing.",
            hint="pip install 'mempipe[pipeline]'.",
        ) from error
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise DataError(
            f"Data set cannot be used: digits at {path} has another content than expected.",
            hint="this version of scikit-learn ships other digits; install the locked version.",
        )
    table = np.array([line.split(b",") for line in content.split()], dtype=np.float64)
    images = table[:, :-1].astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = table[:, -1].astype(np.int64)
    n_train = len(labels) - params.test_size
    return Dataset(
        name="digits",
        train_images=images[:n_train],
        train_labels=labels[:n_train],
        test_images=images[n_train:],
        test_labels=labels[n_train:],
        pixel_max=16.0,
        class_names=tuple("0123456789"),
        source="scikit-learn's copy of the UCI Optical Recognition of Handwritten Digits test set",
        license="CC BY 4.0",
    )
