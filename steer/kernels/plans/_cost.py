"""What expansions cost, to choose between strategies and to describe a plan; known before anything is built."""

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._values import CHUNK

if TYPE_CHECKING:
    from ._block_part import BlockPart, CellBlock
    from ._dense_part import DensePart
    from ._orbit_part import OrbitPart, PermutedPart, TurnedPart

MACS, GATHERS, BYTES, CALLS = 4e10, 2.5e9, 2e10, 2e5
"""Multiply-adds, gathered entries, bytes and operations in a second: of two cores, to compare strategies with. They are
fixed, so that every machine makes the same plan."""

FLOAT, INDEX = 4, 8
"""Bytes of a float32 and of an index."""


class Cost(NamedTuple):
    """What one expansion costs, for float32."""

    macs: int  # multiply-adds
    gathers: int  # entries picked one by one
    traffic: int  # bytes read and written, the filter included
    constants: int  # bytes held
    peak: int  # bytes of temporaries, beside coefficients and filter
    calls: int  # operations of torch

    @property
    def seconds(self) -> float:
        """Estimated time, to compare strategies with."""
        return self.macs / MACS + self.gathers / GATHERS + self.traffic / BYTES + self.calls / CALLS


def dense_cost(part: "DensePart") -> Cost:
    """Of one matmul with all kernels."""
    fields_out, fields_in, out, into = part.sizes
    held = part.count * out * into * part.entries
    return Cost(
        macs=fields_out * fields_in * held,
        gathers=0,
        traffic=FLOAT * (part.cell.num_weights + held + 3 * part.size),
        constants=FLOAT * held,
        peak=FLOAT * part.size,
        calls=4,
    )


def permuted_cost(part: "PermutedPart") -> Cost:
    """Of one matmul or gather for all cosets, and a gather of rows."""
    rows = part.pairs * part.inner * part.other * part.cosets
    held = _held_by_orbit(part)
    return Cost(
        macs=_macs_of_orbit(part),
        gathers=part.gathers * rows * part.entries,
        traffic=FLOAT * (part.cell.num_weights + 3 * part.size) + held,
        constants=held + 2 * INDEX * rows // part.fields[0],
        peak=min(FLOAT * part.size, 2 * max(CHUNK, FLOAT * part.size // part.fields[0])),
        calls=3 + 2 * part.solved,
    )


def turned_cost(part: "TurnedPart") -> Cost:
    """Of one small matmul for each coset."""
    moved = part.pairs * part.inner * part.other * part.count * part.cosets
    copied = 0 if part.into and not part.gathers else 2 * part.size
    spread = 0 if part.gathers else part.fields[0] * part.count * part.cosets * part.entries
    held = _held_by_orbit(part)
    return Cost(
        macs=_macs_of_orbit(part) + moved * part.other,
        gathers=part.gathers * part.size,
        traffic=FLOAT * (part.cell.num_weights + 4 * moved + 2 * spread + part.size + copied) + held,
        constants=held + FLOAT * part.cosets * part.other**2,
        peak=FLOAT * (moved + spread + copied // 2),
        calls=8 + 2 * part.solved,
    )


def _held_by_orbit(part: "OrbitPart[Any]") -> int:
    """Bytes of the moved functions, or of their permutations, and of the solution under the subgroup."""
    free = part.inner * part.other * part.count
    floats = FLOAT * part.count * part.cosets * part.entries
    moved = INDEX * part.cosets * (part.entries + part.count) if part.gathers else floats
    return moved + FLOAT * part.solved * len(part.cell.basis) * free


def _macs_of_orbit(part: "OrbitPart[Any]") -> int:
    """Multiply-adds of sampling and of the solution."""
    free = part.pairs * part.inner * part.other * part.count
    return free * (part.cosets * part.entries * (not part.gathers) + part.solved * len(part.cell.basis))


def block_cost(part: "BlockPart") -> Cost:
    """Of the coefficients in the functions, pair by pair of irreps, and of one matmul with the functions."""
    coefficients = part.size // part.entries * part.count
    samples = part.count * part.entries
    tables = {key: size for block in part.blocks for key, size in block.tables_of.items()}
    held = sum(tables.values()) + samples
    traffic = sum(_traffic_of_cell(block) for block in part.blocks)
    return Cost(
        macs=sum(_macs_of_cell(block) for block in part.blocks) + coefficients * part.entries,
        gathers=0,
        traffic=FLOAT * (held + traffic + 2 * coefficients + part.size),
        constants=FLOAT * held,
        peak=FLOAT * (coefficients + max(block.size for block in part.blocks)),
        calls=2 + sum(4 * len(block.outs) * len(block.ins) + 2 * sum(block.turned) for block in part.blocks),
    )


def _macs_of_cell(block: "CellBlock") -> int:
    copies = [rows * columns for _, rows in block.outs for _, columns in block.ins]
    pairs = zip(block.tables_of.values(), copies, strict=True)
    solved = block.fields[0] * block.fields[1] * sum(size * copy for size, copy in pairs)
    return solved + block.size * sum(size for size, turned in zip(block.sizes, block.turned, strict=True) if turned)


def _traffic_of_cell(block: "CellBlock") -> int:
    """Floats read and written."""
    several = len(block.outs) * len(block.ins) > 1
    return block.cell.num_weights + block.size * (3 + 2 * several + 2 * sum(block.turned))
