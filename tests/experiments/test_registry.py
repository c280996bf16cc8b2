"""Every file in `kinds/` is an experiment that parses fast, with defaults and descriptions."""

import subprocess
import sys
from pathlib import Path

import pytest

from mempipe.errors import InputError
from mempipe.experiments.registry import available, experiment, loadable, params_of, with_others
from mempipe.spec import Strict
from tests.plugin_package import write_package

HEAVY = {"airflow", "google", "great_expectations", "keras", "numba", "pandas", "pyarrow", "tensorflow", "typer"}


def test_the_experiments() -> None:
    assert {
        "consistency",
        "examples",
        "histograms",
        "last-layer",
        "marginal-utility",
        "pair-examples",
        "pairs",
    } <= set(available())


@pytest.mark.parametrize("name", available())
def test_the_contract(name: str) -> None:
    kind = experiment(name)
    assert kind.TITLE
    assert "igure" in kind.PAPER or "ection" in kind.PAPER
    assert issubclass(kind.Params, Strict)
    for key, field in kind.Params.model_fields.items():
        assert not field.is_required(), key
        assert (field.description or "").endswith("."), key
    assert params_of(name, {}) == kind.Params()
    assert set(getattr(kind, "OTHERS", ())) <= set(kind.Params.model_fields)
    with pytest.raises(InputError, match=r"params\.colour is an unknown key") as caught:
        params_of(name, {"colour": 1})
    assert f"mempipe experiment {name} --help" in caught.value.hint


def test_experiments_parse_without_anything_heavy() -> None:
    code = (
        "import sys\nfrom mempipe.experiments.registry import available, experiment\n"
        f"[experiment(name).Params() for name in available()]\nprint(sorted({HEAVY} & set(sys.modules)))\n"
        "print('mempipe.release.load' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split("\n")[:2] == ["[]", "False"]


@pytest.mark.parametrize("entry_points", [{"broken": "other.broken"}, {"pairs": "other.broken"}])
def test_a_broken_package_hides_no_experiment(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    entry_points: dict[str, str],
) -> None:
    """One that cannot be imported, and one that has the name of a built-in experiment."""
    write_package(tmp_path, "other", {"broken": "import missing_package"}, {"mempipe.experiments": entry_points})
    monkeypatch.syspath_prepend(str(tmp_path))
    names = loadable()
    assert {"consistency", "pairs"} <= set(names)
    assert "broken" not in names
    assert len(caplog.records) == 1
    assert next(iter(entry_points)) in caplog.text


def test_an_unknown_experiment() -> None:
    with pytest.raises(InputError, match=r"its name is 'pair', expected one of .*pair-examples, pairs"):
        experiment("pair")


def test_other_releases_are_found_in_the_parameters() -> None:
    def change(uri: str) -> str:
        return f"<{uri}>"

    consistency = params_of("consistency", {"releases": ["a", "b"]})
    assert with_others("consistency", consistency, change)["releases"] == ["<a>", "<b>"]
    assert with_others("consistency", params_of("consistency", {}), change)["releases"] == []
    assert with_others("last-layer", params_of("last-layer", {"linear": "a"}), change)["linear"] == "<a>"
    assert with_others("last-layer", params_of("last-layer", {}), change)["linear"] == ""
    pairs = params_of("pairs", {"mem": 0.5})
    assert with_others("pairs", pairs, change) == pairs.model_dump(mode="json")
