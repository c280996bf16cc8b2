"""Groups of commands with the full help text of each command."""

from typing import Any

from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """Lists its commands with their whole help text, on as many lines as the terminal needs."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands; typer would cut each text to one line."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help or "") for name, command in commands.items() if command])
