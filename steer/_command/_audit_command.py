"""The command `steer audit`."""

import dataclasses
import json as standard_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ..errors import SteerError
from . import _terminal as terminal
from ._cache_command import OwnError, failed, named

if TYPE_CHECKING:
    from ..testing import Audit

ABOVE = 1


def audit(
    target: Annotated[str, typer.Argument(help="MODULE:FACTORY, a function that builds a model, or a model.")],
    input_shape: Annotated[
        str, typer.Option(help="batch,channels and the sizes of space: 16,1,33,33. A batch of ten or more tells more.")
    ],
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="End with exit code 1 if the output has a larger error.")
    ] = None,
    band_limit: Annotated[float, typer.Option(help="Of the waves, as a fraction of the Nyquist frequency.")] = 0.5,
    average: Annotated[
        float | None, typer.Option(help="Radius in pixels of the window for comparisons; else the centre alone.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the waves.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="A picture of the errors of all layers: .png, .svg or .pdf.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
) -> None:
    """Measure what each layer of a model does to its equivariance.

    Exit codes: 0 audited, 1 the error of the output is above the tolerance, 2 bad input or an error in your own code.
    """
    shape = _shape(input_shape)
    try:
        found = named(target, "target: expected MODULE:FACTORY, such as project.models:build")
        from .. import testing  # which loads torch

        model = found() if callable(found) and not hasattr(found, "named_modules") else found
    except OwnError as error:
        raise failed(error) from None
    report = testing.audit(model, shape, band_limit=band_limit, average=average, seed=seed)
    if json:
        typer.echo(standard_json.dumps(dataclasses.asdict(report) | {"worst": report.worst}, indent=1))
    else:
        _print(report)
    if plot is not None:
        _draw(report, plot)
    if tolerance is not None and not report.worst <= tolerance:
        terminal.complain(f"the error of the output, {report.worst:.3g}, is above the tolerance, {tolerance:g}")
        raise typer.Exit(ABOVE)


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError as error:
        raise SteerError(f"--input-shape: expected integers such as 16,1,33,33, got {text!r}") from error


def _draw(report: "Audit", path: Path) -> None:
    """A picture of the errors in a file."""
    from ..plot import error_by_depth

    figure = error_by_depth(report).get_figure(root=True)
    assert figure is not None, "new axes have a figure"
    try:
        figure.savefig(path, bbox_inches="tight")
    except ValueError as error:  # a kind of file that matplotlib does not write
        raise SteerError(f"--plot: cannot draw {path.name} ({error})") from error


def _print(report: "Audit") -> None:
    """The table and the notes below it."""
    heads, *rows, total = report.table()
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 5 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    table.add_section()
    table.add_row(*map(escape, total), style="bold")
    console = terminal.console()
    wide = console.measure(table, options=console.options.update(max_width=terminal.ENDLESS)).maximum
    console.width = max(console.width, wide)  # in a narrower terminal lines run on, but no cell is cut
    terminal.show(table, console)
    for note in report.notes():
        console.print(escape(note), soft_wrap=True)
