"""Character tables of groups as `steer groups` prints them."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from .._classes import WORDS, Cells, words
from ..reps import Irrep


def plain_table(*headings: str) -> Table:
    """A table without a frame, whose cells are never broken or cut."""
    out = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, pad_edge=False)
    for heading in headings:
        out.add_column(heading, no_wrap=True)
    return out


def character_tables(
    irreps: Sequence[Irrep],
    cells: Cells,
    transforming: dict[str, tuple[str, str]],
    console: Console,
) -> Iterator[Table]:
    """The table of irreps, in several blocks of columns if the console is narrow.

    Args:
        irreps: the rows.
        cells: the columns: heading, and one cell for each irrep.
        transforming: label -> what `functions` found for it.
        console: where it will be printed.
    """
    kinds, *forms = words(irreps, transforming)
    rest = [[cell] for cell in cells]
    rest += [[kinds]] if any(kinds[1]) else []
    rest += [forms]
    wide = console.options.update(max_width=10_000)
    while rest:
        tables = [_block(irreps, rest[:n]) for n in range(1, len(rest) + 1)]
        fitting = [
            n for n, table in enumerate(tables, 1) if console.measure(table, options=wide).maximum <= console.width
        ]
        count = max(fitting, default=1)
        yield tables[count - 1]
        rest = rest[count:]


def _block(irreps: Sequence[Irrep], cells: Sequence[Cells]) -> Table:
    out = plain_table("irrep")
    shown = [cell for group in cells for cell in group]
    for heading, _ in shown:
        out.add_column(heading, justify="left" if heading in WORDS else "right", no_wrap=heading not in WORDS)
    for i, psi in enumerate(irreps):
        out.add_row(f"[bold]{psi.label}[/]", *(column[i] for _, column in shown))
    return out
