"""The spec refuses what it does not know, and the run key changes exactly with what changes results."""

from decimal import Decimal
from pathlib import Path

import pytest

from mempipe.errors import SpecError
from mempipe.spec import Spec, parse_spec, run_key

SPECS = Path(__file__).parents[1] / "specs"
DIGITS = (SPECS / "digits.yaml").read_text()


def digits(**changes: object) -> Spec:
    return Spec.model_validate(parse_spec(DIGITS, source="digits.yaml").model_dump() | changes)


@pytest.mark.parametrize(
    ("line", "replacement", "says"),
    [
        ("seed: 0", "sead: 0", "sead is an unknown key"),
        ("  epochs: 40", "  epochs: 0", "recipe.epochs is 0"),
        ("  epochs: 40", "  epochs: forty", "recipe.epochs is 'forty'"),
        ("trials: 500", "trials: 0", "trials is 0"),
        ("  ratio: 0.7", "  ratio: 1.0", "subsets.ratio is"),
        ("  kind: ensemble", "  kind: swarm", "trainer"),
        ("seed: 0", "seed: 0\nseed: 1", "'seed' is given twice"),
        ("name: digits\ndesc", "name: Digits!\ndesc", "name is 'Digits!'"),
        ("  batch_size: 64\n", "", "recipe.batch_size is missing"),
        ("design: uniform\n  ratio: 0.7", "design: balanced\n  ratio: 0.75", "multiple of 0.1"),
        (
            "  epochs: 40",
            "  epochs: 40\n  augmentation: {flip: true}",
            "recipe.augmentation of the ensemble trainer must",
        ),
        ("  epochs: 40", "  epochs: 40\n  augmentation: {crop_padding: -1}", "augmentation.crop_padding is -1"),
        ("  epochs: 40", "  epochs: 40\n  augmentation: {flip: sometimes}", "augmentation.flip"),
        ("  epochs: 40", "  epochs: 40\n  sizes: [{epochs: 40, size: 6}]", "recipe.sizes of the ensemble trainer"),
        ("  epochs: 40", "  epochs: 40\n  evaluation: {flip: true}", "recipe.evaluation of the ensemble trainer"),
        ("  epochs: 40", "  epochs: 40\n  sizes: [{epochs: 9, size: 6}]", "must add up to epochs 40, got [9]"),
        ("  epochs: 40", "  epochs: 40\n  label_smoothing: 1", "recipe.label_smoothing is 1"),
        (
            "  kind: ensemble\n  width: 50",
            "  kind: single\n  replicas: 3",
            "must be a multiple of trainer.replicas 3, got 64",
        ),
        (
            "  kind: ensemble\n  width: 50",
            "  kind: single\n  replicas: 2\nprecision: mixed_float16",
            "float32 or mixed",
        ),
        ("seed: 0", "precision: mixed_bfloat16", "precision of the ensemble trainer must be float32"),
        ("  learning_rate: 0.1", "  learning_rate: .nan", "recipe.learning_rate"),
        ("seed: 0", "seed: [", "no valid YAML"),
        ("seed: 0", "? [1]\n: 2", "a key is no plain text"),
        ("name: digits\ndesc", "name: 2020-99-99\ndesc", "month must be in 1..12"),
        ("trials: 500", "trials: 1000001", "trials is 1000001"),
        ("seed: 0", "seed: !!python/object/apply:os.getcwd []", "no valid YAML"),
    ],
)
def test_a_wrong_spec_is_one_clear_error(line: str, replacement: str, says: str) -> None:
    assert line in DIGITS
    with pytest.raises(SpecError) as error:
        parse_spec(DIGITS.replace(line, replacement, 1), source="digits.yaml")
    assert "digits.yaml" in error.value.message
    assert says in error.value.message
    assert error.value.hint


def test_a_document_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(SpecError, match="is list, expected a mapping"):
        parse_spec("- 1", source="x.yaml")


def test_the_ratio_is_exact() -> None:
    assert digits().subsets.ratio == Decimal("0.7")


@pytest.mark.parametrize(
    ("keys", "outcomes"),
    [
        ({}, None),
        ({"outcomes": None}, None),
        ({"margins": False}, ("correct",)),
        ({"margins": False, "outcomes": ["correct", "prediction"]}, ("correct", "prediction")),
        ({"margins": True}, ("correct", "margin")),
        ({"margins": True, "outcomes": ["correct", "margin"]}, ("correct", "margin")),
        ({"margins": True, "outcomes": ["prediction", "correct"]}, ("correct", "margin", "prediction")),
        ({"outcomes": ["margin", "correct", "margin"]}, ("correct", "margin")),
    ],
)
def test_margins_of_earlier_specs_are_an_outcome(keys: dict[str, object], outcomes: tuple[str, ...] | None) -> None:
    spec = digits(**keys)
    assert spec.outcomes == outcomes
    assert spec.kept_outcomes == (outcomes or ("correct",))
    assert Spec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"outcomes": ["margin"]}, "correct, and any of margin, prediction"),
        ({"outcomes": ["correct", "depth"]}, "correct, and any of margin, prediction"),
        ({"margins": False, "outcomes": ["correct", "margin"]}, "margins must be left out or true"),
        ({"margins": "perhaps"}, "margins must be true or false"),
        ({"margins": True, "outcomes": 3}, "outcomes a list"),
    ],
)
def test_outcomes_that_cannot_be_kept(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits(**keys)


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 7},
        {"chunk_size": 3},
        {"task_size": 9},
        {"name": "other"},
        {"description": "x"},
        {"margins": True},
        {"outcomes": ["correct", "prediction"]},
        {"influence": "full"},
        {"data": {"name": "digits", "test_size": 3}},  # the fingerprint stands for the data
    ],
)
def test_what_changes_no_result_is_not_in_the_run_key(changes: dict[str, object]) -> None:
    assert run_key(digits(**changes), data_fingerprint="f") == run_key(digits(), data_fingerprint="f")


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"model": {"name": "mlp", "hidden": [65]}},
        {"recipe": digits().recipe.model_dump() | {"momentum": 0.8}},
        {"recipe": digits().recipe.model_dump() | {"schedule": {"kind": "constant"}}},
        {"trainer": {"kind": "ensemble", "width": 49}},
        {"trainer": {"kind": "single"}},
        {"trainer": {"kind": "single", "replicas": 2}},
        {"trainer": {"kind": "single"}, "recipe": digits().recipe.model_dump() | {"augmentation": {"flip": True}}},
        {"subsets": {"design": "balanced", "ratio": "0.7"}},
        {"subsets": {"design": "uniform", "ratio": "0.5"}},
    ],
)
def test_what_changes_results_is_in_the_run_key(changes: dict[str, object]) -> None:
    assert run_key(digits(**changes), data_fingerprint="f") != run_key(digits(), data_fingerprint="f")


def test_keys_that_came_later_left_old_runs_their_run_keys() -> None:
    """The run keys that the version before `recipe.augmentation` and `trainer.replicas` gave; with their defaults."""
    digest = run_key(digits(), data_fingerprint="f")
    assert digest == "cc298cb4f53c31927a6387235509b15b6da55bb4d53a5e4b4a96cc8f9573da81"
    recipe = digits().recipe.model_dump() | {"augmentation": {"crop_padding": 0, "flip": False}}
    single = digits(trainer={"kind": "single", "replicas": 1}, recipe=recipe)
    digest = run_key(single, data_fingerprint="f")
    assert digest == "095e4f4b44cd9a649ddb8e372efac00a2f47c889044fa556edd9f79ec5f1782e"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("cifar100_resnet50", "9ac847a79f92e11204394bebb7040bf809af5fe0da7489c0b6c3ba7871743683"),
        ("imagenet_resnet50", "8320d97ea633e2a55e8e992bede5abfaf09f5bccf21a644fc4800328427f0d20"),
    ],
)
def test_keys_of_the_fast_recipes_left_augmented_runs_their_run_keys(name: str, digest: str) -> None:
    """The run keys that the version before `recipe.label_smoothing` and the others gave (decision 0025)."""
    spec = parse_spec((SPECS / f"{name}.yaml").read_text(), source=name)
    assert run_key(spec, data_fingerprint="f") == digest


@pytest.mark.parametrize(
    "changes",
    [
        {"decay_scope": "all"},
        {"bias_rate": 64},
        {"label_smoothing": 0.2},
        {"sizes": [{"epochs": 40, "size": 6}]},
        {"evaluation": {"flip": True}},
        {"augmentation": {"cutout": 2}},
        {"augmentation": {"flip": "alternating"}},
        {"augmentation": {"crop_padding": 1}},
        {"augmentation": {"crop_padding": 1, "crop_fill": "reflect"}},
        {"schedule": {"kind": "cosine"}},
        {"schedule": {"kind": "triangular"}},
        {"schedule": {"kind": "triangular", "final": 0}},
    ],
)
def test_each_key_of_the_fast_recipes_makes_another_run(changes: dict[str, object]) -> None:
    plain, other = (
        digits(trainer={"kind": "single"}, recipe=digits().recipe.model_dump() | keys) for keys in ({}, changes)
    )
    assert run_key(plain, data_fingerprint="f") != run_key(other, data_fingerprint="f")


def test_each_part_of_the_augmentation_and_the_replicas_makes_another_run() -> None:
    keys = {
        run_key(
            digits(trainer=trainer, recipe=digits().recipe.model_dump() | {"augmentation": augmentation}),
            data_fingerprint="f",
        )
        for trainer in ({"kind": "single"}, {"kind": "single", "replicas": 2})
        for augmentation in ({}, {"flip": True}, {"crop_padding": 4}, {"crop_padding": 4, "flip": True})
    }
    assert len(keys) == 8


def test_the_data_is_in_the_run_key() -> None:
    assert run_key(digits(), data_fingerprint="f") != run_key(digits(), data_fingerprint="g")


def test_how_often_a_checkpoint_is_written_is_not_in_the_run_key() -> None:
    keys = {
        run_key(digits(trainer={"kind": "single", "checkpoint_minutes": minutes}), data_fingerprint="f")
        for minutes in (1, 20)
    }
    assert len(keys) == 1


def test_equal_ratios_written_differently_are_one_run() -> None:
    keys = {
        run_key(digits(subsets={"design": "uniform", "ratio": ratio}), data_fingerprint="f")
        for ratio in (0.7, "0.70", Decimal("0.700"))
    }
    assert len(keys) == 1


def test_a_trainer_that_is_still_to_be_chosen_has_no_run_key() -> None:
    spec = digits(trainer={"kind": "fastest", "width": 20, "threads": 2}, precision="mixed_bfloat16")
    with pytest.raises(SpecError, match=r"trainer\.kind is fastest, expected a trainer by its name"):
        run_key(spec, data_fingerprint="f")
