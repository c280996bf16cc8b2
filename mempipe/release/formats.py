"""A release in the formats of others: the npz files of the paper's authors, and Croissant metadata for data tools.

    {name}_infl_matrix.npz
        tr_labels, tt_labels int64; tr_mem float64; for each class K: tr_classidx_K, tt_classidx_K int64 and
        infl_matrix_classK float32 [train, test]
    {name}_high_infl_pairs_infl0.15_mem0.25.npz
        tr_idx, tt_idx int64; infl, mem float64
    {name}_index.npz (where examples have file names or ids)
        tr_filenames, tt_filenames S; tr_labels, tt_labels int64; tr_mem float64

Names, keys, types and axis order are the authors'. Uncompressed, no pickles; NaN where a score is undefined. Croissant
(mlcommons.org/croissant) describes the tables as records.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mempipe.npz import NpzWriter
from mempipe.release.manifest import Manifest
from mempipe.scores.estimate import influence, memorization
from mempipe.scores.pairs import PairTable
from mempipe.scores.tally import Block, BlockTally, ExampleTally, Scope, blocks_of
from mempipe.tables.parquet import table_file
from mempipe.tables.schema import columns_of

_CELLS_AT_ONCE: Final = 2**18  # float64 scores that stay in the processor's cache


def matrix_file(name: str) -> str:
    """Return the name of the influence matrices' file."""
    return f"{name}_infl_matrix.npz"


def pairs_file(name: str, *, infl: float, mem: float) -> str:
    """Return the name of the pairs' file, which says the thresholds that were used."""
    return f"{name}_high_infl_pairs_infl{infl:.12g}_mem{mem:.12g}.npz"


def index_file(name: str) -> str:
    """Return the name of the file with the image files' names."""
    return f"{name}_index.npz"


def write_matrix(
    path: Path,
    blocks: Iterable[BlockTally],
    examples: ExampleTally,
    train_labels: NDArray[np.int64],
    test_labels: NDArray[np.int64],
    n_classes: int,
) -> Iterator[BlockTally]:
    """Write the influence matrices while the counts pass through; yields each block when its scores are written.

    Args:
        path: the file.
        blocks: those of `blocks_of` in its order, each whole or as consecutive parts of its rows, of either scope: the
            file keeps the pairs of equal labels, as the authors did.
        examples: counts of the examples.
        train_labels: int64 (n_train,), in [0, n_classes).
        test_labels: int64 (n_test,), in [0, n_classes).
        n_classes: how many classes the file has; a class without examples has empty arrays.
    """
    stream = iter(blocks)
    by_label = {block.label: block for block in blocks_of(train_labels, test_labels, Scope.CLASS)}
    with NpzWriter(path) as archive:
        archive.add("tr_labels", train_labels)
        archive.add("tt_labels", test_labels)
        archive.add("tr_mem", memorization(examples))
        for label in range(n_classes):
            tests = np.flatnonzero(test_labels == label).astype(np.int64)
            block = by_label.get(label) or Block(f"class_{label}", label, np.empty(0, dtype=np.int64), tests)
            archive.add(f"tr_classidx_{label}", block.tr_idx)
            archive.add(f"tt_classidx_{label}", block.tt_idx)
            with archive.rows(f"infl_matrix_class{label}", np.dtype(np.float32), block.shape) as rows:
                position = 0
                while position < block.shape[0]:
                    part = next(stream)
                    for band in _class_influence(part, block, examples):
                        rows.write(band)
                    position += part.block.shape[0]
                    yield part
        yield from stream


def write_pairs(path: Path, pairs: PairTable) -> None:
    """Write the selected pairs."""
    with NpzWriter(path) as archive:
        archive.add("tr_idx", pairs.tr_idx)
        archive.add("tt_idx", pairs.tt_idx)
        archive.add("infl", pairs.infl)
        archive.add("mem", pairs.mem)


def write_index(
    path: Path,
    examples: ExampleTally,
    train_labels: NDArray[np.int64],
    test_labels: NDArray[np.int64],
    train_filenames: Sequence[str],
    test_filenames: Sequence[str],
) -> None:
    """Write the image files' names (UTF-8) beside labels and memorization."""
    with NpzWriter(path) as archive:
        archive.add("tr_filenames", _names(train_filenames))
        archive.add("tr_labels", train_labels)
        archive.add("tt_filenames", _names(test_filenames))
        archive.add("tt_labels", test_labels)
        archive.add("tr_mem", memorization(examples))


def _class_influence(part: BlockTally, block: Block, examples: ExampleTally) -> Iterator[NDArray[np.float32]]:
    """Yield the influence on the test examples of the same label, a few rows at a time, so that it stays in cache."""
    if part.block.shape[1] != block.shape[1]:
        columns = np.searchsorted(part.block.tt_idx, block.tt_idx)
        same_label = Block(part.block.name, block.label, part.block.tr_idx, block.tt_idx)
        part = BlockTally(same_label, part.correct_in[:, columns], part.trials)
    step = max(1, _CELLS_AT_ONCE // max(1, block.shape[1]))
    for start in range(0, part.block.shape[0], step):
        yield influence(part, examples, slice(start, start + step)).astype(np.float32)


def _names(filenames: Sequence[str]) -> NDArray[np.bytes_]:
    return np.array([name.encode() for name in filenames], dtype=np.bytes_)


_CITE = (
    "@inproceedings{feldman2020neural, title={What Neural Networks Memorize and Why: Discovering the Long Tail via "
    "Influence Estimation}, author={Feldman, Vitaly and Zhang, Chiyuan}, booktitle={Advances in Neural Information "
    "Processing Systems}, year={2020}}"
)


def render_croissant(manifest: Manifest, tables: Mapping[str, pa.Table]) -> bytes:
    """Return `croissant.json`, equal for equal manifests; its only date is the day on which the release was created.

    Args:
        manifest: of the release; its files must include those of the tables.
        tables: the tables by name.
    """
    import mlcroissant as mlc  # takes seconds to import, and a reader of releases never needs it

    types = {
        pa.int64(): mlc.DataType.INTEGER,
        pa.float64(): mlc.DataType.FLOAT,
        pa.string(): mlc.DataType.TEXT,
        pa.bool_(): mlc.DataType.BOOL,
    }
    distribution = [
        mlc.FileObject(
            id=file.path,
            name=file.path,
            content_url=file.path,
            content_size=f"{file.bytes} B",
            encoding_formats=[_encoding(file.path)],
            sha256=file.sha256,
        )
        for file in manifest.files
        if file.kind != "document"
    ]
    record_sets = [
        mlc.RecordSet(
            id=name,
            name=name,
            description=f"Table {name}: {table.num_rows} rows.",
            fields=[
                mlc.Field(
                    id=f"{name}/{column.name}",
                    name=column.name,
                    description=f"{column.meaning} (unit: {column.unit})",
                    data_types=[types[column.type]],
                    source=mlc.Source(file_object=table_file(name), extract=mlc.Extract(column=column.name)),
                )
                for column in columns_of(name, table.column_names)
            ],
        )
        for name, table in tables.items()
    ]
    metadata = mlc.Metadata(
        name=manifest.id,
        description=f"Memorization and influence scores (Feldman & Zhang 2020) of {manifest.data.name}, "
        f"from {manifest.n_trials} training runs on random subsets.",
        cite_as=_CITE,
        license=[manifest.data.license] if manifest.data.license else None,
        url=_url(manifest.data.source),
        version="1.0.0",
        date_published=manifest.created.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None),
        distribution=distribution,
        record_sets=record_sets,
    )
    document: dict[str, Any] = metadata.to_json()
    return (json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n").encode()


def _url(source: str) -> str:
    """Return where the data came from if that is a web page, else the paper."""
    return source if source.startswith(("https://", "http://")) else "https://arxiv.org/abs/2008.03703"


def _encoding(path: str) -> str:
    return "application/x-parquet" if path.endswith(".parquet") else "application/x-npz"
