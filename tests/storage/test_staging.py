"""Staging folders: two at once, a kill at each step, and what a killed writer leaves."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mempipe.errors import InputError
from mempipe.storage import staging
from mempipe.storage.files import scratch_file
from mempipe.storage.protocol import HIDDEN
from mempipe.storage.staging import replace_folder, staging_folder
from tests.racing import racers

N_FILES = 20

WRITER = """
from pathlib import Path
from mempipe.storage.staging import replace_folder, staging_folder

def write(target, text):
    with staging_folder(target.parent) as folder:
        for position in range(20):
            (folder / str(position)).write_text(text)
        replace_folder(folder, target)
"""


def write(target: Path, text: str) -> None:
    with staging_folder(target.parent) as folder:
        for position in range(N_FILES):
            (folder / str(position)).write_text(text)
        replace_folder(folder, target)


def content(target: Path) -> str:
    """What all files of a whole folder say."""
    texts = [(target / str(position)).read_text() for position in range(N_FILES)]
    assert len(list(target.iterdir())) == N_FILES
    (text,) = set(texts)
    return text


@pytest.fixture(params=["in one step", "by two renames"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that can exchange two folders, and one that cannot."""
    if request.param == "by two renames":
        monkeypatch.setattr(staging, "_exchange", lambda one, other: False)


@pytest.mark.usefixtures("system")
def test_a_new_an_empty_and_an_old_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "a" / "new", tmp_path / "empty"):
        for text in ("first", "second"):
            write(target, text)
            assert content(target) == text
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_dir()) == ["a", "empty", "new"]


def test_an_error_leaves_everything_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "a", "old")

    def fail(place: Path) -> None:
        with staging_folder(place) as folder:
            (folder / "file").touch()
            raise ZeroDivisionError

    for place in (tmp_path, tmp_path / "new"):
        with pytest.raises(ZeroDivisionError):
            fail(place)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert content(tmp_path / "a") == "old"


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is below a file, expected a folder there"):
        write(tmp_path / "file" / "a", "new")
    with pytest.raises(InputError, match="file is below a file, expected a folder there"):
        write(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_racing_processes_and_a_reader(tmp_path: Path) -> None:
    """The folder is there at every moment, and the one that stays is whole."""
    target, stop, missing = tmp_path / "a", threading.Event(), list[OSError]()
    write(target, "start")

    def read() -> None:
        while not stop.is_set():
            try:
                target.stat()
            except OSError as error:
                missing.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with racers(
            WRITER + f"\ndef act(text):\n    write(Path({str(target)!r}), text)\n    return 'done'\n", 3
        ) as three:
            for round_ in range(20):
                texts = [f"{round_}-{writer}" for writer in range(3)]
                assert three.go(*texts) == ["done"] * 3
                assert content(target) in texts
    finally:
        stop.set()
        reader.join()
    assert missing == []
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.usefixtures("system")
def test_racing_threads(tmp_path: Path) -> None:
    target = tmp_path / "a"
    for round_ in range(20):
        threads = [threading.Thread(target=write, args=(target, f"{round_}-{writer}")) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert content(target).startswith(f"{round_}-")
        assert [path.name for path in tmp_path.iterdir()] == ["a"]


KILLED = """
import os, signal, sys
place, at = Path(sys.argv[1]), int(sys.argv[2])
steps = 0

def step(event, arguments):
    global steps
    if event in {"os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree", "ctypes.dlsym"} or (
        event == "open" and str(place) in str(arguments[0])
    ):
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

sys.addaudithook(step)
write(place / "a", "new")
"""


def test_a_kill_at_each_step(tmp_path: Path) -> None:
    """The folder is the old or the new one; a later writer finds its way and removes what is left."""
    target, contents = tmp_path / "a", []
    for at in range(1000):
        write(target, "old")
        process = subprocess.run([sys.executable, "-c", WRITER + KILLED, str(tmp_path), str(at)], check=False)
        contents.append(content(target))
        if process.returncode == 0:
            break
        assert process.returncode == -9
        for path in tmp_path.rglob("*"):
            os.utime(path, (0, 0))
    write(target, "end")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert contents == sorted(contents, reverse=True)  # first the old one, then the new one
    assert contents.count("old") > N_FILES
    assert contents.count("new") > N_FILES


def remains(age: Callable[[Path], None], tmp_path: Path) -> list[str]:
    hidden = tmp_path / HIDDEN
    (hidden / "folder" / "below").mkdir(parents=True)
    (hidden / "folder" / "below" / "file").touch()
    (hidden / "file").touch()
    age(hidden)
    with scratch_file(tmp_path) as (path, _):
        return sorted(left.name for left in hidden.iterdir() if left != path)


def test_what_a_killed_writer_left_a_day_ago_is_removed(tmp_path: Path) -> None:
    def dead(hidden: Path) -> None:
        for path in hidden.rglob("*"):
            os.utime(path, (0, 0))

    assert remains(dead, tmp_path) == []


def test_what_a_living_writer_has_stays(tmp_path: Path) -> None:
    """Any change of a day in its folder shows that it lives."""

    def alive(hidden: Path) -> None:
        for path in (hidden / "folder", hidden / "folder" / "below"):
            os.utime(path, (0, 0))

    assert remains(alive, tmp_path) == ["file", "folder"]
