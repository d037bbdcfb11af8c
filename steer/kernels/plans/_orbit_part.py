"""Parts with induced fields: the kernel of one coset, moved along the group.

With w a field's coefficients (inner, other, function) the block is W[(g, w), j](x) = sum V(g)[j, i] w[w, i, b]
phi_b(g^-1 x), or the same with rows and columns exchanged: see `Orbit`. The factors are applied in the order that costs
least, which depends on whether V permutes.
"""

import functools
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import torch

from ..._values import frozen
from ...reps import Group
from ...reps.theory._cosets import coset_representatives
from ..bases._basis import KernelDescriptor
from ..bases._functions import ScalarFunctions
from ..bases._grid import Grid
from ..bases._orbit import Orbit
from ..bases._pixel import Pixels
from ._part import CHUNK, FLOAT, INDEX, Cell, Cost, Part, basis_of
from ._tables import Tables

NARROW: Final = range(6, 16)
"""Numbers of columns for which a matmul takes up to twice as long as with the next one, 16, on CPU."""


class OrbitPart(Part):
    """What all of these share: the cell's sizes, and the kernel of the identity coset.

    `gathers` when the functions are the pixels of a grid that the group permutes: samples are then picked, not summed.
    """

    def __init__(self, cells: tuple[Cell, ...], grid: Grid, gathers: bool = False) -> None:
        super().__init__(cells, grid)
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

    @property
    def constants(self) -> int:
        """Bytes of the sampled functions, or of their permutations, and of the solution under the subgroup."""
        free = self.inner * self.other * self.count
        sampled = INDEX * self.cosets * (self.points + self.count) if self.gathers else FLOAT * self._samples
        return sampled + FLOAT * self.solved * len(self.cell.basis) * free

    @property
    def _samples(self) -> int:
        return self.count * self.cosets * self.points

    @property
    def _macs(self) -> int:
        """Multiply-adds of sampling and of the solution."""
        free = self.pairs * self.inner * self.other * self.count
        return free * (self.cosets * self.points * (not self.gathers) + self.solved * len(self.cell.basis))

    def build(self) -> None:
        key = self.orbit.induced.group, self.orbit.induced.subgroup, self.grid
        shared = isinstance(self, PermutedPart)
        self.tables = (_permutations(*key, shared) if self.gathers else _samples(self.orbit.radial, *key),)
        if self.solved:
            self.tables += (_spectrum(self.cell.basis.descriptor),)

    def _free(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        """(B * output fields, input fields, inner, other, function): the kernel of the identity coset."""
        if self.solved:
            weight = weight.reshape(-1, len(constants[-1])) @ constants[-1]
        return weight.reshape(-1, self.fields[1], self.inner, self.other, self.count)

    def _bound(self, free: torch.Tensor, constants: list[torch.Tensor], batch: int) -> list[torch.Tensor]:
        """The transpose of `_free`."""
        if self.solved:
            free = free.reshape(batch * self.pairs, constants[-1].shape[1]) @ constants[-1].T
        return [free.reshape(batch, self.cell.num_weights)]

    def _block(self, rows: torch.Tensor) -> torch.Tensor:
        """A tensor with the axes of a block, from one with fewer axes."""
        sides = (self.cosets * self.inner, self.other)
        out, into = sides if self.into else sides[::-1]
        return rows.reshape(-1, self.fields[0], out, self.fields[1], into, self.points)


class PermutedPart(OrbitPart):
    """V permutes (regular and quotient fields, scalars): sample all cosets by one matmul, then permute the rows.

    The transpose brings the samples of all cosets together, so that it is one matmul as well. Both go through some
    output fields at a time, as many as fit `CHUNK`.
    """

    @property
    def cost(self) -> Cost:
        rows = self.pairs * self.inner * self.other * self.cosets
        return Cost(
            macs=self._macs,
            gathers=self.gathers * rows * self.points,
            traffic=FLOAT * (self.cell.num_weights + 3 * self.entries) + self.constants,
            constants=self.constants + 2 * INDEX * rows // self.fields[0],
            peak=min(FLOAT * self.entries, 2 * max(CHUNK, FLOAT * self.entries // self.fields[0])),
            calls=3 + 2 * self.solved,
        )

    def build(self) -> None:
        super().build()
        back = np.argsort(self._rows())
        self.tables = (Tables(self._rows(), back), *self.tables)

    def _rows(self) -> npt.NDArray[np.intp]:
        """For each row of the block of one output field, in its order, where it stands before: (v, w, i, g)."""
        source = np.argmax(self.orbit.movers, axis=2)  # component j at coset g is component i with V(g)[j, i] = 1
        v, w = np.arange(self.fields[1]), np.arange(self.inner)
        cosets = np.arange(self.cosets)
        strides = self.inner * self.other * self.cosets, self.other * self.cosets, self.cosets
        if self.into:  # (g, w, v, j)
            moved = source[:, None, None, :] * strides[2] + cosets[:, None, None, None]
            return np.asarray((moved + w[:, None, None] * strides[1] + v[:, None] * strides[0]).ravel())
        moved = source.T[:, None, :, None] * strides[2] + cosets[:, None]  # (j, v, g, w)
        return np.asarray((moved + v[:, None, None] * strides[0] + w * strides[1]).ravel())

    def expand(self, pieces: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
        free = self._free(pieces[0], constants).reshape(-1, self.lines, self.count)
        rows = None if self._at_once(free) else free.new_empty(len(free), len(constants[0]), self.points)
        if rows is None:
            return self._block(self._sample(free, constants).index_select(1, constants[0]))
        buffer = self._buffer(rows)
        for chunk in self._chunks(rows):
            sampled = self._sample(free[chunk], constants, buffer[: len(rows[chunk])])
            torch.index_select(sampled, 1, constants[0], out=rows[chunk])
        return self._block(rows)

    def _sample(
        self, free: torch.Tensor, constants: list[torch.Tensor], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(n, line * coset, entries): kernels (n, line, function) at every coset, in `out` if it is given."""
        flat = free.reshape(-1, self.count)
        if out is not None:
            out = out.view(len(flat), self.cosets * self.points)
        if self.gathers:
            sampled = torch.index_select(flat, 1, constants[2], out=out)
        else:
            sampled = torch.mm(flat, constants[2], out=out)
        return sampled.view(len(free), self.lines * self.cosets, self.points)

    def transpose(self, block: torch.Tensor, constants: list[torch.Tensor]) -> list[torch.Tensor]:
        batch, rows = block.shape[0], block.flatten(0, 1)
        if self._at_once(rows):
            return self._bound(self._collect(rows, constants), constants, batch)
        free = block.new_empty(len(rows), self.lines, self.count)
        buffer = self._buffer(rows)
        for chunk in self._chunks(rows):
            free[chunk] = self._collect(rows[chunk], constants, buffer[: len(free[chunk])])
        return self._bound(free, constants, batch)

    def _collect(
        self, rows: torch.Tensor, constants: list[torch.Tensor], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(n, line, function): the transpose, for n output fields of a block; samples brought together in `out`."""
        flat = rows.reshape(len(rows), len(constants[1]), self.points)
        sampled = torch.index_select(flat, 1, constants[1], out=out)
        sampled = sampled.view(len(rows) * self.lines, self.cosets * self.points)
        if self.gathers:
            free = sampled.index_select(1, constants[3]).view(len(sampled), self.cosets, self.count).sum(1)
        elif self.count in NARROW and not torch.compiler.is_compiling():
            functions = torch.nn.functional.pad(constants[2], (0, 0, 0, NARROW.stop - self.count))
            free = (sampled @ functions.T)[:, : self.count]
        else:
            free = sampled @ constants[2].T
        return free.view(len(rows), self.lines, self.count)

    def _at_once(self, x: torch.Tensor) -> bool:
        """Whether chunks are of no use: operations are fused or launched, or one chunk holds all."""
        return torch.compiler.is_compiling() or x.device.type != "cpu" or len(self._chunks(x)) < 2

    def _chunks(self, fields: torch.Tensor) -> list[slice]:
        step = max(1, CHUNK // (FLOAT * self.lines * self.cosets * self.points))
        return [slice(start, start + step) for start in range(0, len(fields), step)]

    def _buffer(self, fields: torch.Tensor) -> torch.Tensor:
        """Room for the samples of one chunk."""
        most = len(fields[self._chunks(fields)[0]])
        return fields.new_empty(most, self.lines * self.cosets, self.points)


class TurnedPart(OrbitPart):
    """V mixes components: there are fewer coefficients than samples, so they are moved, then sampled coset by coset."""

    @property
    def cost(self) -> Cost:
        moved = self.pairs * self.inner * self.other * self.count * self.cosets
        copied = 0 if self.into and not self.gathers else 2 * self.entries
        spread = 0 if self.gathers else self.fields[0] * self._samples
        return Cost(
            macs=self._macs + moved * self.other,
            gathers=self.gathers * self.entries,
            traffic=FLOAT * (self.cell.num_weights + 4 * moved + 2 * spread + self.entries + copied) + self.constants,
            constants=self.constants + FLOAT * self.cosets * self.other**2,
            peak=FLOAT * (moved + spread + copied // 2),
            calls=8 + 2 * self.solved,
        )

    def build(self) -> None:
        super().build()
        self.tables = (_movers(self.cell.basis.descriptor), *self.tables)

    @property
    def _order(self) -> str:
        """The axes after moving: samples by gathers come last, those by matmuls together."""
        if self.gathers:
            return "uvwjgb"
        return "ugwvjb" if self.into else "ugjvwb"

    def expand(self, pieces: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
        free = self._free(pieces[0], constants)
        moved = torch.einsum(f"uvwib,gji->{self._order}", free, constants[0])
        if self.gathers:
            flat = moved.reshape(-1, self.cosets * self.count).index_select(1, constants[1])
            made = flat.view(-1, self.fields[1], self.inner, self.other, self.cosets, self.points)
            return self._block(made.permute((0, 4, 2, 1, 3, 5) if self.into else (0, 3, 1, 4, 2, 5)))
        made = moved.reshape(-1, self.cosets, self.lines, self.count) @ self._by_coset(constants)
        made = made.view(*moved.shape[:5], self.points)
        return self._block(made if self.into else made.permute(0, 2, 3, 1, 4, 5))

    def transpose(self, block: torch.Tensor, constants: list[torch.Tensor]) -> list[torch.Tensor]:
        batch, fields_in = block.shape[0], self.fields[1]
        if self.into:
            shape = (-1, self.cosets, self.inner, fields_in, self.other, self.points)
            axes = (0, 3, 2, 4, 1, 5) if self.gathers else (0, 1, 2, 3, 4, 5)
        else:
            shape = (-1, self.other, fields_in, self.cosets, self.inner, self.points)
            axes = (0, 2, 4, 1, 3, 5) if self.gathers else (0, 3, 1, 2, 4, 5)
        made = block.reshape(shape).permute(axes)
        if self.gathers:
            flat = made.reshape(-1, self.cosets * self.points).index_select(1, constants[2])
            moved = flat.view(*made.shape[:5], self.count)
        else:
            flat = made.reshape(-1, self.cosets, self.lines, self.points) @ self._by_coset(constants).mT
            moved = flat.view(*made.shape[:5], self.count)
        free = torch.einsum(f"{self._order},gji->uvwib", moved, constants[0])
        return self._bound(free, constants, batch)

    def _by_coset(self, constants: list[torch.Tensor]) -> torch.Tensor:
        """(cosets, function, entries)."""
        return constants[1].view(self.count, self.cosets, self.points).transpose(0, 1)


def orbit_parts(cells: tuple[Cell, ...], grid: Grid) -> list[Part]:
    """The ways to expand one cell, with an induced representation, by orbits."""
    orbit = cast(Orbit, cells[0].basis.form)
    kind = PermutedPart if permutes(orbit) else TurnedPart
    found: list[Part] = [kind(cells, grid)]
    if isinstance(orbit.radial, Pixels) and orbit.radial.grid == grid and grid.index is None:
        found.append(kind(cells, grid, gathers=True))
    return found


def permutes(orbit: Orbit) -> bool:
    """Whether V permutes components at all coset representatives."""
    return bool(np.all(np.minimum(np.abs(orbit.movers), np.abs(orbit.movers - 1)) < 1e-9))


@functools.lru_cache(maxsize=64)
def _samples(radial: ScalarFunctions, group: Group, subgroup: Group, grid: Grid) -> Tables:
    """(function, cosets * entries): the functions at g^-1 x."""
    made = grid.embed(radial.turned(group, coset_representatives(group, subgroup), grid.points))
    return Tables(made.reshape(len(made), -1))


@functools.lru_cache(maxsize=64)
def _permutations(group: Group, subgroup: Group, grid: Grid, shared: bool) -> Tables:
    """The pixel that each entry is and the entry that each pixel is, for all cosets in turn; flat.

    Unless the pixels are `shared` by all cosets, each has some of its own, and the index counts them all.
    """
    turned = np.einsum("gji,mj->gmi", group._action(coset_representatives(group, subgroup)), grid.points)
    pixels = grid.positions(turned)
    starts = pixels.shape[1] * np.arange(len(pixels))[:, None]
    return Tables((pixels + (0 if shared else starts)).ravel(), (np.argsort(pixels, axis=1) + starts).ravel())


@functools.lru_cache(maxsize=128)
def _spectrum(descriptor: KernelDescriptor) -> Tables:
    """(len, inner * other * function): the kernel of the identity coset in the functions."""
    spectrum = cast(Orbit, basis_of(descriptor).form).spectrum
    assert spectrum is not None, "only orbits of the trivial subgroup are free"
    return Tables(spectrum.reshape(len(spectrum), -1))


@functools.lru_cache(maxsize=128)
def _movers(descriptor: KernelDescriptor) -> Tables:
    """(cosets, other, other): V(g_i)."""
    return Tables(frozen(cast(Orbit, basis_of(descriptor).form).movers))
