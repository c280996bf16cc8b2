"""`mempipe experiment features`: from a release to a data set of features and a spec that runs; repeated, extended."""

import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import yaml

import mempipe as package
from mempipe.data import load_dataset
from mempipe.errors import DataError
from mempipe.release.load import load_release
from mempipe.spec import Augmentation, Component, Constant, Evaluation, Single, WarmupLinear, parse_spec
from mempipe.steps.features import FeatureOptions, _document, linear_spec, write_features
from mempipe.steps.progress import LineReporter
from mempipe.steps.retraining import spec_and_data
from tests.command import mempipe


@pytest.fixture(scope="module")
def spec_path(world: Path, release_path: Path) -> Path:
    done = mempipe("experiment", "features", release_path, "--request", "asked", timeout=600)
    assert "one model on 1437 examples" in done.stderr
    return Path(done.stdout.splitlines()[-1])


def test_the_features_are_a_data_set(world: Path, spec_path: Path) -> None:
    (path,) = spec_path.parent.glob("*.npz")
    assert path.name == "tiny-features.npz"
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["x_train"].shape == (1437, 1, 1, 12)
        assert arrays["x_test"].shape == (360, 1, 1, 12)
        assert arrays["x_train"].dtype == arrays["x_test"].dtype == np.float32
        assert arrays["class_names"].tolist() == list("0123456789")
        assert 0.7 < arrays["test_accuracy"] <= 1
    spec = parse_spec(spec_path.read_text(), source="written")
    features_only, digits = load_dataset(spec.data), load_dataset(Component(name="digits"))
    assert features_only.image_shape == (1, 1, 12)
    assert features_only.class_names == digits.class_names
    assert np.array_equal(features_only.train_labels, digits.train_labels)
    assert np.array_equal(features_only.test_labels, digits.test_labels)


def test_the_spec_is_the_releases_for_linear_models(spec_path: Path, release_path: Path) -> None:
    spec = parse_spec(spec_path.read_text(), source="written")
    assert spec.name == "tiny-last-layer"
    assert spec.model == Component(name="linear")
    assert (spec.recipe.epochs, spec.recipe.normalization) == (40, "unit")
    assert (spec.recipe.batch_size, spec.recipe.learning_rate) == (64, 0.05)
    assert (spec.trials, spec.seed, spec.subsets.design) == (40, 11, "uniform")
    assert spec.trainer.kind == "ensemble"
    assert spec.chunk_size % spec.trainer.width == 0


def test_any_recipe_can_be_read_again(release_path: Path) -> None:
    """A schedule's kind is written although it is a default, as it tells which schedule it is."""
    release = load_release(str(release_path))
    spec, dataset = spec_and_data(release, None)
    for schedule in (WarmupLinear(warmup=0.2), Constant(kind="constant")):
        recipe = spec.recipe.model_copy(update={"schedule": schedule})
        data = Component(name="npz", path="/x.npz")
        linear = linear_spec(release, spec.model_copy(update={"recipe": recipe}), dataset, data, 12, FeatureOptions())
        assert linear.recipe.schedule == schedule
        assert parse_spec(_document(linear).decode(), source="written") == linear


def test_linear_models_of_a_fast_recipe_keep_its_loss_and_update(release_path: Path) -> None:
    """What acts on images, and the rate of normalization's offsets, has no place in a linear model of features."""
    release = load_release(str(release_path))
    spec, dataset = spec_and_data(release, None)
    path = Path(__file__).parents[2] / "specs" / "cifar100_fast.yaml"
    fast = parse_spec(path.read_text(), source=str(path)).recipe
    assert fast is not None
    single = spec.model_copy(update={"recipe": fast, "trainer": Single(kind="single")})
    linear = linear_spec(release, single, dataset, Component(name="npz", path="/x.npz"), 12, FeatureOptions())
    kept = {"augmentation": Augmentation(), "sizes": (), "evaluation": Evaluation(), "bias_rate": 1.0}
    assert linear.recipe == fast.model_copy(update=kept | {"epochs": 40, "normalization": "unit"})
    assert (linear.trainer.kind, linear.precision) == ("ensemble", "float32")
    assert parse_spec(_document(linear).decode(), source="written") == linear


def test_a_second_time_nothing_is_trained(world: Path, spec_path: Path, release_path: Path) -> None:
    (features,) = spec_path.parent.glob("*.npz")
    before = features.stat()
    done = mempipe("experiment", "features", release_path, "--trials", "60", "--epochs", "20")
    assert "the features already exist" in done.stderr
    other = Path(done.stdout.splitlines()[-1])
    assert other.parent == spec_path.parent
    assert other != spec_path, "the first spec is as it was, for whoever runs it"
    assert features.stat() == before
    assert yaml.safe_load(other.read_text())["trials"] == 60
    assert yaml.safe_load(spec_path.read_text())["trials"] == 40
    assert Path(mempipe("experiment", "features", release_path).stdout.splitlines()[-1]) == spec_path


def test_the_same_bytes_in_another_store(spec_path: Path, release_path: Path, tmp_path: Path) -> None:
    mempipe("experiment", "features", release_path, "--store", tmp_path / "other", timeout=600)
    (again,) = (tmp_path / "other").glob("runs/*/features/*/*.npz")
    assert again.read_bytes() == (spec_path.parent / again.name).read_bytes()


def test_the_spec_runs_to_a_release(spec_path: Path, world: Path, tmp_path: Path) -> None:
    uri = mempipe("run", spec_path, "--store", tmp_path / "store", "--trials", "20", timeout=600).stdout.splitlines()[
        -1
    ]
    release = package.load_release(uri)
    assert release.manifest.name == "tiny-last-layer"
    assert release.manifest.n_trials == 20
    accuracy = release.trials["test_accuracy"].to_numpy().mean()
    assert accuracy > 0.7  # features of 40 epochs on 12 numbers, where guessing gives 0.1
    done = mempipe("report", uri, "--out", tmp_path / "report")
    assert "No images: the examples of tiny-features.npz are features, not pictures." in done.stderr
    assert not (tmp_path / "report" / "sheets").exists()


def test_damaged_features_are_named(spec_path: Path, world: Path, release_path: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(world, tmp_path / "store"))
    (features,) = store.glob("runs/*/features/*/*.npz")
    features.write_bytes(features.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"tiny-features\.npz is damaged"):
        write_features(str(store / "releases" / "tiny"), FeatureOptions(), LineReporter(StringIO()))


@pytest.mark.parametrize(
    ("n_features", "kind", "width"), [(64, "ensemble", 50), (20_000, "ensemble", 35), (2**22, "single", 0)]
)
def test_a_group_fits_into_memory(release_path: Path, n_features: int, kind: str, width: int) -> None:
    release = load_release(release_path)
    spec, dataset = spec_and_data(release, None)
    linear_trainer = linear_spec(
        release, spec, dataset, Component(name="npz", path="/x"), n_features, FeatureOptions()
    ).trainer
    assert (linear_trainer.kind, getattr(linear_trainer, "width", 0)) == (kind, width)
