"""The card of a release: a README.md that tells a newcomer what each number means and how to read it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from mempipe.places import TALLIES
from mempipe.release.formats import matrix_file, pairs_file
from mempipe.release.manifest import Manifest
from mempipe.release.tables import descending
from mempipe.release.tally_files import EXAMPLES_FILE
from mempipe.tables.parquet import has_values, table_file
from mempipe.tables.schema import columns_of

_TOP: Final = 10
_PAPER: Final = "https://arxiv.org/abs/2008.03703"
_BIBTEX: Final = """\
```bibtex
@inproceedings{feldman2020neural,
  title     = {What Neural Networks Memorize and Why: Discovering the Long Tail via Influence Estimation},
  author    = {Feldman, Vitaly and Zhang, Chiyuan},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2020},
  note      = {arXiv:2008.03703}
}
```"""
_READING: Final = """\
```python
import mempipe                                     # no TensorFlow needed
release = mempipe.load_release(".")                # this folder, or its URI
release.mem, release.mem_se                        # float64 (n_train,)
release.influence(0).infl                          # float64 [train, test] of class 0, recomputed from exact counts
release.select_pairs(mem=0.25, infl=0.1)           # pairs at any thresholds

import pandas as pd
pd.read_parquet("examples.parquet").sort_values("mem", ascending=False).head(10)

import numpy as np
with np.load("{matrix}") as scores:
    scores["tr_mem"], scores["infl_matrix_class0"]
```

```sql
-- DuckDB
SELECT idx, label, mem, mem_se FROM 'examples.parquet' WHERE mem >= 0.5 ORDER BY mem DESC;
```"""
_DEFINITIONS: Final = """\
Train the same model on many random subsets of the training set, I_1 … I_t. For a training example i with label y_i,
and for a test example j with label y'_j (Feldman & Zhang 2020, Algorithm 1):

    mem[i]     = P_k(h_k(x_i)  = y_i  | i in I_k) - P_k(h_k(x_i)  = y_i  | i not in I_k)
    infl[i, j] = P_k(h_k(x'_j) = y'_j | i in I_k) - P_k(h_k(x'_j) = y'_j | i not in I_k)

- **Memorization** `mem` near 0: the model predicts the label whether or not it saw the example (or never does). Near 1:
  it predicts the label only if it saw the example: atypical, ambiguous or mislabeled.
- **Influence** `infl` of 0.2: seeing training example i raises the accuracy on test example j by 20 percentage points.
- **Held-out accuracy**: the second term of `mem`, known as the C-score at this subset ratio.

An `idx` is a position in the data set's own order; matrices are always [train, test]."""


def render_card(manifest: Manifest, tables: Mapping[str, pa.Table]) -> str:
    """Return the card as Markdown.

    Args:
        manifest: of the release; its list of files may still lack the documents.
        tables: the tables by name.
    """
    sections = [
        f"# {manifest.id}",
        f"Memorization and influence scores of {manifest.data.name}, from {manifest.n_trials} training runs.",
        "## At a glance",
        _facts(_glance(manifest)),
        "## What the numbers mean",
        _DEFINITIONS,
        "## How uncertain they are",
        "\n".join(_uncertainty(manifest)),
        "## Most memorized training examples",
        _most_memorized(tables["examples"], tables["classes"]),
        "## High-influence pairs",
        "\n".join(_pairs(manifest)),
        "## Files",
        _files(manifest, tables),
        "## How to read them",
        _reading(manifest),
        "## Provenance",
        _facts(_provenance(manifest)),
        "## Citation",
        f"The method is that of [Feldman & Zhang 2020]({_PAPER}); please cite it.",
        _BIBTEX,
    ]
    return "\n\n".join(sections) + "\n"


def design_text(manifest: Manifest) -> str:
    """Return how the subsets were drawn, in words."""
    subsets = manifest.subsets
    if subsets.design == "unknown":
        share = f" (on average {float(subsets.ratio):.1%} of the training set)" if subsets.ratio else ""
        return f"as given with the predictions{share}"
    size = f" ({subsets.subset_size} of {manifest.n_train})" if subsets.subset_size is not None else ""
    kind = {
        "uniform": "independent uniform subsets of fixed size",
        "balanced": "balanced: in each 10 trials every example is seen equally often",
    }[subsets.design]
    return f"{kind}, ratio {subsets.ratio}{size}"


def lemma_text(manifest: Manifest) -> str:
    """Return Lemma 2.1's bound in words."""
    bound = manifest.lemma_2_1
    if bound.mean_squared_error is None or bound.root_mean_squared_error is None:
        return bound.note
    return (
        f"mean squared error ≤ {bound.mean_squared_error:.3g} (root: {bound.root_mean_squared_error:.3g}); {bound.note}"
    )


def percent(value: float | None) -> str:
    """Return a share as a percentage, or `unknown`."""
    return "unknown" if value is None else f"{value:.2%}"


def _glance(manifest: Manifest) -> list[tuple[str, str]]:
    accuracies = manifest.accuracies
    return [
        ("Training / test examples", f"{manifest.n_train} / {manifest.n_test}, {manifest.n_classes} classes"),
        ("Trials", str(manifest.n_trials)),
        ("Subsets", design_text(manifest)),
        ("Mean accuracy, training examples that were seen", percent(accuracies.train_seen)),
        ("Mean accuracy, training examples held out", percent(accuracies.train_held_out)),
        ("Mean accuracy, test", percent(accuracies.test)),
        ("Influence", _scope_text(manifest)),
        ("Training examples without a score", _undefined_text(manifest)),
    ]


def _scope_text(manifest: Manifest) -> str:
    if manifest.influence == "full":
        return "of every training on every test example"
    return "of training on test examples of the same label"


def _undefined_text(manifest: Manifest) -> str:
    undefined = manifest.undefined
    return f"{undefined.examples} (seen by every trial or by none), and so {undefined.pairs} pairs without influence"


def _uncertainty(manifest: Manifest) -> list[str]:
    return [
        f"- Standard errors (`mem_se`, `infl_se`): method `{manifest.standard_error}` (add one success and one failure "
        "to each side), never 0. They tell the noise of a finite number of trials, and nothing else.",
        f"- Lemma 2.1 of the paper: {lemma_text(manifest)}.",
        "- Pairs are selected by estimates above a threshold: those just above it are on average a little too large.",
    ]


def _most_memorized(examples: pa.Table, classes: pa.Table) -> str:
    names = dict(zip(classes["label"].to_pylist(), classes["name"].to_pylist(), strict=True))
    top = examples.take(descending(examples, "mem")[:_TOP]).to_pylist()
    with_file = has_values(examples, "filename")
    rows = [
        [
            str(row["idx"]),
            _label(row["label"], names[row["label"]]),
            f"{row['mem']:.3f} ± {row['mem_se']:.3f}",
            f"{row['correct_in']} / {row['n_in']}",
            f"{row['correct_out']} / {row['n_out']}",
            *([_cell(row["filename"])] if with_file else []),
        ]
        for row in top
        if row["mem"] is not None
    ]
    head = ["idx", "label", "mem ± standard error", "right when seen", "right when held out"]
    return _markdown_table(head + (["filename"] if with_file else []), rows)


def _label(label: int, name: str) -> str:
    return str(label) if name == str(label) else f"{label} ({_cell(name)})"


def _pairs(manifest: Manifest) -> list[str]:
    pairs, limits = manifest.pairs, manifest.thresholds
    labels = ", equal labels" if limits.same_label else ", any labels"
    return [
        f"Selected: mem ≥ {limits.mem:g}, infl ≥ {limits.infl:g}{labels} (section 2 of the paper).",
        "",
        f"- {pairs.n_pairs} pairs of {pairs.n_train} training and {pairs.n_test} test examples "
        f"({percent(pairs.test_share)} of the test set).",
        f"- {pairs.n_test_single} of these test examples are influenced by a single training example.",
    ]


def _files(manifest: Manifest, tables: Mapping[str, pa.Table]) -> str:
    matrix = matrix_file(manifest.name)
    about = {
        matrix: "the authors' format: `tr_labels`, `tt_labels`, `tr_mem`, and for each class K `tr_classidx_K`, "
        "`tt_classidx_K`, `infl_matrix_classK` (float32 [train, test])",
        _pairs_file(manifest): "the authors' format: `tr_idx`, `tt_idx`, `infl`, `mem`",
        f"{manifest.name}_index.npz": "the authors' format: file names (UTF-8 bytes), labels, `tr_mem`",
        f"{TALLIES}/{EXAMPLES_FILE}": "exact integer counts of the examples, and which trials were counted",
    }
    for name in tables:
        about[table_file(name)] = ", ".join(f"`{column}`" for column in tables[name].column_names)
    rows = [
        [f"`{file.path}`", f"{file.bytes:,}", about.get(file.path, "exact integer counts of the pairs, by class")]
        for file in manifest.files
    ]
    columns = [
        [f"`{name}`", f"`{column.name}`", column.dtype, column.unit, column.meaning]
        for name, table in tables.items()
        for column in columns_of(name, table.column_names)
    ]
    return "\n\n".join(
        [
            _markdown_table(["file", "bytes", "what it holds"], rows),
            "`manifest.json` lists every file with its SHA-256. Columns of the Parquet tables:",
            _markdown_table(["table", "column", "type", "unit", "meaning"], columns),
        ]
    )


def _reading(manifest: Manifest) -> str:
    return _READING.replace("{matrix}", matrix_file(manifest.name))


def _provenance(manifest: Manifest) -> list[tuple[str, str]]:
    data = manifest.data
    facts = [
        ("Data", f"{data.name}{f', {data.source}' if data.source else ''}"),
        ("Data fingerprint", data.fingerprint or "unknown: only labels were given"),
        ("License of the data", data.license or "unknown"),
        ("Run key" if manifest.key_kind == "run" else "Hash of the inputs", manifest.key),
    ]
    if manifest.spec is not None:
        model, trainer = manifest.spec.get("model"), manifest.spec.get("trainer")
        if isinstance(model, dict):
            facts.append(("Model", f"{model.get('name')}; spec in `manifest.json`"))
        elif isinstance(trainer, dict):
            code = trainer.get("entry") or " ".join(map(str, trainer.get("command", ())))
            facts.append(("Trainer", f"{_cell(code)}, version {trainer.get('version')}; spec in `manifest.json`"))
    if manifest.subsets.seed is not None:
        facts.append(("Seed", str(manifest.subsets.seed)))
    facts.append(("Content digest", manifest.content_digest))
    return facts


def _pairs_file(manifest: Manifest) -> str:
    return pairs_file(manifest.name, infl=manifest.thresholds.infl, mem=manifest.thresholds.mem)


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
