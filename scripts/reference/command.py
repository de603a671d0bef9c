"""The page of the command line."""

from __future__ import annotations

from typing import Any

import typer
from markdown import code, table

from careloop import error
from careloop.cli import app


def cli_page() -> list[str]:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    lines = ["# Command line", "", group.help or "", ""]
    lines += _commands(group, "careloop")
    lines += ["## Exit codes", "", *_exit_codes()]
    return lines


def _commands(command: Any, name: str) -> list[str]:
    """A command, or every command of a group."""
    context = typer.Context(command, info_name=name)
    if inner := getattr(command, "commands", {}):
        shown = (each for each in inner.items() if not each[1].hidden)
        return [line for key, each in shown for line in _commands(each, f"{name} {key}")]
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    records = (parameter.get_help_record(context) for parameter in command.params)
    return [
        *(f"## {name}", "", "```", usage, "```", "", (command.help or "").strip(), ""),
        *table(
            ("", ""),
            ((code(record[0]), " ".join(record[1].split())) for record in records if record),
        ),
    ]


def _exit_codes() -> list[str]:
    kinds = [error.CareloopError, *error.CareloopError.__subclasses__(), error.ConfigError]
    rows = [("0", "", "done"), ("2", "", "the command line itself is wrong: see `--help`")]
    rows += [
        (str(kind.exit_code), code(kind.__name__), (kind.__doc__ or "").split("\n")[0])
        for kind in kinds
    ]
    return table(("code", "error", "meaning"), sorted(rows))
