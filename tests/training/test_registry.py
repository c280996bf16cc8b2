"""Models are found by name, resolved and checked without TensorFlow."""

import subprocess
import sys

import pytest

from mempipe.errors import SpecError
from mempipe.spec import Component
from mempipe.training.registry import available, build_model, check_model_fits, resolve_model


def component(**keys: object) -> Component:
    return Component.model_validate(keys)


def test_planning_and_opening_the_package_do_not_load_tensorflow() -> None:
    code = (
        "import sys\n"
        "import mempipe.training.trainer, mempipe.training.hardware, mempipe.training.checkpoints\n"
        "from mempipe.training.registry import available, check_model_fits, resolve_model\n"
        "from mempipe.spec import Component\n"
        "for name in available():\n"
        "    check_model_fits(resolve_model(Component(name=name)), (9, 9, 1), 10)\n"
        "mempipe.training.hardware.describe_hardware('cpu')\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])\n"
    )
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert process.stdout.strip() == "[]"


def test_every_model_keeps_the_contract() -> None:
    assert {"mlp", "small_cnn"} <= set(available())
    for name in available():
        model = build_model(resolve_model(component(name=name)), (9, 9, 1), 4)
        assert model.output_shape == (None, 4)
        assert model.compute_dtype == "float32"


def test_resolving_fills_every_parameter_and_is_stable() -> None:
    resolved = resolve_model(component(name="mlp"))
    assert resolved.model_dump(mode="json") == {"name": "mlp", "hidden": [64]}
    assert resolve_model(resolved) == resolved


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"name": "mpl"}, "model.name is 'mpl', expected one of airbench, densenet100, inception, linear, mlp"),
        ({"name": "mlp", "hiden": [3]}, "model.hiden is an unknown key"),
        ({"name": "mlp", "hidden": [0]}, "model.hidden.0 is 0, expected"),
        ({"name": "small_cnn", "filters": []}, "model.filters is [], expected"),
    ],
)
def test_what_is_wrong_is_named(keys: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match="Spec cannot be used") as caught:
        resolve_model(component(**keys))
    assert message in str(caught.value)


def test_more_halvings_than_the_images_allow_are_refused_before_building() -> None:
    three = resolve_model(component(name="small_cnn", filters=[4, 4, 4]))
    check_model_fits(three, (8, 8, 1), 10)
    with pytest.raises(SpecError, match="filters has 3 convolutions, expected 1 to 2"):
        check_model_fits(three, (7, 8, 1), 10)


def test_precision_is_the_models_own_and_does_not_leak() -> None:
    import keras

    model = build_model(component(name="mlp"), (4, 4, 1), 3, precision="mixed_bfloat16")
    assert [layer.compute_dtype for layer in model.layers[1:]] == ["bfloat16", "float32"]
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.usefixtures("test_models")
def test_a_model_without_float32_logits_is_refused() -> None:
    with pytest.raises(SpecError, match=r"probabilities output is float16 \(None, 3\), expected float32 \(None, 3\)"):
        build_model(component(name="probabilities"), (4, 4, 1), 3)
