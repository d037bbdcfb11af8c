"""Parts with induced fields: the kernel of one coset, moved along the group.

With w a field's coefficients (inner, other, function) the block is W[(g, w), j](x) = sum V(g)[j, i] w[w, i, b]
phi_b(g^-1 x), or the same with rows and columns exchanged: see `Orbit`. The factors are applied in the order that costs
least, which depends on whether V permutes.
"""

import functools
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch

from ..._tables import Table
from ..._values import CHUNK
from ...reps import Group
from ..bases._basis import KernelDescriptor
from ..bases._orbit import Orbit
from ._cell import Cell, basis_of
from ._cost import FLOAT, Cost, permuted_cost, turned_cost
from ._part import Part
from ._reading import Reading
from ._recorded import recorded
from ._tables import Order, T, order_table

H = TypeVar("H")

NARROW: Final = range(6, 16)
"""Numbers of columns for which a matmul takes up to twice as long as with the next one, 16, on CPU."""


class PermutedHeld(NamedTuple, Generic[T]):
    """What is held where V permutes."""

    rows: Order[T]  # of the block of one output field
    moved: T | Order[T]  # (function, cosets * entries), or of a gather: which function an entry is, and back
    solution: T | None  # (kernel, inner * other * function); None when kernels are free


class TurnedHeld(NamedTuple, Generic[T]):
    """What is held where V mixes components."""

    movers: T  # (coset, other, other): V(g)
    moved: T | Order[T]  # as above
    solution: T | None


class OrbitPart(Part[H]):
    """What all of these share: the cell's sizes, and the kernel of the identity coset.

    `gathers` when the functions are the pixels of a grid that the group permutes: samples are then picked, not summed.
    """

    def __init__(self, cells: tuple[Cell, ...], reading: Reading, gathers: bool = False) -> None:
        super().__init__(cells, reading)
        self.strategy, self.gathers = "gather" if gathers else "orbit", gathers
        (self.cell,) = cells
        self.orbit = cast(Orbit, self.cell.basis.form)
        self.inner, self.other, self.count = self.orbit.shape
        self.cosets = len(self.orbit.induced.cosets)
        self.solved = not self.orbit.free
        self.into = self.orbit.into
        self.fields = self.cell.fields_out, self.cell.fields_in
        self.lines = self.fields[1] * self.inner * self.other  # kernels of one output field and one coset

    @property
    def pairs(self) -> int:
        """Number of pairs of an output and an input field."""
        return self.fields[0] * self.fields[1]

    def _moved(self, shared: bool) -> Table | Order[Table]:
        """What is read off the functions at all cosets; of a gather, where all cosets pick of `shared` functions."""
        key = self.reading, self.orbit.induced.group, self.orbit.induced.subgroup
        return _picked(*key, shared) if self.gathers else _moved(*key)

    def _solution(self) -> Table | None:
        return _solution(self.cell.basis.descriptor) if self.solved else None

    def _free(self, weight: torch.Tensor, solution: torch.Tensor | None) -> torch.Tensor:
        """(B * output fields, input fields, inner, other, function): the kernel of the identity coset."""
        if solution is not None:
            weight = weight.reshape(-1, len(solution)) @ solution
        return weight.reshape(-1, self.fields[1], self.inner, self.other, self.count)

    def _bound(self, free: torch.Tensor, solution: torch.Tensor | None, batch: int) -> list[torch.Tensor]:
        """The transpose of `_free`."""
        if solution is not None:
            free = free.reshape(batch * self.pairs, solution.shape[1]) @ solution.T
        return [free.reshape(batch, self.cell.num_weights)]

    def _block(self, rows: torch.Tensor) -> torch.Tensor:
        """A tensor with the axes of a block, from one with fewer axes."""
        sides = (self.cosets * self.inner, self.other)
        out, into = sides if self.into else sides[::-1]
        return rows.reshape(-1, self.fields[0], out, self.fields[1], into, self.entries)


class PermutedPart(OrbitPart[PermutedHeld[torch.Tensor]]):
    """V permutes (regular and quotient fields, scalars): sample all cosets by one matmul, then permute the rows.

    The transpose brings the samples of all cosets together, so that it is one matmul as well. Both go through some
    output fields at a time, as many as fit `CHUNK`.
    """

    @property
    def cost(self) -> Cost:
        return permuted_cost(self)

    def build(self) -> None:
        self.held = PermutedHeld(order_table(self._rows()), self._moved(shared=True), self._solution())

    def _rows(self) -> npt.NDArray[np.intp]:
        """For each row of the block of one output field, in its order, where it stands before: (v, w, i, g)."""
        source = self.orbit.sources
        assert source is not None, "it permutes"
        v, w = np.arange(self.fields[1]), np.arange(self.inner)
        cosets = np.arange(self.cosets)
        strides = self.inner * self.other * self.cosets, self.other * self.cosets, self.cosets
        if self.into:  # (g, w, v, j)
            moved = source[:, None, None, :] * strides[2] + cosets[:, None, None, None]
            return np.asarray((moved + w[:, None, None] * strides[1] + v[:, None] * strides[0]).ravel())
        moved = source.T[:, None, :, None] * strides[2] + cosets[:, None]  # (j, v, g, w)
        return np.asarray((moved + v[:, None, None] * strides[0] + w * strides[1]).ravel())

    def expand(self, pieces: list[torch.Tensor], held: PermutedHeld[torch.Tensor]) -> torch.Tensor:
        free = self._free(pieces[0], held.solution).reshape(-1, self.lines, self.count)
        order = held.rows.there
        if self._at_once(free):
            return self._block(self._sample(free, held).index_select(1, order))
        rows = free.new_empty(len(free), len(order), self.entries)
        buffer = self._buffer(rows)
        for chunk in self._chunks(rows):
            sampled = self._sample(free[chunk], held, buffer[: len(rows[chunk])])
            torch.index_select(sampled, 1, order, out=rows[chunk])
        return self._block(rows)

    def _sample(
        self, free: torch.Tensor, held: PermutedHeld[torch.Tensor], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(n, line * coset, entries): kernels (n, line, function) at every coset, in `out` if it is given."""
        flat = free.reshape(-1, self.count)
        if out is not None:
            out = out.view(len(flat), self.cosets * self.entries)
        if isinstance(held.moved, Order):
            sampled = torch.index_select(flat, 1, held.moved.there, out=out)
        else:
            sampled = torch.mm(flat, held.moved, out=out)
        return sampled.view(len(free), self.lines * self.cosets, self.entries)

    def transpose(self, block: torch.Tensor, held: PermutedHeld[torch.Tensor]) -> list[torch.Tensor]:
        batch, rows = block.shape[0], block.reshape(-1, *block.shape[2:])
        if self._at_once(rows):
            return self._bound(self._collect(rows, held), held.solution, batch)
        free = block.new_empty(len(rows), self.lines, self.count)
        buffer = self._buffer(rows)
        for chunk in self._chunks(rows):
            free[chunk] = self._collect(rows[chunk], held, buffer[: len(free[chunk])])
        return self._bound(free, held.solution, batch)

    def _collect(
        self, rows: torch.Tensor, held: PermutedHeld[torch.Tensor], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(n, line, function): the transpose, for n output fields of a block; samples brought together in `out`."""
        flat = rows.reshape(len(rows), len(held.rows.back), self.entries)
        sampled = torch.index_select(flat, 1, held.rows.back, out=out)
        sampled = sampled.view(len(rows) * self.lines, self.cosets * self.entries)
        if isinstance(held.moved, Order):
            free = sampled.index_select(1, held.moved.back).view(len(sampled), self.cosets, self.count).sum(1)
        elif self.count in NARROW and not torch.compiler.is_compiling():
            functions = torch.nn.functional.pad(held.moved, (0, 0, 0, NARROW.stop - self.count))
            free = (sampled @ functions.T)[:, : self.count]
        else:
            free = sampled @ held.moved.T
        return free.view(len(rows), self.lines, self.count)

    def _at_once(self, x: torch.Tensor) -> bool:
        """Whether chunks are of no use: operations are fused or launched, or one chunk holds all."""
        return recorded() or x.device.type != "cpu" or len(self._chunks(x)) < 2

    def _chunks(self, fields: torch.Tensor) -> list[slice]:
        step = max(1, CHUNK // (FLOAT * self.lines * self.cosets * self.entries))
        return [slice(start, start + step) for start in range(0, len(fields), step)]

    def _buffer(self, fields: torch.Tensor) -> torch.Tensor:
        """Room for the samples of one chunk."""
        most = len(fields[self._chunks(fields)[0]])
        return fields.new_empty(most, self.lines * self.cosets, self.entries)


class TurnedPart(OrbitPart[TurnedHeld[torch.Tensor]]):
    """V mixes components: there are fewer coefficients than samples, so they are moved, then sampled coset by coset."""

    @property
    def cost(self) -> Cost:
        return turned_cost(self)

    def build(self) -> None:
        movers = _movers(self.cell.basis.descriptor)
        self.held = TurnedHeld(movers, self._moved(shared=False), self._solution())

    @property
    def _order(self) -> str:
        """The axes after moving: samples by gathers come last, those by matmuls together."""
        if self.gathers:
            return "uvwjgb"
        return "ugwvjb" if self.into else "ugjvwb"

    def expand(self, pieces: list[torch.Tensor], held: TurnedHeld[torch.Tensor]) -> torch.Tensor:
        free = self._free(pieces[0], held.solution)
        moved = torch.einsum(f"uvwib,gji->{self._order}", free, held.movers)
        if isinstance(held.moved, Order):
            flat = moved.reshape(-1, self.cosets * self.count).index_select(1, held.moved.there)
            made = flat.view(-1, self.fields[1], self.inner, self.other, self.cosets, self.entries)
            return self._block(made.permute((0, 4, 2, 1, 3, 5) if self.into else (0, 3, 1, 4, 2, 5)))
        made = moved.reshape(-1, self.cosets, self.lines, self.count) @ self._by_coset(held.moved)
        made = made.view(*moved.shape[:5], self.entries)
        return self._block(made if self.into else made.permute(0, 2, 3, 1, 4, 5))

    def transpose(self, block: torch.Tensor, held: TurnedHeld[torch.Tensor]) -> list[torch.Tensor]:
        batch, fields_in = block.shape[0], self.fields[1]
        if self.into:
            shape = (-1, self.cosets, self.inner, fields_in, self.other, self.entries)
            axes = (0, 3, 2, 4, 1, 5) if self.gathers else (0, 1, 2, 3, 4, 5)
        else:
            shape = (-1, self.other, fields_in, self.cosets, self.inner, self.entries)
            axes = (0, 2, 4, 1, 3, 5) if self.gathers else (0, 3, 1, 2, 4, 5)
        made = block.reshape(shape).permute(axes)
        if isinstance(held.moved, Order):
            flat = made.reshape(-1, self.cosets * self.entries).index_select(1, held.moved.back)
        else:
            flat = made.reshape(-1, self.cosets, self.lines, self.entries) @ self._by_coset(held.moved).mT
        moved = flat.view(*made.shape[:5], self.count)
        free = torch.einsum(f"{self._order},gji->uvwib", moved, held.movers)
        return self._bound(free, held.solution, batch)

    def _by_coset(self, moved: torch.Tensor) -> torch.Tensor:
        """(cosets, function, entries)."""
        return moved.view(self.count, self.cosets, self.entries).transpose(0, 1)


def orbit_parts(cells: tuple[Cell, ...], reading: Reading) -> list[Part[Any]]:
    """The ways to expand one cell, with an induced representation, by orbits."""
    orbit = cast(Orbit, cells[0].basis.form)
    kind = TurnedPart if orbit.sources is None else PermutedPart
    found: list[Part[Any]] = [kind(cells, reading)]
    if reading.picks:
        found.append(kind(cells, reading, gathers=True))
    return found


@functools.lru_cache(maxsize=64)
def _moved(reading: Reading, group: Group, subgroup: Group) -> Table:
    """(function, cosets * entries): what is read off the functions at g^-1 x."""
    read = reading.moved(group, group.cosets(subgroup))
    return Table(read.reshape(len(read), -1))


@functools.lru_cache(maxsize=64)
def _picked(reading: Reading, group: Group, subgroup: Group, shared: bool) -> Order[Table]:
    """The function that each entry is and the entry that each function is, for all cosets in turn; flat.

    Unless the functions are `shared` by all cosets, each has some of its own, and the index counts them all.
    """
    picked = reading.picked(group, group.cosets(subgroup))
    starts = picked.shape[1] * np.arange(len(picked))[:, None]
    back = (np.argsort(picked, axis=1) + starts).ravel()
    return Order(Table((picked + (0 if shared else starts)).ravel()), Table(back))


@functools.lru_cache(maxsize=128)
def _solution(descriptor: KernelDescriptor) -> Table:
    """(len, inner * other * function): the kernel of the identity coset in the functions."""
    found = cast(Orbit, basis_of(descriptor).form).at_identity
    assert found is not None, "only orbits of the trivial subgroup are free"
    return Table(found.reshape(len(found), -1))


@functools.lru_cache(maxsize=128)
def _movers(descriptor: KernelDescriptor) -> Table:
    """(cosets, other, other): V(g_i)."""
    return Table(cast(Orbit, basis_of(descriptor).form).movers)
