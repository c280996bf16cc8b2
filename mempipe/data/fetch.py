"""Brings remote data to this machine once: object stores and checked downloads, in a cache that the user can delete."""

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator

from mempipe.errors import DataError, ObjectNotFoundError, TransientError
from mempipe.storage import open_store
from mempipe.storage.protocol import split_object_uri

_TIMEOUT_SECONDS: Final = 60


def _absolute(uri: str) -> str:
    """Return a local path as absolute, so that a plan made in one folder is trained from another; keep a URI."""
    return uri if is_remote(uri) else str(Path(uri.removeprefix("file://")).expanduser().absolute())


DataPath = Annotated[str, AfterValidator(_absolute)]
"""Where a data set lies: a local path, made absolute, or a URI."""


def cache_folder() -> Path:
    """Return the folder of cached data: `MEMPIPE_CACHE`, or `~/.cache/mempipe`."""
    return Path(os.environ.get("MEMPIPE_CACHE") or Path.home() / ".cache" / "mempipe")


def is_remote(uri: str) -> bool:
    """Return whether `uri` names an object store other than a local folder."""
    return "://" in uri and not uri.startswith("file://")


def local_file(uri: str, *, what: str, key: str = "data.path") -> Path:
    """Return a local path with the content of `uri`: itself, or a cached copy of the object's current generation.

    Args:
        uri: path, `file://`, `gs://…`.
        what: the data set, for messages.
        key: of the spec, that names the file, for messages.
    """
    if not is_remote(uri):
        path = Path(uri.removeprefix("file://")).expanduser()
        if not path.is_file():
            raise DataError(
                f"Data set cannot be read: {what} {path} is {'a folder' if path.is_dir() else 'missing'}, "
                "expected a file.",
                hint=f"correct {key} in the spec.",
            )
        return path
    store, name = split_object_uri(uri)
    for info in store.list(name):
        if info.key == name:
            version = hashlib.sha256(f"{uri}|{info.generation}".encode()).hexdigest()[:24]
            cached = cache_folder() / version / Path(name).name
            if not cached.exists():
                cached.parent.mkdir(parents=True, exist_ok=True)
                store.download(name, cached)
            return cached
    raise DataError(f"Data set cannot be read: {what} {uri} is missing, expected an object.", hint=f"correct {key}.")


def local_folder(uri: str, *, what: str) -> Path:
    """Return a local folder with the content of `uri`: itself, or a cached copy of every object below it."""
    if not is_remote(uri):
        path = Path(uri.removeprefix("file://")).expanduser()
        if not path.is_dir():
            raise DataError(
                f"Data set cannot be read: {what} {path} is {'a file' if path.is_file() else 'missing'}, "
                "expected a folder.",
                hint="correct data.path in the spec.",
            )
        return path
    store = open_store(uri)
    objects = list(store.list())
    if not objects:
        raise DataError(f"Data set cannot be read: {what} {uri} is empty, expected objects.", hint="correct data.path.")
    listing = hashlib.sha256(repr([(info.key, info.generation) for info in objects]).encode()).hexdigest()
    folder = cache_folder() / listing[:24]
    for info in objects:
        target = folder / info.key
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                store.download(info.key, target)
            except ObjectNotFoundError as error:
                raise DataError(
                    f"Data set cannot be read: {what} {uri}/{info.key} vanished while it was read.",
                    hint="wait until the upload of the data is finished.",
                ) from error
    return folder


def download(url: str, *, sha256: str, what: str) -> Path:
    """Download a published file once and check its content.

    Raises:
        DataError: the content is not the published one.
        TransientError: the server could not be reached.
    """
    cached = cache_folder() / sha256[:24] / url.rsplit("/", 1)[-1]
    if cached.exists():
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=cached.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            try:
                with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - https constants
                    shutil.copyfileobj(response, target)
            except (urllib.error.URLError, OSError) as error:
                raise TransientError(
                    f"Data set cannot be downloaded: {what} from {url} ({error}).",
                    hint="check the network, or download it yourself and set data.path.",
                ) from error
        digest = hashlib.sha256(partial.read_bytes()).hexdigest()
        if digest != sha256:
            raise DataError(
                f"Download is not the published file: {url} SHA-256 is {digest}, expected {sha256}.",
                hint="a proxy may have changed it; download it yourself and set data.path.",
            )
        partial.replace(cached)
    finally:
        partial.unlink(missing_ok=True)
    return cached
