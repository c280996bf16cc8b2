"""A real run on digits of which some training labels were changed, its release, and its report.

It trains until the models fit every label that they see: a wrong label that is not fitted is not memorized."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mempipe.data.sources import digits
from tests.command import mempipe

PLANTED = (3, 200, 555, 901, 1300)
"""Training examples whose labels were changed: to the next digit."""

SPEC = """
name: planted
data:
  name: npz
  path: {path}
  pixel_max: 16
  class_names: [zero, one, two, three, four, five, six, seven, eight, nine]
model: {{name: mlp, hidden: [64]}}
recipe: {{epochs: 100, batch_size: 64, learning_rate: 0.1}}
trainer: {{kind: ensemble, width: 25}}
subsets: {{design: uniform, ratio: 0.7}}
seed: 5
trials: 50
chunk_size: 50
"""


@dataclass(frozen=True)
class Planted:
    """The run's files."""

    data: Path
    store: Path
    release: Path
    report: Path


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The report of a run of the whole pipeline."""
    folder = tmp_path_factory.mktemp("planted")
    dataset = digits.load(digits.Params())
    labels = dataset.train_labels.copy()
    labels[list(PLANTED)] = (labels[list(PLANTED)] + 1) % 10
    data = folder / "digits.npz"
    np.savez(
        data,
        x_train=dataset.train_images[..., 0],
        y_train=labels,
        x_test=dataset.test_images[..., 0],
        y_test=dataset.test_labels,
    )
    (folder / "spec.yaml").write_text(SPEC.format(path=data))
    store = folder / "store"
    release = Path(mempipe("run", folder / "spec.yaml", "--store", store).stdout.splitlines()[-1])
    page = Path(mempipe("report", store / "releases" / "planted", "--out", folder / "report").stdout.strip())
    return Planted(data, store, release, page.parent)
