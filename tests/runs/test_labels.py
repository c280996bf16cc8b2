"""The labels of a run are written once; a later plan compares their content, not the bytes of the file."""

import io
import uuid
from dataclasses import replace

import numpy as np
import pytest

from mempipe.data import Dataset
from mempipe.errors import RunError
from mempipe.npz import read_npz
from mempipe.places import LABELS
from mempipe.runs import Run, register_run
from mempipe.spec import Spec
from mempipe.storage import Store, open_store

SPEC = Spec.model_validate(
    {
        "name": "noise",
        "data": {"name": "npz", "path": "x.npz"},
        "model": {"name": "mlp"},
        "recipe": {"epochs": 1, "batch_size": 4, "learning_rate": 0.1},
        "trainer": {"kind": "single"},
    }
)
DATASET = Dataset(
    name="noise",
    train_images=np.zeros((6, 2, 2, 1), dtype=np.uint8),
    train_labels=np.arange(6) % 2,
    test_images=np.ones((4, 2, 2, 1), dtype=np.uint8),
    test_labels=np.arange(4) % 2,
    pixel_max=255.0,
    class_names=("a", "b"),
    train_filenames=tuple("abcdef"),
    test_filenames=tuple("wxyz"),
)


@pytest.fixture
def run() -> Run:
    return register_run(open_store(f"memory://{uuid.uuid4().hex}"), SPEC, DATASET)


def replace_labels(store: Store, content: bytes) -> None:
    store.delete(LABELS, generation=store.read_versioned(LABELS)[1])
    store.create(LABELS, content)


def test_other_bytes_of_the_same_labels_stay(run: Run) -> None:
    """As another version of Python, numpy or mempipe wrote them."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **read_npz(run.store.read(LABELS)))
    replace_labels(run.store, buffer.getvalue())
    again = register_run(root_of(run), SPEC, DATASET)
    assert again.store.read(LABELS) == buffer.getvalue()
    np.testing.assert_array_equal(again.labels.train, DATASET.train_labels)


def test_other_labels_are_refused(run: Run) -> None:
    renamed = replace(DATASET, train_filenames=tuple("abcdeF"))
    with pytest.raises(RunError, match="has other file names or is damaged"):
        register_run(root_of(run), SPEC, renamed)
    replace_labels(run.store, b"damaged")
    with pytest.raises(RunError, match="has other file names or is damaged"):
        register_run(root_of(run), SPEC, DATASET)


def root_of(run: Run) -> Store:
    """The store that the run lies in."""
    return open_store(run.uri.partition("/runs/")[0])
