"""The fast network: its parameters by formula, whitened patches, identities at the start; its specs train."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mempipe.data import Dataset
from mempipe.errors import SpecError
from mempipe.spec import Component, parse_spec
from mempipe.training.blocks.partial_identity import PartialIdentity
from mempipe.training.blocks.whitening import EPSILON, PatchWhitening
from mempipe.training.initial import InitialState
from mempipe.training.models.airbench import Params, misfit
from mempipe.training.normalize import fit_normalization
from mempipe.training.registry import build_model, resolve_model
from mempipe.training.trainer import open_trainer
from mempipe.training.whitening import adapt_whitening, patch_covariance
from tests.training.worlds import silent

SPECS = Path(__file__).parents[2] / "specs"


def built(n_classes: int, **keys: Any) -> Any:
    model = resolve_model(Component.model_validate({"name": "airbench", **keys}))
    return build_model(model, (32, 32, 3), n_classes)


def size(variables: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)


def expected_size(widths: tuple[int, ...], depth: int, n_classes: int) -> int:
    """Trainable parameters by Jordan 2024, section 3.1: kernels, one offset a filter, the last layer without bias."""
    total, inputs = 0, 24
    for width in widths:
        total += 9 * inputs * width + (depth - 1) * 9 * width * width + depth * width
        inputs = width
    return total + inputs * n_classes


@pytest.mark.parametrize("depth", [2, 3])
def test_its_parameters_are_those_of_the_published_network(depth: int) -> None:
    """Jordan 2024, section 3.1: 1.97 million for widths 64, 256, 256; ours lack the first convolution's 24 biases."""
    widths = (64, 256, 256)
    model = built(10, widths=widths, depth=depth)
    assert size(model.trainable_variables) == expected_size(widths, depth, 10)
    if depth == 2:
        assert size(model.trainable_variables) + 288 + 24 == 1_971_640
    frozen = [variable for variable in model.non_trainable_variables if variable.name == "kernel"]
    assert [tuple(kernel.shape) for kernel in frozen] == [(2, 2, 3, 24)]


def test_the_whitening_convolution_makes_patches_white() -> None:
    """The covariance of what it gives is V l / (l + epsilon) V^T: near the identity, here by the formula."""
    random = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(random.normal(size=(40, 9, 8, 3)), axis=1), axis=2)
    pixels = (smooth @ random.normal(size=(3, 3))).astype(np.float32)
    pixels -= pixels.min()
    inputs = keras.layers.Input((9, 8, 3))
    model = keras.Model(inputs, PatchWhitening()(inputs))
    normalization = fit_normalization("standardize", pixels, pixel_max=float(pixels.max()))
    adapt_whitening(model, pixels, normalization)
    model.set_weights(InitialState(model, seed=0).values(0))
    images = normalization.apply(pixels)
    whitened = np.asarray(model(images))
    assert whitened.shape == (40, 8, 7, 24)
    np.testing.assert_array_equal(whitened[..., :12], -whitened[..., 12:])
    flat = whitened[..., :12].reshape(-1, 12)
    values = np.linalg.eigvalsh(patch_covariance(images))[::-1]
    np.testing.assert_allclose(flat.T @ flat / len(flat), np.diag(values / (values + EPSILON)), atol=2e-3)
    patches = [images[n, r : r + 2, c : c + 2].ravel() for n in range(40) for r in range(8) for c in range(7)]
    oracle = np.mean([np.outer(patch, patch) for patch in patches], axis=0)
    np.testing.assert_allclose(patch_covariance(images), oracle, rtol=1e-4, atol=1e-5)


def test_the_first_filters_begin_as_the_identity() -> None:
    kernel = np.asarray(PartialIdentity(seed=3)((3, 3, 4, 10), "float32"))
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype(np.float32)
    outputs = np.asarray(keras.ops.conv(images, kernel, padding="same"))
    np.testing.assert_allclose(outputs[..., :4], images, atol=1e-6)
    rest = kernel[..., 4:]
    limit = 1 / np.sqrt(9 * 4)
    assert 0.9 * limit < np.abs(rest).max() <= limit
    again, other = (np.asarray(PartialIdentity(seed=seed)((3, 3, 4, 10), "float32")) for seed in (3, 4))
    np.testing.assert_array_equal(kernel, again)
    assert not np.array_equal(kernel, other)
    narrow = np.asarray(PartialIdentity(seed=3)((3, 3, 4, 2), "float32"))
    np.testing.assert_array_equal(narrow[1, 1], np.eye(4, 2))
    assert np.count_nonzero(narrow) == 2


def test_the_smallest_images_that_it_takes() -> None:
    assert misfit(Params(), (8, 32, 3), 10) is not None
    assert misfit(Params(), (9, 9, 3), 10) is None
    model = resolve_model(Component.model_validate({"name": "airbench", "widths": [2, 2, 2]}))
    assert build_model(model, (9, 9, 3), 10).output_shape == (None, 10)
    with pytest.raises(SpecError, match="expected images of at least 9 x 9, got 8 x 8"):
        build_model(model, (8, 8, 3), 10)


@pytest.mark.parametrize(("name", "n_classes"), [("cifar10_fast", 10), ("cifar100_fast", 100)])
def test_the_fast_specs_train(name: str, n_classes: int) -> None:
    """The spec as it is, on few made-up images: its parameters, and every size of its images in a few steps."""
    spec = parse_spec((SPECS / f"{name}.yaml").read_text(), source=name)
    assert (spec.name, spec.data.name) == (name, name.removesuffix("_fast"))
    assert spec.recipe is not None
    assert spec.model is not None
    assert spec.recipe.epochs <= 16
    model = resolve_model(spec.model)
    params = Params.model_validate(model.params())
    network = build_model(model, (32, 32, 3), n_classes)
    trainable = size(network.trainable_variables)
    assert trainable == expected_size(params.widths, params.depth, n_classes)
    assert f"{trainable:,} trainable parameters" in (SPECS / f"{name}.yaml").read_text()

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2 * n_classes, 32, 32, 3), dtype=np.uint8)
    data = Dataset(
        name=name,
        train_images=images[:n_classes],
        train_labels=np.arange(n_classes),
        test_images=images[n_classes:],
        test_labels=np.arange(n_classes),
        pixel_max=255.0,
        class_names=tuple(map(str, range(n_classes))),
    )
    narrow = Component.model_validate(model.model_dump() | {"widths": [4, 4, 4]})
    recipe = spec.recipe.model_copy(update={"batch_size": n_classes})
    tiny = spec.model_copy(update={"model": narrow, "recipe": recipe})
    outcomes = list(open_trainer(tiny, data).train([0, 1], silent))
    assert [outcome.train["correct"].shape for outcome in outcomes] == [(n_classes,)] * 2
