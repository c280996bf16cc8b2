"""The files of a release on this machine: where they lie, or fetched once from a remote store."""

import shutil
import tempfile
import weakref
from pathlib import Path

from mempipe.errors import ObjectNotFoundError, ReleaseError
from mempipe.storage.local import LocalStore
from mempipe.storage.protocol import Store, readable_key


class ReleaseFiles:
    """Finds the files of one release; what was fetched is removed with this object.

    Args:
        store: the release's own place.
        release_id: for messages.
    """

    def __init__(self, store: Store, release_id: str) -> None:
        self._store = store
        self._release_id = release_id
        self._scratch: Path | None = None

    def local(self, path: str) -> Path:
        """Return a local file.

        Args:
            path: relative to the release.

        Raises:
            ReleaseError: the release has no such file.
        """
        readable_key(path)
        if isinstance(self._store, LocalStore):
            file = self._store.folder / path
            if not file.is_file():
                raise self._missing(path)
            return file
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="mempipe-release-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        file = self._scratch / path
        if not file.exists():
            try:
                self._store.download(path, file)
            except ObjectNotFoundError as error:
                raise self._missing(path) from error
        return file

    def _missing(self, path: str) -> ReleaseError:
        return ReleaseError(
            f"File is missing: {self._store.uri}/{path} does not exist, expected a file of release {self._release_id}.",
            hint="fetch the release again, with all its files.",
        )
