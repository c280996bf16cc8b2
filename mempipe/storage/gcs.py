"""Google Cloud Storage as a store: every change carries a generation precondition, every read is checked by crc32c.

Because of the precondition a request can be repeated when its answer is lost: the second one fails (412) because the
object changed, and we check whether the first one changed it. Needs the extra `gcs`; nothing else imports the library.
"""

import mimetypes
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from google.api_core.exceptions import ClientError, NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import storage

from mempipe.errors import GenerationError, ObjectExistsError, ObjectNotFoundError, StoreError, StoreUnavailableError
from mempipe.storage.files import complete_file, open_source
from mempipe.storage.gcs_checksums import crc32c_of, same_bytes, size_of
from mempipe.storage.gcs_errors import gcs_errors, is_passing
from mempipe.storage.protocol import Commit, ObjectInfo, checked_key, checked_prefix, readable_key

_SCHEME: Final = "gs://"
_PATIENCE_SECONDS: Final = 120.0
# To connect, and between two bytes of an answer.
_TIMEOUT_SECONDS: Final = (10.0, 60.0)
# Held in memory while it is sent; a multiple of 256 KiB.
_UPLOAD_CHUNK: Final = 16 << 20
_ATTEMPTS: Final = 3
# Not found, gone: there is no bucket, or no longer the upload in chunks, because it is complete or was broken off.
_FORGOTTEN: Final = frozenset({404, 410})
_WRITING: Final = "Object cannot be written"
_READING: Final = "Object cannot be read"
# Metadata of an object that says which call wrote it.
_WRITER: Final = "mempipe-writer"


class GcsStore:
    """`gs://bucket/prefix`. The generation of an object is the one that the bucket gives it.

    Args:
        bucket: name.
        prefix: where the keys begin.
        client: a `google.cloud.storage.Client`; by default one with the environment's credentials, or anonymous
            where there are none (public buckets, or an emulator named by `STORAGE_EMULATOR_HOST`).
        patience_seconds: how long a request is repeated while the service does not answer as it should.

    Attributes:
        uri: `gs://bucket` or `gs://bucket/prefix`.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, client: Any = None, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self.uri = f"{_SCHEME}{bucket}/{prefix}".rstrip("/")
        with gcs_errors("Store cannot be opened", self.uri):
            self._client: Any = client or _open_client()
            self._bucket: Any = self._client.bucket(bucket)
        self._prefix = prefix
        self._patience = patience_seconds
        self._calls: dict[str, Any] = {"timeout": _TIMEOUT_SECONDS, "retry": self._retry()}
        self._bucket_seen = False

    def read(self, key: str) -> bytes:
        """Return the object's bytes, their crc32c checked."""
        return self.read_versioned(key)[0]

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the object's bytes, their crc32c checked, and the generation that they were sent with."""
        with open_source(b"") as buffer:
            generation = self._fetch(key, buffer)
            buffer.seek(0)
            return buffer.read(), generation

    def download(self, key: str, path: Path) -> None:
        """Write the object to a file while it arrives; the file gets its name when the crc32c is right."""
        readable_key(key)
        with complete_file(path) as file:
            self._fetch(key, file)

    def exists(self, key: str) -> bool:
        """Return whether the object exists; `StoreError` when not even the bucket is."""
        name = self._name(readable_key(key))
        with gcs_errors(_READING, self._uri(key)):
            if self._bucket.blob(name).exists(**self._calls):
                self._bucket_seen = True
                return True
            self._check_bucket()
            return False

    def create(self, key: str, content: bytes | Path) -> Commit:
        """Upload if there is no live generation; on a 412 compare sizes and checksums."""
        name = self._name(checked_key(key))
        with open_source(content) as source, gcs_errors(_WRITING, self._uri(key)):
            for _ in range(_ATTEMPTS):
                if self._send(self._bucket.blob(name), source, generation=0):
                    return Commit.CREATED
                existing = self._bucket.get_blob(name, **self._calls)
                if existing is None:  # deleted since, or an upload of several chunks was broken off
                    continue
                if same_bytes(existing, source, **self._calls):
                    return Commit.ALREADY_THERE
                raise ObjectExistsError(
                    f"Object cannot be created: {self._uri(key)} is there with other content, "
                    "expected none or the same bytes.",
                    hint="it was not changed; find out who wrote it, or choose another name.",
                )
        raise StoreUnavailableError(
            f"{_WRITING}: {self._uri(key)} was refused {_ATTEMPTS} times though it is not there.",
            hint="find out who else writes there, then run the same command again.",
        )

    def replace(self, key: str, content: bytes, *, generation: str | None) -> str:
        """Upload if the live generation is `generation`; on a 412 check whether a lost request of ours did it."""
        name = self._name(checked_key(key))
        expected = 0 if generation is None else _number(generation)
        if expected is None:
            raise self._changed(key, "another", generation)
        writer = uuid.uuid4().hex
        with open_source(content) as source, gcs_errors(_WRITING, self._uri(key)):
            blob = self._bucket.blob(name)
            # Not the content: two writers may count up to the same number, and only one of them may have done it.
            blob.metadata = {_WRITER: writer}
            if self._send(blob, source, generation=expected):
                return str(blob.generation)
            existing = self._bucket.get_blob(name, **self._calls)
            if existing is not None and (existing.metadata or {}).get(_WRITER) == writer:
                return str(existing.generation)
        raise self._changed(key, existing.generation if existing else "none, it is gone", generation)

    def delete(self, key: str, *, generation: str) -> None:
        """Delete if the live generation is `generation`."""
        name = self._name(checked_key(key))
        expected = _number(generation)
        if expected is None:
            raise self._changed(key, "another", generation)
        lost: list[Exception] = []
        with gcs_errors("Object cannot be deleted", self._uri(key)):
            try:
                self._bucket.blob(name).delete(
                    if_generation_match=expected, timeout=_TIMEOUT_SECONDS, retry=self._retry(lost.append)
                )
                return
            except (NotFound, PreconditionFailed):
                existing = self._bucket.get_blob(name, **self._calls)
            if existing is not None:
                raise self._changed(key, existing.generation, generation)
            # Deleted by a request of ours whose answer was lost, or by another process.
            if not lost:
                raise self._missing(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the live objects, page by page; placeholders that a console makes for folders are skipped."""
        start = self._name(checked_prefix(prefix))
        skipped = len(self._name(""))
        with gcs_errors("Store cannot be listed", self.uri):
            try:
                for blob in self._client.list_blobs(
                    self._bucket, prefix=start, fields="items(name,size,generation),nextPageToken", **self._calls
                ):
                    if not blob.name.endswith("/"):
                        yield ObjectInfo(blob.name[skipped:], int(blob.size), str(blob.generation))
            except NotFound:
                raise self._no_bucket() from None
            self._bucket_seen = True

    def child(self, prefix: str) -> "GcsStore":
        """Return the store of longer names, with the same client."""
        return GcsStore(
            self._bucket.name,
            self._name(checked_key(prefix)),
            client=self._client,
            patience_seconds=self._patience,
        )

    def _fetch(self, key: str, file: BinaryIO) -> str:
        """Write the object into an empty file, check it, and return its generation."""
        blob = self._bucket.blob(self._name(readable_key(key)))
        with gcs_errors(_READING, self._uri(key)):
            try:
                blob.download_to_file(file, checksum="crc32c", **self._calls)
            except NotFound:
                raise self._missing(key) from None
            self._bucket_seen = True
            # The library does not check a download that was resumed. What is stored compressed has another crc32c.
            if blob.content_encoding is None:
                if blob.crc32c is None:
                    blob.reload(**self._calls)
                checksum = crc32c_of(file)
                if checksum != blob.crc32c:
                    raise StoreUnavailableError(
                        f"{_READING}: {self._uri(key)} crc32c is {checksum}, expected {blob.crc32c}.",
                        hint="it was damaged on its way; run the same command again.",
                    )
            return str(blob.generation)

    def _send(self, blob: Any, source: BinaryIO, *, generation: int) -> bool:
        """Upload if the live generation is `generation` (0: none); False when it is not."""
        # Small contents go in one request; others in chunks, each of which is repeated by itself.
        blob.chunk_size = _UPLOAD_CHUNK
        size, crc32c = size_of(source), crc32c_of(source)
        source.seek(0)
        try:
            blob.upload_from_file(
                source,
                size=size,
                content_type=mimetypes.guess_type(blob.name)[0] or "application/octet-stream",
                if_generation_match=generation,
                checksum="crc32c",
                crc32c_checksum_value=crc32c,
                **self._calls,
            )
        except PreconditionFailed:
            return False
        except ClientError as error:
            if error.code not in _FORGOTTEN:
                raise
            self._check_bucket()
            return False
        self._bucket_seen = True
        return True

    def _retry(self, on_error: Callable[[Exception], None] | None = None) -> Any:
        return Retry(
            predicate=is_passing,
            initial=0.5,
            maximum=10.0,
            multiplier=2.0,
            timeout=self._patience,
            on_error=on_error,
        )

    def _name(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _uri(self, key: str) -> str:
        return f"{self.uri}/{key}"

    def _check_bucket(self) -> None:
        """Distinguish a missing bucket from a missing object; the only permission needed is to list."""
        if self._bucket_seen:
            return
        try:
            next(iter(self._client.list_blobs(self._bucket, max_results=1, fields="items(name)", **self._calls)), None)
        except NotFound:
            raise self._no_bucket() from None
        self._bucket_seen = True

    def _no_bucket(self) -> StoreError:
        name = self._bucket.name
        return StoreError(
            f"Store cannot be used: {self.uri} bucket {name!r} does not exist.",
            hint=f"correct the store's URI, or make the bucket: gcloud storage buckets create {_SCHEME}{name}",
        )

    def _missing(self, key: str) -> ObjectNotFoundError:
        self._check_bucket()
        return ObjectNotFoundError(
            f"Object not found: {self._uri(key)} is missing, expected an object.",
            hint="check the name; the step that writes it may not have run.",
        )

    def _changed(self, key: str, got: object, expected: str | None) -> GenerationError:
        return GenerationError(
            f"Object changed since it was read: {self._uri(key)} generation is {got}, expected {expected or 'none'}.",
            hint="another process changed it; run the same command again, it reads the object again.",
        )


def _open_client() -> Any:
    # Otherwise each client requests the bucket's description in a thread, for traces that are not recorded here; this
    # needs a permission that a writer of objects does not have.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    try:
        # A project is needed to make buckets, not to use them.
        return storage.Client(project=None)
    except DefaultCredentialsError:
        # Published releases lie in public buckets. A bucket that is not public answers 401, with a hint to log in.
        return storage.Client.create_anonymous_client()


def _number(generation: str) -> int | None:
    """Return the generation as the service's integer; None if no object can have it."""
    return int(generation) if generation.isascii() and generation.isdigit() and int(generation) > 0 else None


def open_uri(uri: str) -> GcsStore:
    """Open `gs://bucket` or `gs://bucket/prefix`."""
    bucket, _, prefix = uri.removeprefix(_SCHEME).partition("/")
    if not (bucket and bucket[0].isalnum() and bucket[-1].isalnum()):
        raise StoreError(
            f"Store URI cannot be used: {uri} bucket is {bucket!r}, expected gs://bucket or gs://bucket/prefix.",
            hint="the name of a bucket starts and ends with a letter or a digit.",
        )
    prefix = prefix.strip("/")
    return GcsStore(bucket, readable_key(prefix) if prefix else "")
