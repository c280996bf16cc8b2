"""Each refusal of the operating system becomes the error that tells its operator what to do."""

import errno
import os
from pathlib import Path

import pytest

from mempipe.errors import ExitCode, InputError, StoreError, StoreUnavailableError
from mempipe.storage.files import input_errors
from mempipe.storage.local import LocalStore


@pytest.mark.parametrize(
    ("number", "kind", "says", "hint"),
    [
        (errno.EACCES, StoreError, "not permitted to this user", "right"),
        (errno.EROFS, StoreError, "on a read-only file system", "right"),
        (errno.ENOSPC, StoreError, "on a file system without space", "free space"),
        (errno.EDQUOT, StoreError, "beyond this user's quota", "free space"),
        (errno.EOPNOTSUPP, StoreError, "cannot do this", "hard links"),
        (errno.EPERM, StoreError, "not possible on this file system", "hard links"),
        (errno.EXDEV, StoreError, "on another file system", "one file system"),
        (errno.EBADF, StoreError, "not usable", "another location"),
        (errno.EIO, StoreUnavailableError, "does not answer as it should", "again"),
        (errno.ESTALE, StoreUnavailableError, "does not answer as it should", "again"),
        (errno.EMFILE, StoreUnavailableError, "does not answer as it should", "again"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_failing_call(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    kind: type[StoreError | StoreUnavailableError],
    says: str,
    hint: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    store = LocalStore(tmp_path / "store")
    store.folder.mkdir()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(kind, match=says) as caught:
        store.create("a", b"1")
    monkeypatch.undo()
    assert caught.value.message.startswith(f"Object cannot be written: {store.uri}/a is ") or kind is not StoreError
    assert hint in caught.value.hint
    assert list(tmp_path.glob("store/*")) == []
    transient = kind is StoreUnavailableError
    assert caught.value.exit_code is (ExitCode.TRANSIENT if transient else ExitCode.PERMANENT)


def test_the_file_at_fault_is_named_when_it_is_another(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=f"Permission denied: {tmp_path}/other"),
        input_errors("Doing", tmp_path / "one"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "other"))
