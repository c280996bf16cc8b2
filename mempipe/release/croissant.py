"""Croissant metadata (mlcommons.org/croissant): the release's tables as records that data tools can find and read."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mempipe.release.manifest import Manifest
from mempipe.tables.parquet import table_file
from mempipe.tables.schema import columns_of

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
