"""The paper's architectures: published numbers of parameters, stages by formula, and each memorizes random labels."""

from typing import Any

import numpy as np
import pytest

from mempipe.data import Dataset
from mempipe.errors import SpecError
from mempipe.spec import Component, Recipe
from mempipe.training.ensemble.network import StackedNetwork
from mempipe.training.initial import InitialState
from mempipe.training.registry import build_model, check_model_fits, resolve_model
from mempipe.training.single.loop import TrainingLoop
from mempipe.training.trainer import open_trainer
from tests.training.worlds import silent, spec, steps_on_all

IMAGENET, CIFAR, MNIST = (224, 224, 3), (32, 32, 3), (28, 28, 1)
NAMES = ["resnet18", "resnet50", "inception", "densenet100"]


def component(name: str, **keys: Any) -> Component:
    return resolve_model(Component.model_validate({"name": name, **keys}))


def built(name: str, shape: tuple[int, int, int], n_classes: int, **keys: Any) -> Any:
    return build_model(component(name, **keys), shape, n_classes)


def trainable(model: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def conv(kernel: int, inputs: int, outputs: int) -> int:
    """Parameters of a convolution and of the scale and offset after it."""
    return kernel**2 * inputs * outputs + 2 * outputs


def resnet(stem: int, repeats: tuple[int, ...], *, bottleneck: bool, channels: int, n_classes: int) -> int:
    """Parameters by He et al. 2016, Table 1; `stem` is the size of the first kernel."""
    total, inputs = conv(stem, channels, 64), 64
    for width, n_blocks in zip((64, 128, 256, 512), repeats, strict=True):
        outputs = 4 * width if bottleneck else width
        for block in range(n_blocks):
            if bottleneck:
                total += conv(1, inputs, width) + conv(3, width, width) + conv(1, width, outputs)
            else:
                total += conv(3, inputs, width) + conv(3, width, width)
            total += conv(1, inputs, outputs) if block == 0 and inputs != outputs else 0
            inputs = outputs
    return total + (inputs + 1) * n_classes


def densenet(growth: int, *, n_classes: int) -> int:
    """Parameters of DenseNet-BC, L = 100, by Huang et al. 2017, section 3: normalization comes before a convolution."""
    maps = 2 * growth
    total = 9 * 3 * maps
    for block in range(3):
        for _ in range(16):
            total += 2 * maps + maps * 4 * growth + 2 * 4 * growth + 9 * 4 * growth * growth
            maps += growth
        if block < 2:
            total += 2 * maps + maps * (maps // 2)
            maps //= 2
    return total + 2 * maps + (maps + 1) * n_classes


def inception(*, channels: int, n_classes: int) -> int:
    """Parameters by ZBHRV17, Fig. 3, in its order; one offset for each filter."""
    modules: list[tuple[int, ...]] = [(32, 32), (32, 48), (80,), (112, 48), (96, 64), (80, 80), (48, 96), (96,)]
    modules += [(176, 160), (176, 160)]
    total, inputs = (9 * channels + 1) * 96, 96
    for filters in modules:
        if len(filters) == 1:  # downsample module: pooling keeps its inputs
            total += (9 * inputs + 1) * filters[0]
            inputs += filters[0]
        else:
            total += (inputs + 1) * filters[0] + (9 * inputs + 1) * filters[1]
            inputs = sum(filters)
    return total + (inputs + 1) * n_classes


RESNETS = {"resnet18": ((2, 2, 2, 2), False), "resnet50": ((3, 4, 6, 3), True)}


@pytest.mark.parametrize(("name", "published"), [("resnet18", 11_689_512), ("resnet50", 25_557_032)])
def test_residual_networks_for_imagenet_are_the_published_ones(name: str, published: int) -> None:
    """Published: torchvision's documentation of `resnet18` and `resnet50` (num_params)."""
    model = built(name, IMAGENET, 1000, stem="imagenet")
    repeats, bottleneck = RESNETS[name]
    assert trainable(model) == published == resnet(7, repeats, bottleneck=bottleneck, channels=3, n_classes=1000)
    wide = 4 if bottleneck else 1
    expected = [(56, 64), (56, 64 * wide), (28, 128 * wide), (14, 256 * wide), (7, 512 * wide)]
    stages = ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert [model.get_layer(stage).output.shape for stage in stages] == [(None, s, s, c) for s, c in expected]


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_residual_networks_for_cifar_keep_the_size_in_the_stem(name: str) -> None:
    """App. B: one 3 x 3 convolution of stride 1; section 3.6: ResNet50's last layer has more than 200k parameters."""
    model = built(name, CIFAR, 100)
    repeats, bottleneck = RESNETS[name]
    assert trainable(model) == resnet(3, repeats, bottleneck=bottleneck, channels=3, n_classes=100)
    wide = 4 if bottleneck else 1
    expected = [(32, 64), (32, 64 * wide), (16, 128 * wide), (8, 256 * wide), (4, 512 * wide)]
    stages = ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert [model.get_layer(stage).output.shape for stage in stages] == [(None, s, s, c) for s, c in expected]
    if name == "resnet50":
        assert model.get_layer("features").output.shape == (None, 2048)
        assert model.get_layer("logits").count_params() == 2049 * 100 > 200_000


def test_the_small_inception_is_the_one_of_zhang_et_al() -> None:
    """Published: 1,649,402 parameters (ZBHRV17, Table 1: Inception, CIFAR-10 cropped to 28 x 28)."""
    model = built("inception", (28, 28, 3), 10)
    assert trainable(model) == 1_649_402 == inception(channels=3, n_classes=10)
    shapes = [model.get_layer(f"stage{stage}").output.shape for stage in (1, 2, 3)]
    assert shapes == [(None, 28, 28, 80), (None, 14, 14, 144), (None, 7, 7, 336)]
    assert trainable(built("inception", MNIST, 10)) == inception(channels=1, n_classes=10)
    assert trainable(built("inception", CIFAR, 100)) == inception(channels=3, n_classes=100)


def test_densenet_is_the_published_one() -> None:
    """Published: 0.8M parameters (Huang et al. 2017, Table 2: DenseNet-BC, L = 100, k = 12)."""
    model = built("densenet100", CIFAR, 100)
    assert trainable(model) == 800_032 == densenet(12, n_classes=100)
    shapes = [model.get_layer(f"block{block}").output.shape for block in (1, 2, 3)]
    assert shapes == [(None, 32, 32, 216), (None, 16, 16, 300), (None, 8, 8, 342)]
    convolutions = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    assert len(convolutions) + 1 == 100  # with the last layer
    assert densenet(12, n_classes=10) == 769_162


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_depth_counts_convolutions_and_the_last_layer(name: str) -> None:
    model = built(name, CIFAR, 10)
    convolutions = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    shortcuts = 4 if name == "resnet50" else 3
    assert len(convolutions) - shortcuts + 1 == int(name.removeprefix("resnet"))


@pytest.mark.parametrize("name", NAMES)
def test_statistics_and_beginnings_are_those_that_the_models_state(name: str) -> None:
    model = built(name, (8, 8, 1), 3)
    kinds = {type(layer).__name__ for layer in model.layers}
    assert "Dropout" not in kinds
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-3 if name == "inception" else 1e-5)
        if type(layer).__name__ == "Conv2D":
            assert not layer.use_bias
            begins = "GlorotUniform" if name == "inception" else "HeNormal"
            assert type(layer.kernel_initializer).__name__ == begins


@pytest.mark.parametrize(
    ("name", "keys", "size", "message"),
    [
        ("resnet50", {}, 7, "stem is cifar, expected images of at least 8 x 8, got 7 x 9"),
        ("resnet18", {"stem": "imagenet"}, 31, "stem is imagenet, expected images of at least 32 x 32, got 31 x 33"),
        ("inception", {}, 3, "halves images twice, expected images of at least 4 x 4, got 3 x 5"),
        ("densenet100", {}, 3, "halves images twice, expected images of at least 4 x 4, got 3 x 5"),
    ],
)
def test_images_that_are_too_small_are_refused_before_building(
    name: str, keys: dict[str, str], size: int, message: str
) -> None:
    check_model_fits(component(name, **keys), (size + 1, size + 2, 3), 10)
    with pytest.raises(SpecError, match=message):
        check_model_fits(component(name, **keys), (size, size + 2, 3), 10)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet100"])
def test_a_stacked_member_is_the_keras_model(name: str) -> None:
    model = build_model(component(name), (8, 8, 3), 10)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    (logits,) = StackedNetwork(model).logits([variable.value[None] for variable in model.variables], images[None])
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_ensemble_refuses_the_small_inception_and_names_the_trainer_that_takes_it() -> None:
    with pytest.raises(SpecError, match="cannot be vectorized") as caught:
        open_trainer(spec(model={"name": "inception"}), random_labels())
    assert "trainer.kind: single" in caught.value.hint


def random_labels(size: int = 8) -> Dataset:
    """40 training and 10 test images of noise with labels drawn at random: all that can be learned is by heart."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (50, size, size, 3)).astype(np.uint8)
    labels = random.integers(0, 2, 50)
    labels[:2] = 0, 1
    return Dataset(
        name="noise",
        train_images=images[:40],
        train_labels=labels[:40],
        test_images=images[40:],
        test_labels=labels[40:],
        pixel_max=255.0,
        class_names=("heads", "tails"),
    )


def test_the_inception_memorizes_random_labels_of_its_subset_and_no_others() -> None:
    """28 of 40 images are seen; of 22 unseen ones chance finds about half."""
    recipe = {"epochs": 12, "batch_size": 14, "learning_rate": 0.02}
    inception = spec(model={"name": "inception"}, trainer={"kind": "single"}, recipe=recipe)
    (outcome,) = open_trainer(inception, random_labels()).train([0], silent)
    seen = outcome.train["correct"][outcome.subset_mask]
    unseen = np.concatenate([outcome.train["correct"][~outcome.subset_mask], outcome.test["correct"]])
    assert seen.mean() >= 0.95
    assert unseen.mean() <= 0.8


@pytest.mark.parametrize(
    ("name", "precision"),
    [("resnet18", "float32"), ("resnet18", "mixed_bfloat16"), ("resnet50", "float32"), ("densenet100", "float32")],
)
def test_a_few_steps_bring_the_loss_below_chance(name: str, precision: str) -> None:
    """On one batch of eight images with random labels; the loss is 0.69 where all is chance.

    Small steps, and enough of them: over 8 seeds and 4 batches the loss after 16 steps was at most 0.016 with each of
    these networks, so neither the seed nor how a processor rounds decides. (After 4 steps of 0.01 it depended on both:
    up to 5 with resnet50.)
    """
    model = build_model(component(name), (8, 8, 3), 2, precision=precision)
    rates = np.full(16, 0.003, dtype=np.float32)
    recipe = Recipe.model_validate({"epochs": 1, "batch_size": 8, "learning_rate": 0.003})
    loop = TrainingLoop(model, recipe, rates, precision=precision, outcomes=("correct",))
    loop.begin(InitialState(model, seed=0).values(0))
    data = random_labels()
    images, labels = data.train_images[:8].astype(np.float32) / 128 - 1, data.train_labels[:8].astype(np.int32)

    def loss() -> float:
        logits = np.asarray(model(images, training=True))
        assert logits.dtype == np.float32
        odds = logits - logits[np.arange(8), labels][:, None]
        return float(np.log(np.exp(odds).sum(axis=1)).mean())

    steps_on_all(loop, images, labels, 16)
    assert loss() < 0.2
    assert all(np.isfinite(value).all() for value in loop.state)
