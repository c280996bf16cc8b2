"""What a user sees who asks for help or the version, or reads only a part of the output."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

import mempipe
from mempipe.cli.app import app
from mempipe.cli.main import run


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, with the words that call it."""
    command = command or typer.main.get_command(app)
    yield path, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from commands(command.get_command(None, name), (*path, name))


COMMANDS = dict(commands())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"mempipe {mempipe.__version__}\n"


@pytest.mark.parametrize("columns", [40, 80, 160])
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_says_everything(
    path: tuple[str, ...], columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-h` and `--help` are the same; no text is cut, whatever the width of the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    texts = []
    for option in ("-h", "--help"):
        assert run([*path, option]) == 0
        texts.append(" ".join(capsys.readouterr().out.split()))
    assert texts[0] == texts[1]
    command = COMMANDS[path]
    below = [COMMANDS[child].help for child in COMMANDS if child[:-1] == path and child]
    options = [parameter.help for parameter in command.params]
    for text in (command.help, *below, *options):
        assert text
        assert " ".join(text.split()).replace("- ", "-") in texts[0].replace("- ", "-")


PRINTER = """
import sys
from mempipe.cli import app, main, show

def print_summary(release, top):
    print("line\\n" * top, end="")

show.print_summary = print_summary
sys.argv[1:] = ["show", "release", "--top", sys.argv[1]]
main.main()
"""


@pytest.mark.parametrize("n_lines", [1, 1_000_000])
def test_a_reader_that_has_enough(n_lines: int) -> None:
    """`mempipe show … | head -1`: no message, whether the output is written while it is made or at the end."""
    command = [sys.executable, "-c", PRINTER, str(n_lines)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
