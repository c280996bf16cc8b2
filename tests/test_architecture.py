"""docs/architecture.md: its layers, packages and names are the code's, and each of its extensions works as it says.

An extension is made in a copy of the package, in the files that the page lists and in no other.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mempipe
from mempipe import places
from mempipe.bits import unpack
from tests.plugin_package import page_blocks

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
SPEC = """name: stripes
data: {name: stripes, n_train: 60}
model: {name: funnel, width: 8}
recipe: {epochs: 1, batch_size: 16, learning_rate: 0.05}
trainer: {kind: single}
outcomes: [correct, top2]
trials: 4
chunk_size: 2
"""
OUTCOME = '''"""Whether the label is one of the two largest logits. Packed bits."""
import numpy as np

from mempipe.bits import pack, unpack
from mempipe.outcomes.correct import DTYPES, decode, width

FORMAT_VERSION = 3


def of_logits(logits, labels):
    own = np.take_along_axis(logits, np.broadcast_to(labels[..., None], (*logits.shape[:-1], 1)), -1)
    return (logits > own).sum(-1) < 2


def encode(values, _):
    return pack(values)


def problem(row, correct, _, __):
    return "is false, expected true as it is correct" if (correct & ~unpack(row, correct.size)).any() else None
'''
TENSORFLOW = """def _top2(logits: Any, _: Any, __: Any, ___: Any, own_logit: Any) -> Any:
    return tf.reduce_sum(tf.cast(logits > own_logit, tf.int32), axis=-1) < 2


"""
READ = """import sys, mempipe
release = mempipe.load_release(sys.argv[1])
release.verify()
print(release.examples["heldout_error"].to_pylist())
"""
COLUMN = """    Column(
        "heldout_error",
        _FLOAT,
        "probability",
        "1 - heldout_accuracy",
        nullable=True,
        in_digest=False,
        low=0,
        high=1,
        since=MINOR_VERSION,
    ),
"""


def test_layers_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [layer.replace("mempipe.", "") for layer in layers] == _block("## Packages").splitlines()


def test_every_package_has_a_row() -> None:
    rows = re.findall(r"^\| `([a-z_, ]+)` \|", PAGE.split("## Packages")[1].split("## ")[0], flags=re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")}
    entries = [path for path in (ROOT / "mempipe").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert named == {path.stem for path in entries} - {"__init__", "__main__"}


def test_the_store_has_these_names() -> None:
    tree = _block("## The store")
    for name in (places.RUNS, places.RELEASES, places.EXPERIMENTS, places.REQUESTS, places.REPORTS):
        assert re.search(rf"^{name}", tree, flags=re.MULTILINE)
    docstring = str(places.__doc__)
    for name in re.findall(r"[a-z]+(?:\.json|\.npz|/)", docstring):
        assert name in tree


def test_files_that_the_page_names_exist() -> None:
    for path in set(re.findall(r"`((?:mempipe|tests|docs)/[\w/.-]+\.\w+)`", PAGE)):
        assert "NAME" in path or (ROOT / path).exists(), path


def test_each_extension_touches_at_most_three_files() -> None:
    rows = re.findall(r"^\| (an? [a-z ]+) \| (.+?) \| ", PAGE, flags=re.MULTILINE)
    files = {part: re.findall(r"`([\w/.-]+\.(?:py|md))`", cell) for part, cell in rows}
    assert files.keys() == {f"a {part}" for part in ("data set", "model", "store", "column")} | {
        f"an {part}" for part in ("estimator", "outcome", "experiment")
    }
    assert all(1 <= len(listed) <= 3 for listed in files.values())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package, extended by one part of each kind that docs/extend.md shows, and a store."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "mempipe", folder / "mempipe", ignore=shutil.ignore_patterns("frontend", "__pycache__"))
    package = folder / "mempipe"
    homes = {
        "stripes": "data/sources",
        "funnel": "training/models",
        "smoothed": "scores/estimators",
        "share": "storage",
        "share_above": "experiments/kinds",
    }
    for block in page_blocks("python"):
        match = re.match(r"# lab/(\w+)\.py\n", block)
        if match is not None and match[1] in homes:
            (package / homes[match[1]] / f"{match[1]}.py").write_text(block)
    scheme = "_BUILTIN: Final = {"
    _edit(package / "storage" / "protocol.py", scheme, f'{scheme}"share": "mempipe.storage.share",')
    (package / "outcomes" / "top2.py").write_text(OUTCOME)
    judge = "_OUTCOMES: Final[dict[str, Callable[..., Any]]] = {"
    _edit(package / "training" / "judge.py", judge, f'{TENSORFLOW}{judge}"top2": _top2, ')
    (folder / "stripes.yaml").write_text(SPEC)
    return folder


def test_a_data_set_a_model_a_store_and_an_outcome(copy: Path) -> None:
    """A run trains the model on the data set, and keeps the outcome in the store."""
    uri = _mempipe(copy, "run", "stripes.yaml", "--store", "share://runs").strip()
    assert uri.startswith("share://runs/releases/stripes/stripes-")
    record = json.loads(next((copy / "share" / "runs").rglob("run.json")).read_text())
    assert (record["data"]["n_train"], record["spec"]["model"]) == (60, {"name": "funnel", "width": 8, "depth": 2})
    shards = sorted((copy / "share" / "runs").rglob("shards/*.npz"))
    assert len(shards) == 2
    for shard in shards:
        with np.load(shard) as arrays:
            assert arrays["format_version"] == 3
            assert unpack(arrays["test_top2"], 40).all()  # of two classes


def test_an_estimator_and_an_experiment(copy: Path) -> None:
    release = _score(copy, "estimated", "--estimator", "smoothed")
    scores = mempipe.load_release(release).estimates("smoothed")
    assert scores.examples.num_rows == 30
    result = _mempipe(copy, "experiment", "share-above", str(release), "--store", str(copy / "results")).strip()
    share = (mempipe.load_release(release).mem >= 0.25).mean()
    (fact,) = json.loads(Path(result).read_text())["findings"]["facts"]
    assert fact == {"name": "memorized", "value": f"{share:.1%}"}


def test_a_column(copy: Path, tmp_path: Path) -> None:
    before = _score(copy, "before")
    shutil.copytree(copy, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("before", "estimated"))
    schema = tmp_path / "mempipe" / "tables" / "schema.py"
    minor = re.search(r"^MINOR_VERSION: Final = (\d+)$", schema.read_text(), flags=re.MULTILINE)
    assert minor is not None
    _edit(schema, minor[0], f"MINOR_VERSION: Final = {int(minor[1]) + 1}")
    column = COLUMN.replace("MINOR_VERSION", str(int(minor[1]) + 1))
    _edit(schema, "    _FILENAME,\n)\n", f"    _FILENAME,\n{column})\n")
    accuracy = '"heldout_accuracy": heldout_accuracy(examples),'
    error = '"heldout_error": 1 - heldout_accuracy(examples),'
    _edit(tmp_path / "mempipe" / "release" / "tables.py", accuracy, f"{accuracy}{error}")
    page = shutil.copy(ROOT / "docs" / "release-format.md", tmp_path)
    _python(tmp_path, "-m", "mempipe.tables", str(page))
    row = "| `examples.parquet` | `heldout_error` | float64 | probability | 1 - heldout_accuracy | null |  | no | 1."
    assert f"{row}{int(minor[1]) + 1} |" in Path(page).read_text()

    after = _score(tmp_path, "after")
    errors = json.loads(_python(tmp_path, "-c", READ, str(after)))
    expected = 1 - mempipe.load_release(after).examples["heldout_accuracy"].to_numpy()  # without the column: ignored
    np.testing.assert_array_equal(errors, expected)
    assert set(_python(tmp_path, "-c", READ, str(before)).strip("[]\n").split(", ")) == {"None"}
    mempipe.load_release(after).verify()
    digests = {mempipe.load_release(release).manifest.content_digest for release in (before, after)}
    assert len(digests) == 1
    assert "`heldout_error`" in (after / "README.md").read_text()
    assert "examples/heldout_error" in (after / "croissant.json").read_text()


def _score(copy: Path, out: str, *options: str) -> Path:
    """Score random predictions of 40 trials with the package's copy."""
    random = np.random.default_rng(0)
    mask = random.random((40, 30)) < 0.7
    arrays = {
        "subset-mask": mask,
        "train-correct": mask | (random.random((40, 30)) < 0.6),
        "test-correct": random.random((40, 8)) < 0.7,
        "train-labels": np.arange(30) % 2,
        "test-labels": np.arange(8) % 2,
    }
    for name, array in arrays.items():
        np.save(copy / f"{name}.npy", array)
    files = [part for name in arrays for part in (f"--{name}", f"{name}.npy")]
    return Path(_mempipe(copy, "score", *files, "--name", "random", "--out", out, *options).strip())


def _mempipe(copy: Path, *arguments: str) -> str:
    return _python(copy, "-m", "mempipe", *arguments)


def _python(copy: Path, *arguments: str) -> str:
    """Run Python with the package's copy, and return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(copy), "LAB_SHARE": str(copy / "share")}
    command = [sys.executable, "-P", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=copy, env=environment)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _block(heading: str) -> str:
    """Return the first fenced block after a heading."""
    return PAGE.split(f"{heading}\n")[1].split("```")[1].strip("\n")
