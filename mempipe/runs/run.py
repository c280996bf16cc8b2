"""A run in its store: `run.json`, written once and read by every later step; labels; the committed shards."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mempipe.data.dataset import Dataset
from mempipe.errors import LaterVersionError, MempipeError, ObjectExistsError, ObjectNotFoundError, RunError
from mempipe.npz import UnreadableNpzError, checksum, encode, read_npz
from mempipe.places import LABELS, RUN_RECORD, SHARDS, parse_shard_key, run_place
from mempipe.runs.plan import missing_chunks
from mempipe.spans import Span
from mempipe.spec import NUMERICS_VERSION, Document, Spec, Stored, run_key, without_later_keys
from mempipe.storage.protocol import ObjectInfo, Store
from mempipe.subsets import subset_size


class DataInfo(Stored):
    """What later steps must know of the data set without reading its images.

    Attributes:
        name: of the data set.
        fingerprint: SHA-256 of content and order.
        n_train, n_test: sizes.
        class_names: one a label.
        image_shape: (height, width, channels); None: no images.
        source, license: for the card.
    """

    name: str
    fingerprint: str
    n_train: int
    n_test: int
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int] | None = None
    source: str = ""
    license: str | None = None


class RunRecord(Document):
    """The record of a run.

    Attributes:
        run_key: hash of what changes results (`mempipe.spec.run_key`).
        numerics_version: of the code that planned the run.
        spec: resolved; its chunk_size is the run's chunk grid.
        data: the data set's identity.
        subset_size: nominal m.
        later_keys: of the spec, which a later version of mempipe added; their meaning is unknown.
        later_spec: the spec with these keys, so that a release says all of it; None where there are none.
    """

    FAILURE: ClassVar[str] = "Run record cannot be used"
    ERROR: ClassVar[type[MempipeError]] = RunError
    HINT: ClassVar[str] = (
        "the run was written by another version of mempipe, or is damaged; plan it again in a new store."
    )

    run_key: str
    numerics_version: int
    spec: Spec
    data: DataInfo
    subset_size: int
    later_keys: tuple[str, ...] = Field((), exclude=True)
    later_spec: dict[str, Any] | None = Field(None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _set_later_keys_aside(cls, values: Any) -> Any:
        """Read the known keys of a spec of a later version; a user's spec with an unknown key is refused."""
        if isinstance(values, dict) and isinstance(values.get("spec"), dict):
            spec, later = without_later_keys(Spec, values["spec"])
            return {**values, "spec": spec, "later_keys": later, "later_spec": values["spec"] if later else None}
        return values

    def require_known_spec(self, run_uri: str) -> None:
        """Refuse to train or to check trials by a spec that has unknown keys.

        Raises:
            LaterVersionError: the spec has keys of a later version.
        """
        if self.later_keys:
            raise LaterVersionError(
                f"Run cannot be continued: {run_uri} spec has {', '.join(self.later_keys)}, expected keys that this "
                "version of mempipe knows: it was planned by a later version.",
                hint="use that version of mempipe, or a later one; what is published can be read with this one.",
            )


@dataclass(frozen=True, eq=False)
class Labels:
    """The data set's labels and, where it has them, file names or ids, in its own order.

    Attributes:
        train, test: int64 (n,).
        train_filenames, test_filenames: str (n,), or None.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    train_filenames: NDArray[np.str_] | None = None
    test_filenames: NDArray[np.str_] | None = None


@dataclass(frozen=True)
class ShardRef:
    """A committed shard as the listing shows it; shards are sorted by trial.

    Attributes:
        span: its trials.
        info: its object below the run's URI.
    """

    span: Span
    info: ObjectInfo

    @property
    def key(self) -> str:
        """Its name below the run's URI."""
        return self.info.key

    @property
    def generation(self) -> str:
        """Token of its content."""
        return self.info.generation

    def __lt__(self, other: "ShardRef") -> bool:
        """Sort by trials, then by name."""
        return (self.span, self.key) < (other.span, other.key)


@dataclass(frozen=True)
class Run:
    """A planned run.

    Attributes:
        store: the run's own place; its URI is the run's URI.
        record: content of `run.json`.
    """

    store: Store
    record: RunRecord
    _labels: list[Labels] = field(default_factory=list, repr=False, compare=False)

    @property
    def uri(self) -> str:
        """The run's URI."""
        return self.store.uri

    @property
    def labels(self) -> Labels:
        """The labels, read once."""
        if not self._labels:
            self._labels.append(self._read_labels())
        return self._labels[0]

    def _read_labels(self) -> Labels:
        source = f"{self.uri}/{LABELS}"
        try:
            arrays = read_npz(self.store.read(LABELS))
            labels = Labels(
                train=arrays["train_labels"],
                test=arrays["test_labels"],
                train_filenames=arrays.get("train_filenames"),
                test_filenames=arrays.get("test_filenames"),
            )
        except (UnreadableNpzError, KeyError, ObjectNotFoundError) as error:
            raise RunError(
                f"Labels cannot be read: {source} is missing or damaged ({str(error).splitlines()[0]}).",
                hint="delete it and run `mempipe plan` again: it is written anew from the data set.",
            ) from error
        sizes = (len(labels.train), len(labels.test))
        if sizes != (self.record.data.n_train, self.record.data.n_test):
            raise RunError(
                f"Labels are not the run's: {source} has {sizes[0]} train and {sizes[1]} test labels, expected "
                f"{self.record.data.n_train} and {self.record.data.n_test}.",
                hint="delete it and run `mempipe plan` again: it is written anew from the data set.",
            )
        return labels

    def shards(self) -> list[ShardRef]:
        """Return the committed shards, by trial; an object under `SHARDS` that is no shard is ignored."""
        shards = []
        for info in self.store.list(SHARDS):
            span = parse_shard_key(info.key)
            if span is not None:
                shards.append(ShardRef(span, info))
        return sorted(shards)

    def missing(self, trials: Span, *, committed: Iterable[ShardRef] | None = None) -> list[Span]:
        """Return the chunks of `trials` that have no committed shard."""
        shards = self.shards() if committed is None else committed
        return missing_chunks((shard.span for shard in shards), trials, chunk_size=self.record.spec.chunk_size)


def run_id(spec: Spec, key: str) -> str:
    """Return the run's name in its store: the spec's name and the beginning of the run key."""
    return f"{spec.name}-{key[:12]}"


def find_run(root: Store, spec: Spec, dataset: Dataset) -> Run | None:
    """Return the run that `register_run` would open, or None where it is not recorded yet."""
    store = root.child(_place(spec, run_key(spec, data_fingerprint=dataset.fingerprint)))
    return open_run(store) if store.exists(RUN_RECORD) else None


def register_run(root: Store, spec: Spec, dataset: Dataset) -> Run:
    """Record a run, or open it where it is recorded already; the first record wins.

    Args:
        root: the store that the user named.
        spec: resolved.
        dataset: the data set that it names.
    """
    key = run_key(spec, data_fingerprint=dataset.fingerprint)
    store = root.child(_place(spec, key))
    record = RunRecord(
        run_key=key,
        numerics_version=NUMERICS_VERSION,
        spec=spec,
        data=DataInfo(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            n_train=dataset.n_train,
            n_test=dataset.n_test,
            class_names=dataset.class_names,
            image_shape=dataset.image_shape,
            source=dataset.source,
            license=dataset.license,
        ),
        subset_size=subset_size(spec.subsets, dataset.n_train),
    )
    _write_labels(store, dataset)
    try:
        store.create(RUN_RECORD, record.to_json())
    except ObjectExistsError:
        record = RunRecord.from_json(store.read(RUN_RECORD), source=f"{store.uri}/{RUN_RECORD}")
        if record.run_key != key:
            raise RunError(
                f"Run record contradicts the spec: {store.uri}/{RUN_RECORD} run_key is {record.run_key[:16]}…, "
                f"expected {key[:16]}….",
                hint="choose another name in the spec.",
            ) from None
        return Run(store, record)
    return Run(store, record)


def open_run(store: Store) -> Run:
    """Open the run whose own place `store` is.

    Raises:
        RunError: there is no run.
    """
    try:
        content = store.read(RUN_RECORD)
    except ObjectNotFoundError as error:
        raise RunError(
            f"Run does not exist: {store.uri} has no {RUN_RECORD}, expected the URI that `mempipe plan` printed.",
            hint="run `mempipe plan SPEC --store URI` and use the URI that it prints.",
        ) from error
    return Run(store, RunRecord.from_json(content, source=f"{store.uri}/{RUN_RECORD}"))


def _place(spec: Spec, key: str) -> str:
    return run_place(run_id(spec, key))


def _write_labels(store: Store, dataset: Dataset) -> None:
    labels = _labels(dataset)
    try:
        store.create(LABELS, encode(labels))
    except ObjectExistsError as error:
        with suppress(UnreadableNpzError):
            if checksum(read_npz(store.read(LABELS))) == checksum(labels):
                return  # an earlier version wrote the same labels in other bytes
        raise RunError(
            f"Run's labels contradict the data set: {store.uri}/{LABELS} has other file names or is damaged, "
            f"expected those of {dataset.name}; images, labels and order are the same.",
            hint="give the files their former names, or choose another name in the spec; delete the object if damaged.",
        ) from error


def _labels(dataset: Dataset) -> dict[str, NDArray[np.generic]]:
    arrays: dict[str, NDArray[np.generic]] = {"train_labels": dataset.train_labels, "test_labels": dataset.test_labels}
    if dataset.train_filenames is not None and dataset.test_filenames is not None:
        arrays |= {
            "train_filenames": np.asarray(dataset.train_filenames, dtype=np.str_),
            "test_filenames": np.asarray(dataset.test_filenames, dtype=np.str_),
        }
    return arrays
