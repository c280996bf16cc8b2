"""Finds a model by name: one file in `mempipe/training/models/`, or in another package, defines one.

Does not load TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from mempipe import plugins
from mempipe.errors import SpecError
from mempipe.spec import Component, Recipe, Strict, validated
from mempipe.training import models

if TYPE_CHECKING:
    import keras


class Model(Protocol):
    """What a file in `models/`, or a model of another package, provides."""

    Params: type[Strict]

    @staticmethod
    def misfit(params: Strict, image_shape: tuple[int, int, int], n_classes: int) -> str | None:
        """Return what does not fit, `<key> is <got>, expected <expected>`, or None. Loads nothing heavy."""
        ...

    @staticmethod
    def build(params: Strict, image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
        """Return a Keras model from normalized float32 images (h, w, c) to float32 logits (n_classes)."""
        ...


MODELS: Final = plugins.ExtensionPoint("model", "mempipe.models", lambda: plugins.modules_of(models), Model)


def available() -> list[str]:
    """Return the names of the models that specs can choose."""
    return plugins.available(MODELS)


def resolve_model(model: Component) -> Component:
    """Return `model` with every parameter filled in.

    Raises:
        SpecError: no model has that name, or a parameter is wrong.
        PluginError: the model of another package cannot be loaded, or does not keep the contract.
    """
    params = _params(model)
    return Component.model_validate({"name": model.name, **params.model_dump(mode="json")})


def check_model_fits(model: Component, image_shape: tuple[int, int, int], n_classes: int) -> None:
    """Check what can be checked without building the model.

    Args:
        model: the model that a spec names.
        image_shape: (height, width, channels).
        n_classes: number of classes.

    Raises:
        SpecError: the model cannot take such images.
    """
    problem = _model(model.name).misfit(_params(model), image_shape, n_classes)
    if problem is not None:
        raise SpecError(
            f"Model does not fit the data set: {model.name} {problem}.",
            hint="change the keys below `model`, or choose another model.",
        )


def check_recipe_fits(
    model: Component, recipe: Recipe, image_shape: tuple[int, int, int] | None, n_classes: int
) -> None:
    """Check the model on images of every size that the recipe trains it on, and that augmentation fits the images.

    Raises:
        SpecError: there are no images (`image_shape` is None); the model cannot take images of one of the sizes; or a
            reflected border or a square to cut out is larger than the image.
    """
    if image_shape is None:
        raise SpecError(
            f"Model does not fit the data set: {model.name} is trained on images, and the data set has none.",
            hint="write a trainer that loads its own features: trainer.kind: own (docs/own-trainer.md); "
            "or name a data set of images.",
        )
    height, width, channels = image_shape
    check_model_fits(model, image_shape, n_classes)
    for phase in recipe.sizes:
        check_model_fits(model, (phase.size, max(1, round(width * phase.size / height)), channels), n_classes)
    most = {"cutout": min(height, width)}
    if recipe.augmentation.crop_fill == "reflect":
        most["crop_padding"] = min(height, width) - 1
    for key, limit in most.items():
        got = getattr(recipe.augmentation, key)
        if got > limit:
            raise SpecError(
                f"Recipe does not fit the data set: recipe.augmentation.{key} is {got}, expected at most {limit} for "
                f"images of {height} x {width}.",
                hint=f"make recipe.augmentation.{key} smaller.",
            )


def build_model(
    model: Component,
    image_shape: tuple[int, int, int],
    n_classes: int,
    *,
    precision: str = "float32",
    any_size: bool = False,
) -> keras.Model:
    """Build the Keras model that a spec names; this loads TensorFlow.

    Args:
        model: the model and its parameters.
        image_shape: (height, width, channels).
        n_classes: number of classes.
        precision: Keras' name of a dtype policy: `float32`, `mixed_bfloat16`, `mixed_float16`.
        any_size: whether the model takes images of every height and width, not only of `image_shape`.

    Raises:
        SpecError: the model does not fit, or its file does not keep to the contract.
    """
    import keras

    check_model_fits(model, image_shape, n_classes)
    built_shape = cast(tuple[int, int, int], (None, None, image_shape[2])) if any_size else image_shape
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        built = _model(model.name).build(_params(model), built_shape, n_classes)
    except (TypeError, ValueError) as error:
        if not any_size:
            raise
        raise SpecError(
            f"Model cannot be trained: {model.name} takes images of one size, expected none in recipe.sizes ({error}).",
            hint="leave out recipe.sizes, or choose a model that pools over the whole image, as resnet18 does.",
        ) from error
    finally:
        keras.config.set_dtype_policy(before)
    outputs = [(output.dtype, output.shape) for output in getattr(built, "outputs", None) or ()]
    if outputs != [("float32", (None, n_classes))]:
        got = " and ".join(f"{dtype} {shape}" for dtype, shape in outputs) or "not built"
        raise SpecError(
            f"Model cannot be trained: {model.name} output is {got}, expected float32 (None, {n_classes}).",
            hint='end the model with Dense(n_classes, dtype="float32") without activation.',
        )
    return built


def _params(model: Component) -> Strict:
    kind = _model(model.name).Params
    return validated(kind, model.params(), source=f"model {model.name!r}", prefix="model")


def _model(name: str) -> Model:
    model = plugins.find(MODELS, name)
    if model is None:
        raise SpecError(
            f"Spec cannot be used: model.name is {name!r}, expected one of {', '.join(available())}.",
            hint="choose one of these, or write `module:attribute` of a model of your own (docs/extend.md).",
        )
    return cast(Model, model)
