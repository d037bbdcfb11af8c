"""The page of the command is made from the application; nothing of it is left out."""

import importlib.util
from pathlib import Path
from typing import Any

import typer

from steer.cli import app

API = Path(__file__).parents[2] / "docs" / "_ext" / "api.py"


def _flags(command: Any) -> set[str]:
    nested = getattr(command, "commands", {}).values()
    own = {name for param in command.params for name in param.opts if name.startswith("--")}
    return own.union(*map(_flags, nested)) - {"--help"}


def test_page_has_every_command_and_option() -> None:
    spec = importlib.util.spec_from_file_location("api", API)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.commands() + (API.parents[1] / "api" / "command.md").read_text(encoding="utf-8")
    command: Any = typer.main.get_command(app)
    assert [flag for flag in _flags(command) if flag not in page] == []
    names = [*command.commands, *(f"cache {name}" for name in command.commands["cache"].commands)]
    assert [name for name in names if f"# steer {name}\n" not in page] == []
