"""`cifar10`: 60,000 color images of 32 x 32 pixels in 10 classes, from the official binary version."""

from typing import Final

from mempipe.data.cifar_binary import Labels, Layout, read_cifar
from mempipe.data.dataset import Dataset
from mempipe.data.excerpt import Excerpt
from mempipe.data.fetch import DataPath

LAYOUT: Final = Layout(
    name="cifar10",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    folder="cifar-10-batches-bin",
    train_files=tuple(f"data_batch_{batch}.bin" for batch in range(1, 6)),
    test_files=("test_batch.bin",),
    train_records=10_000,
    test_records=10_000,
    labels=(
        Labels(
            "batches.meta.txt",
            ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        ),
    ),
)


class Params(Excerpt):
    """Keys of the `cifar10` data set.

    Attributes:
        path: the archive or a folder with its files; path or `gs://` URI. Without it the archive is downloaded once
            and checked.
    """

    path: DataPath | None = None


def load(params: Params) -> Dataset:
    """Read CIFAR-10: the five training batches in their order, then the test batch."""
    return read_cifar(LAYOUT, params.path, kind=0, excerpt=params)
