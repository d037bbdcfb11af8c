"""Which strategy expands which cells of a plan."""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from ...errors import KernelError
from ...reps import Induced
from ..bases._angular import Block
from ..bases._orbit import Orbit
from ._axis import Axis
from ._block_part import BlockPart
from ._cell import Cell, Fields
from ._dense_part import DensePart
from ._orbit_part import orbit_parts
from ._part import Part
from ._reading import Reading
from ._tiling import Tile

STRATEGIES = ("auto", "orbit", "gather", "block", "dense")


class Placed(NamedTuple):
    """A part, its cells (counted row by row), and where its block lies in the filter."""

    part: Part[Any]
    cells: tuple[int, ...]
    tile: Tile


def divide(
    cells: tuple[tuple[Cell, ...], ...], reading: Reading, strategy: str, rows: Fields, columns: Fields
) -> tuple[tuple[Placed, ...], tuple[Axis, Axis]]:
    """Parts for all cells that have kernels, and the axes of output and input; what they hold is built.

    The parts are the fastest by the cost model, or those of the given strategy where it fits.

    Raises:
        KernelError: the strategy fits nowhere.
    """
    flat = [cell for row in cells for cell in row]
    parts = _parts([cell for cell in flat if cell.num_weights], reading, strategy)
    if parts and strategy not in ("auto", *(part.strategy for part in parts)):
        taken = " and ".join(sorted({repr(part.strategy) for part in parts}))
        raise KernelError(
            f"strategy: {strategy!r} fits no part of this plan; 'auto' takes {taken}, 'dense' always fits"
        )
    shared = any(isinstance(part, BlockPart) for part in parts)
    axes = _axis(rows, columns, shared), _axis(columns, rows, shared)
    number = {id(cell): index for index, cell in enumerate(flat)}
    found = []
    for part in parts:
        if isinstance(part, BlockPart):
            tile, inner = Tile(axes[0].union, axes[1].union), (axes[0].inner, axes[1].inner)
            assert inner[0], "representations that are not induced are joined"
            assert inner[1], "on both sides"
            part.arrange(inner[0], inner[1])
        else:
            tile = Tile(axes[0].slots[part.cells[0].out_rep], axes[1].slots[part.cells[0].in_rep])
        part.build()
        found.append(Placed(part, tuple(number[id(cell)] for cell in part.cells), tile))
    return tuple(found), axes


def _parts(cells: list[Cell], reading: Reading, strategy: str) -> list[Part[Any]]:
    rank = functools.partial(_rank, strategy)
    found: list[Part[Any]] = []
    plain = []
    for cell in cells:
        if isinstance(cell.basis.form, Orbit):
            found += min(([part] for part in (*orbit_parts((cell,), reading), DensePart((cell,), reading))), key=rank)
        else:
            plain.append(cell)
    if plain:
        ways: list[list[Part[Any]]] = [[DensePart((cell,), reading) for cell in plain]]
        if isinstance(plain[0].basis.form, Block):
            ways.insert(0, [BlockPart(tuple(plain), reading)])
        found += min(ways, key=rank)
    return found


def _rank(strategy: str, parts: Iterable[Part[Any]]) -> tuple[bool, float]:
    """The less the better: parts of the wanted strategy come first, then the fast ones."""
    return strategy not in [part.strategy for part in parts], sum(part.cost.seconds for part in parts)


def _axis(fields: Fields, others: Fields, shared: bool) -> Axis:
    """The axis of one side; when a part is `shared`, it takes all representations that are not induced."""
    joined = [rep for rep in fields if shared and not isinstance(rep, Induced)]
    alone = not joined or any(isinstance(rep, Induced) for rep in others)
    return Axis(fields, [rep for rep in fields if alone or rep not in joined], joined)
