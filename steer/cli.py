"""The command `steer`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ._version import __version__
from .errors import SteerError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


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
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training digits.")] = 12,
    seed: Annotated[int, typer.Option(help="Of weights, batches and test angles.")] = 0,
) -> None:
    """Train steerable networks on upright digits and test them on rotated ones, beside a plain CNN."""
    from .demo import run

    console = Console()
    try:
        run(out, epochs=epochs, seed=seed, console=console)
    except SteerError as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        raise typer.Exit(2) from error
