"""The command `steer`."""

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from . import _command
from ._command import terminal
from ._version import __version__
from .errors import SteerError


class _Group(TyperGroup):
    """Bad input, in whatever command, ends it with its message and exit code 2; unwritable output ends it with 1."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Read the arguments and run the command."""
        try:
            try:
                with terminal.legible():
                    return super().main(*args, **extra)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # here, where there is something to say if that fails
        except OSError as error:
            terminal.unwritable(error)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SteerError as error:
            terminal.complain(str(error))
            raise typer.Exit(2) from error


app = typer.Typer(cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(_command.precompute)
app.command()(_command.audit)
app.add_typer(_command.app, name="cache")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"steer {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Steerable convolution kernels for compact groups."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("steer-demo"),
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training digits.")] = 6,
    seed: Annotated[int, typer.Option(help="Of weights, batches and test angles.")] = 0,
) -> None:
    """Train steerable networks on upright digits and test them on rotated ones, beside a plain CNN."""
    from .demo import run

    run(out, epochs=epochs, seed=seed, console=terminal.console())


@app.command(context_settings={"ignore_unknown_options": True})  # -43m is the name of a group
def groups(
    name: Annotated[
        str | None, typer.Argument(help="Such as Oh, D4h, 4/mmm or 'SO(3)'. Without a name: the catalogue.")
    ] = None,
    dim: Annotated[int, typer.Option(help="Dimension of the space acted on: 1, 2 or 3.")] = 3,
) -> None:
    """Print the catalogue of groups; of one group its characters, subgroups and how harmonics split."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Greek letters shows ? for them
    console = terminal.console()
    for part in _command.catalogue(dim) if name is None else _command.page(_command.one(name, dim), console):
        terminal.show(part, console)
