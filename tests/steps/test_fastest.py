"""`trainer.kind: fastest` ends in a named trainer, by rules in a fixed order; the last one is a measurement."""

import json
import shutil
from pathlib import Path

import pytest

from mempipe.cli.main import run as command
from mempipe.steps.plan import checked_spec
from mempipe.steps.progress import SilentReporter
from mempipe.training.calibration import Calibration, Candidates, cache_file, keep
from mempipe.training.timing import Shape
from tests.command import mempipe, run_folder
from tests.tiny import TINY

SHAPE = Shape(n_train=1437, n_test=360, n_classes=10, image=(8, 8, 1))
ENSEMBLE = "{kind: ensemble, width: 10}"
NAMED = {"single": TINY.replace(ENSEMBLE, "{kind: single}"), "ensemble": TINY}
FASTEST = TINY.replace(ENSEMBLE, "{kind: fastest, width: 10}")
DROPOUT = """from mempipe.spec import Strict


class Network:
    class Params(Strict):
        pass

    @staticmethod
    def misfit(params, image_shape, n_classes):
        return None

    @staticmethod
    def build(params, image_shape, n_classes):
        from keras import Input, Sequential, layers

        return Sequential([Input(image_shape), layers.Flatten(), layers.Dropout(0.1), layers.Dense(n_classes)])
"""


class Planner:
    """Plans specs in a store of its own, with a cache of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys
        self.store = folder / "store"

    def __call__(self, text: str, code: int = 0) -> tuple[str, str]:
        """Return the run's URI, and what the plan said."""
        path = self._file(text)
        assert command(["plan", str(path), "--store", str(self.store)]) == code
        out, err = self._capsys.readouterr()
        return out.strip(), err

    def measured(self, *, single: float, ensemble: float) -> Path:
        """Put seconds an example into the cache, as if they had been measured; return the file."""
        candidates = Candidates(
            *(checked_spec(str(self._file(NAMED[kind])), SilentReporter()).spec for kind in ("single", "ensemble"))
        )
        costs = {"single": single, "ensemble": ensemble}
        seconds = {kind: {"per_example": cost, "per_judged": cost} for kind, cost in costs.items()}
        keep(Calibration.model_validate(seconds), candidates, SHAPE)
        return cache_file(candidates, SHAPE)

    def _file(self, text: str) -> Path:
        path = self._folder / "spec.yaml"
        path.write_text(text)
        return path


@pytest.fixture
def planner(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Planner:
    monkeypatch.setenv("MEMPIPE_CACHE", str(tmp_path / "cache"))
    return Planner(tmp_path, capsys)


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be measured here."""
    monkeypatch.setattr("mempipe.training.presence.find_spec", lambda _: None)


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize("faster", ["single", "ensemble"])
def test_the_faster_one(planner: Planner, faster: str) -> None:
    """95 steps of 64 examples, and 1,797 are judged: 7,877 times the seconds of one. The run is that of the name."""
    planner.measured(**{kind: 0.001 if kind == faster else 0.002 for kind in NAMED})
    (slower,) = NAMED.keys() - {faster}
    run, said = planner(FASTEST)
    assert f"trainer: {faster}, 7.9 s a trial against 16 s of {slower}, measured on this machine" in said
    assert json.loads((Path(run) / "run.json").read_text())["spec"]["trainer"]["kind"] == faster
    assert planner(NAMED[faster])[0] == run


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize(
    "line",
    [
        "precision: mixed_bfloat16\ntrainer",
        "recipe: {augmentation: {flip: true}, ",
        "recipe: {evaluation: {flip: true}, ",
    ],
)
def test_what_an_ensemble_cannot_do(planner: Planner, line: str) -> None:
    replaced = "recipe: {" if "recipe" in line else "trainer"
    run, said = planner(FASTEST.replace(replaced, line))
    assert "trainer: single, the only one with this recipe and precision" in said
    assert json.loads((Path(run) / "run.json").read_text())["spec"]["trainer"]["kind"] == "single"


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize("kind", ["single", "ensemble"])
def test_a_run_in_the_store_goes_on(planner: Planner, kind: str) -> None:
    """Also where the other trainer is faster here, or this machine has nothing to measure with."""
    run, _ = planner(NAMED[kind])
    planner.measured(**{other: 0.002 if other == kind else 0.001 for other in NAMED})
    again, said = planner(FASTEST)
    assert again == run
    assert f"trainer: {kind}, as in {run}" in said


@pytest.mark.usefixtures("without_tensorflow")
def test_of_two_runs_the_one_with_more_trials(planner: Planner, finished: tuple[Path, Path]) -> None:
    shutil.copytree(finished[0], planner.store)
    run = run_folder(planner.store)
    assert planner(NAMED["single"])[0] != str(run)
    assert planner(FASTEST)[0] == str(run)


@pytest.mark.usefixtures("without_tensorflow")
def test_an_empty_place_in_a_group_costs_as_much_as_a_trial(planner: Planner) -> None:
    """In chunks of 4 trials of groups of 10, 40 trials need 12 groups."""
    planner.measured(single=0.001, ensemble=0.0004)
    _, said = planner(FASTEST.replace("chunk_size: 10", "chunk_size: 4"))
    assert "trainer: single, 7.9 s a trial against 9.5 s of ensemble" in said
    shutil.rmtree(planner.store)
    assert "trainer: ensemble, 3.2 s a trial" in planner(FASTEST)[1]


@pytest.mark.usefixtures("without_tensorflow")
def test_images_larger_than_memory(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    planner.measured(single=0.002, ensemble=0.001)
    monkeypatch.setattr("mempipe.steps.fastest.default_limit", lambda: 3 * (1437 + 360) * 64 - 1)
    assert "trainer: single, as memory is too small" in planner(FASTEST)[1]


@pytest.mark.usefixtures("without_tensorflow")
@pytest.mark.parametrize("content", [b"", b'{"single": {"per_example": 0, "per_judged": 1}}', b"\xff{"])
def test_nothing_to_measure_with(planner: Planner, content: bytes) -> None:
    """A cache without the numbers, or with damaged ones, does not decide; the message says what to name."""
    planner.measured(single=0.002, ensemble=0.001).write_bytes(content)
    _, said = planner(FASTEST, code=20)
    assert "TensorFlow, which measures the trainers, is missing" in said
    assert "name the trainer: `trainer.kind: single` or `trainer.kind: ensemble`" in said
    assert not planner.store.exists()


def test_a_measurement(planner: Planner, tmp_path: Path) -> None:
    """`check` measures both trainers and says its choice; the plan takes it from the cache, and measures no more."""
    cached = planner.measured(single=1, ensemble=1)
    cached.write_bytes(cached.read_bytes()[:40])
    path = tmp_path / "spec.yaml"
    path.write_text(FASTEST)
    checked = mempipe("check", path, "--json")
    kind = json.loads(checked.stdout)["trainer"]
    assert f"trainer: {kind}, " in checked.stderr
    assert list(cached.parent.iterdir()) == [cached]
    content = cached.read_bytes()
    calibration = Calibration.model_validate_json(content)
    assert 0 < calibration.single.per_example < 1
    run, said = planner(FASTEST)
    assert "measured on this machine" in said
    assert "measuring trainers" not in said
    assert cached.read_bytes() == content
    assert planner(NAMED[kind])[0] == run


def test_a_model_that_cannot_be_stacked(planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known only when it is built, in a process of its own; nothing is kept of it, as the model's code may change."""
    (tmp_path / "nets.py").write_text(DROPOUT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.syspath_prepend(tmp_path)
    _, said = planner(FASTEST.replace("{name: mlp, hidden: [12]}", "{name: 'nets:Network'}"))
    assert "trainer: single, the only one that fits (Model cannot be vectorized: layer dropout is Dropout" in said
    assert not (tmp_path / "cache").exists()
