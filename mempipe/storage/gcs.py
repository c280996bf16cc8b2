"""Google Cloud Storage as a store: every change carries a generation precondition, every read a checksum.

Because of the precondition a request can be repeated when its answer is lost: the second one finds what the first one
did (412), and we look whether it was ours. Needs the extra `gcs`; nothing else imports the library.
"""

import hashlib
import mimetypes
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import google_crc32c
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.cloud import storage

from mempipe.errors import GenerationError, ObjectExistsError, ObjectNotFoundError, StoreError, StoreUnavailableError
from mempipe.storage.gcs_checksums import Checksums
from mempipe.storage.gcs_errors import gcs_errors, is_passing
from mempipe.storage.keys import checked_key, checked_prefix, readable_key
from mempipe.storage.protocol import Commit, ObjectInfo
from mempipe.storage.scratch import complete_file
from mempipe.storage.source import open_source

_SCHEME: Final = "gs://"
_PATIENCE_SECONDS: Final = 120.0
# To connect, and between two bytes of an answer.
_TIMEOUT_SECONDS: Final = (10.0, 60.0)
# Held in memory while it is sent; a multiple of 256 KiB.
_UPLOAD_CHUNK: Final = 16 << 20
_ATTEMPTS: Final = 3
_WRITING: Final = "Object cannot be written"
_READING: Final = "Object cannot be read"
_TOKEN: Final = "mempipe-write"


class GcsStore:
    """`gs://bucket/prefix`. The generation of an object is the one that the bucket gives it.

    Args:
        bucket: name.
        prefix: where the keys begin.
        client: a `google.cloud.storage.Client`; by default one with the environment's credentials, or none with an
            emulator (`STORAGE_EMULATOR_HOST`).
        patience_seconds: how long a request is repeated while the service does not answer as it should.

    Attributes:
        uri: `gs://bucket` or `gs://bucket/prefix`.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, client: Any = None, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self.uri = f"{_SCHEME}{bucket}/{prefix}".rstrip("/")
        with gcs_errors("Store cannot be opened", self.uri):
            # A project is needed to make buckets, not to use them.
            self._client: Any = client or storage.Client(project=None)
        self._bucket: Any = self._client.bucket(bucket)
        self._prefix = prefix
        self._patience = patience_seconds
        self._seen = False
        self._calls: dict[str, Any] = {"timeout": _TIMEOUT_SECONDS, "retry": self._retry()}

    def read(self, key: str) -> bytes:
        """Return the object's bytes, their crc32c checked."""
        return self.read_versioned(key)[0]

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the object's bytes, their crc32c checked, and its generation."""
        blob = self._blob(readable_key(key))
        with gcs_errors(_READING, self._uri(key)):
            try:
                content: bytes = blob.download_as_bytes(checksum="crc32c", **self._calls)
            except NotFound:
                raise self._missing(key) from None
            self._expect(blob, Checksums.of_bytes(content), key)
        self._seen = True
        return content, str(blob.generation)

    def download(self, key: str, path: Path) -> None:
        """Write the object to a file while it arrives, then check its crc32c before the file gets its name."""
        blob = self._blob(readable_key(key))
        with complete_file(path) as file, gcs_errors(_READING, self._uri(key)):
            try:
                blob.download_to_file(file, checksum="crc32c", **self._calls)
            except NotFound:
                raise self._missing(key) from None
            file.flush()
            with path_of(file).open("rb") as written:
                self._expect(blob, Checksums.of_file(written), key)
        self._seen = True
