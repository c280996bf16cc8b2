"""`mempipe experiment features`: the inputs of a model's last layer as a data set, and a spec of linear models on it.

Feldman & Zhang 2020, section 3.6: a model is trained on the full training set, the output of its penultimate layer is
the representation of each example, and linear models are trained on subsets of these.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import yaml

from mempipe.catalog.requests import FeaturesRequest, write_request
from mempipe.catalog.results import open_store_of
from mempipe.data import Dataset, load_dataset
from mempipe.errors import ObjectExistsError
from mempipe.npz import NpzWriter
from mempipe.places import features_place
from mempipe.release.load import Release, load_release
from mempipe.runs import Run, register_run
from mempipe.spec import Augmentation, Component, Ensemble, Evaluation, Recipe, Single, Spec
from mempipe.steps.progress import Reporter
from mempipe.steps.retraining import SUFFIX, spec_and_data
from mempipe.storage import open_store, put
from mempipe.subsets import removal

EPOCHS: Final = 40
"""Epochs of the linear models (App. B: "due to fast convergence")."""

_LAST_LAYER: Final = "-last-layer"
_WIDTH: Final = 50
_GROUP_BYTES: Final = 2**28
_DATA_BYTES: Final = 2**32


@dataclass(frozen=True)
class FeatureOptions:
    """Options of the features and the linear models.

    Attributes:
        trial: the trial of the run on the full training set that gives the features; each trial is another model.
        trials: number of linear models; None: as many as the release has trials.
        epochs: epochs of each linear model.
        store: store of the run, the features and the spec; None: the store that the release was published in.
        data: where the data set is now, as a spec's `data`; None: as the release records.
        request: the store keeps the spec's URI under this name (`requests/NAME.json`).
    """

    trial: int = 0
    trials: int | None = None
    epochs: int = EPOCHS
    store: str | None = None
    data: dict[str, Any] | None = None
    request: str | None = None


def write_features(release_uri: str, options: FeatureOptions, reporter: Reporter) -> str:
    """Train one model on the full training set, store its last layer's inputs, and write a spec of linear models.

    Features that the store holds are not trained again. The model depends on the release's spec and data only, so a
    release with more trials has the same features, and its linear models extend the earlier ones.

    Returns:
        URI of the spec; `mempipe run` takes it.

    Raises:
        InputError: the release was not trained by mempipe.
        DataError: the data set is not the release's, or stored features are damaged.
        SpecError: the model does not end with a Dense layer, or the trainer is the user's own.
        TrialError: training diverged.
    """
    release = load_release(release_uri)
    root = open_store_of(release) if options.store is None else open_store(options.store)
    spec, dataset = spec_and_data(release, options.data)
    spec.built_in()  # a trainer of the user's own is refused before anything is written
    everything = removal(np.zeros(dataset.n_train, np.bool_))
    run = register_run(root, spec.model_copy(update={"subsets": everything}), dataset)
    folder = features_place(options.trial)
    key = f"{folder}/{spec.name.removesuffix(SUFFIX)}-features.npz"
    if run.store.exists(key):
        reporter.note("the features already exist")
    else:
        _train(run, dataset, options.trial, key, reporter)
    data = Component.model_validate(
        {
            "name": "npz",
            "path": f"{run.uri}/{key}",
            "pixel_max": 1.0,
            "class_names": list(dataset.class_names),
            "license": dataset.license,
        }
    )
    _, _, n_features = load_dataset(data).images.shape
    linear = linear_spec(release, spec, dataset, data, n_features, options)
    document = _document(linear)
    name = f"{folder}/{linear.name}-{hashlib.sha256(document).hexdigest()[:12]}.yaml"  # one object for each spec
    put(run.store, name, document)
    uri = f"{run.uri}/{name}"
    if options.request is not None:
        write_request(root, options.request, FeaturesRequest(spec=uri))
    return uri


def linear_spec(
    release: Release, spec: Spec, dataset: Dataset, data: Component, n_features: int, options: FeatureOptions
) -> Spec:
    """Return the spec of linear models on features: the release's recipe for fewer epochs, its subsets and its seed.

    Features are used unchanged: normalization is `unit` with a largest value of 1, without augmentation and sizes. The
    paper does not mention augmentation here; we assume none, as its representations are pre-computed. A rate of its own
    for biases was meant for normalization, of which a linear model has none.
    """
    model, recipe = spec.built_in()
    recipe = recipe.model_copy(
        update={
            "epochs": options.epochs,
            "normalization": "unit",
            "augmentation": Augmentation(),
            "sizes": (),
            "evaluation": Evaluation(),
            "bias_rate": 1.0,
        }
    )
    trainer = _trainer(recipe, dataset, n_features, threads=spec.trainer.threads)
    width = trainer.width if isinstance(trainer, Ensemble) else 1
    name = release.manifest.name
    return Spec(
        name=name[: 63 - len(_LAST_LAYER)] + _LAST_LAYER,
        description=f"Linear models on what the last layer of one {model.name} sees, trained on all of "
        f"{dataset.name} (Feldman & Zhang 2020, section 3.6).",
        data=data,
        model=Component(name="linear"),
        recipe=recipe,
        trainer=trainer,
        subsets=spec.subsets,
        seed=spec.seed,
        influence=release.manifest.influence,
        trials=options.trials or release.manifest.n_trials,
        chunk_size=width * max(1, _WIDTH // width),
    )


def _trainer(recipe: Recipe, dataset: Dataset, n_features: int, *, threads: int) -> Ensemble | Single:
    """Return an ensemble whose group fits into 256 MiB; single models if two do not fit, or the data is too large.

    A member needs memory for its batch, kernel, velocity and gradient; the device of an ensemble holds all features.
    """
    member = 4 * (recipe.batch_size * (n_features + dataset.n_classes) + 3 * (n_features + 1) * dataset.n_classes)
    width = min(_WIDTH, _GROUP_BYTES // member)
    if width < 2 or 4 * n_features * (dataset.n_train + dataset.n_test) > _DATA_BYTES:
        return Single(kind="single", threads=threads)
    return Ensemble(kind="ensemble", width=width, threads=threads)


def _train(run: Run, dataset: Dataset, trial: int, key: str, reporter: Reporter) -> None:
    # Imported here, so that TensorFlow is not loaded if the features exist.
    from mempipe.training.checkpoints import Checkpoints
    from mempipe.training.trainer import open_trainer

    run.record.require_known_spec(run.uri)
    checkpoints = Checkpoints(run.store)
    trainer = open_trainer(run.record.spec, dataset, checkpoints=checkpoints)
    with reporter.stage("training", total=1, unit="models") as advance:
        features = trainer.features(trial, advance)
    accuracy = {"train": features.outcome.train["correct"].mean(), "test": features.outcome.test["correct"].mean()}
    reporter.note(
        f"one model on {dataset.n_train} examples: accuracy {accuracy['train']:.2%} on train, "
        f"{accuracy['test']:.2%} on test; its last layer has {features.train.shape[1]} inputs"
    )
    arrays = {
        "x_train": features.train[:, None, None, :],
        "y_train": dataset.train_labels,
        "x_test": features.test[:, None, None, :],
        "y_test": dataset.test_labels,
        "class_names": np.asarray(dataset.class_names, dtype=np.str_),
        "train_accuracy": np.asarray(accuracy["train"], dtype=np.float64),
        "test_accuracy": np.asarray(accuracy["test"], dtype=np.float64),
        "run_key": np.asarray(run.record.run_key),
        "data_fingerprint": np.asarray(dataset.fingerprint),
        "trial": np.asarray(trial, dtype=np.int64),
    }
    with _npz_file(arrays) as path:
        try:
            run.store.create(key, path)
        except ObjectExistsError:
            reporter.note("another machine committed its features first; they stay, and differ from ours by rounding")
    checkpoints.clear([trial])


@contextmanager
def _npz_file(arrays: dict[str, Any]) -> Iterator[Path]:
    """Yield the path of a temporary npz of these arrays; equal arrays give equal bytes."""
    with TemporaryDirectory(prefix="mempipe-features-") as folder:
        path = Path(folder) / "features.npz"
        with NpzWriter(path) as writer:
            for name, array in arrays.items():
                writer.add(name, array)
        yield path


def _document(spec: Spec) -> bytes:
    values = spec.model_dump(mode="json")
    head = "# Written by `mempipe experiment features`.\n"
    return (head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)).encode()
