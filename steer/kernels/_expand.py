"""The parts of a kernel plan: one pair of representations, all fields of it at once, three ways to expand it."""

import math
from abc import ABC, abstractmethod
from typing import cast

import numpy as np
import torch

from ..reps._linalg import Array
from ._basis import KernelBasis
from ._block import Block, distinct_irreps, isotypic_basis
from ._orbit import Orbit


class Part(ABC):
    """Expands coefficients (fields_out * fields_in * n,) to (fields_out * out, fields_in * in, m)."""

    strategy: str
    constants: tuple[np.ndarray, ...]  # what `expand` needs beside the coefficients

    def __init__(self, basis: KernelBasis, fields_in: int, fields_out: int, points: Array) -> None:
        self.basis = basis
        self.in_rep, self.out_rep = basis.in_rep, basis.out_rep
        self.fields_in, self.fields_out = fields_in, fields_out
        # Everything `expand` reads is a plain attribute: torch.compile cannot trace a cached property not filled.
        self.count = len(basis)
        self.num_weights = fields_out * fields_in * self.count
        self.shape = fields_out * self.out_rep.size, fields_in * self.in_rep.size, len(points)

    @property
    @abstractmethod
    def energy(self) -> float:
        """Sum over inputs, points and basis kernels of the squared filter, averaged over the output components."""

    @property
    @abstractmethod
    def flops(self) -> int:
        """Multiply-adds of one expansion."""

    @abstractmethod
    def expand(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        """The filter of this part."""


class DensePart(Part):
    """One matmul with the whole sampled basis: simple, large, and the check of the other strategies."""

    strategy = "dense"

    def __init__(self, basis: KernelBasis, fields_in: int, fields_out: int, points: Array) -> None:
        super().__init__(basis, fields_in, fields_out, points)
        sampled = basis.sample(points)
        self.constants = (sampled.reshape(len(sampled), math.prod(sampled.shape[1:])),)

    @property
    def energy(self) -> float:
        return self.fields_in * float(np.sum(self.constants[0] ** 2)) / self.out_rep.size

    @property
    def flops(self) -> int:
        return self.fields_out * self.fields_in * self.constants[0].size

    def expand(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        out, into = self.out_rep.size, self.in_rep.size
        filters = weight.reshape(self.fields_out * self.fields_in, self.count) @ constants[0]
        filters = filters.view(self.fields_out, self.fields_in, out, into, self.shape[2]).transpose(1, 2)
        return filters.reshape(self.shape)


class BlockPart(Part):
    """Irrep by irrep: each pair of irreps has a small sampled basis, shared by all their copies in all fields."""

    strategy = "block"

    def __init__(self, basis: KernelBasis, fields_in: int, fields_out: int, points: Array) -> None:
        super().__init__(basis, fields_in, fields_out, points)
        self.rows, self.columns = distinct_irreps(self.out_rep), distinct_irreps(self.in_rep)
        block = cast(Block, basis.form)
        scalars = block.radial.sample(points)
        self.kernels = [[block.pair(a, b) @ scalars for a, _ in self.columns] for b, _ in self.rows]
        turns = [isotypic_basis(rep) for rep in (self.out_rep, self.in_rep)]
        self.turns = [None if np.array_equal(q, np.eye(len(q))) else q for q in turns]
        kernels = [k.reshape(len(k), math.prod(k.shape[1:])) for row in self.kernels for k in row]
        self.constants = (*kernels, *(q for q in self.turns if q is not None))
        self.sizes_out = [(psi.size, len(where)) for psi, where in self.rows]
        self.sizes_in = [(psi.size, len(where)) for psi, where in self.columns]

    @property
    def energy(self) -> float:
        total = 0.0
        for (_, rows), kernels in zip(self.rows, self.kernels, strict=True):
            for (_, columns), kernel in zip(self.columns, kernels, strict=True):
                total += len(rows) * len(columns) * float(np.sum(kernel**2))
        return self.fields_in * total / self.out_rep.size

    @property
    def flops(self) -> int:
        fields = self.fields_out * self.fields_in
        copies = [len(rows) * len(columns) for _, rows in self.rows for _, columns in self.columns]
        matmuls = fields * sum(c * k.size for c, k in zip(copies, self.constants, strict=False))
        size = fields * self.out_rep.size * self.in_rep.size * self.shape[2]
        return matmuls + sum(size * len(q) for q in self.turns if q is not None)

    def expand(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        weights = weight.reshape(self.fields_out, self.fields_in, -1)
        bands, start, held = [], 0, iter(constants)
        for b, rows in self.sizes_out:
            blocks = []
            for a, columns in self.sizes_in:
                kernel, copies = next(held), rows * columns
                taken = weights[..., start : start + copies * len(kernel)]
                start += copies * len(kernel)
                shape = (self.fields_out, self.fields_in, rows, columns)
                block = taken.reshape(*shape, len(kernel)) @ kernel
                block = block.view(*shape, b, a, self.shape[2]).permute(0, 2, 4, 1, 3, 5, 6)
                blocks.append(block.reshape(self.fields_out, rows * b, self.fields_in, columns * a, self.shape[2]))
            bands.append(blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=3))
        filters = bands[0] if len(bands) == 1 else torch.cat(bands, dim=1)
        if self.turns[0] is not None:
            filters = torch.einsum("pi,uivjm->upvjm", next(held), filters)
        if self.turns[1] is not None:
            filters = torch.einsum("qj,upvjm->upvqm", next(held), filters)
        return filters.reshape(self.shape)


class OrbitPart(Part):
    """Coefficients moved by the group, then one matmul for each coset with the scalar functions at g^-1 x.

    There are fewer coefficients than samples, so moving them is the cheaper way. A permutation is one gather in the
    order of the filter, and the matmul writes the filter itself.
    """

    strategy = "orbit"

    def __init__(self, basis: KernelBasis, fields_in: int, fields_out: int, points: Array) -> None:
        super().__init__(basis, fields_in, fields_out, points)
        self.orbit = cast(Orbit, basis.form)
        self.scalars = self.orbit.scalars(points)
        self.cosets = self.scalars.shape[1]
        self.permutes = self.orbit.other.is_permutation
        movers = self.orbit.movers
        self.constants = (self.scalars.transpose(1, 0, 2), self._gather(movers) if self.permutes else movers)
        spectrum = self.orbit.spectrum
        if spectrum is not None:
            self.constants += (spectrum.reshape(len(spectrum), math.prod(spectrum.shape[1:])),)

    def _gather(self, movers: Array) -> np.ndarray:
        """Of each row of the filter, by coset, the coefficients (input field, inner, other) that it is made of."""
        inner, other, _ = self.orbit.shape
        source = np.argmax(movers, axis=2)  # component j at coset g is component i with V(g)[j, i] = 1
        fields, inners = np.arange(self.fields_in) * inner * other, np.arange(inner) * other
        if self.orbit.into:
            rows = inners[:, None, None] + fields[:, None] + source[:, None, None, :]
        else:
            rows = source[:, :, None, None] + fields[:, None] + inners
        return np.asarray(rows.ravel())

    @property
    def energy(self) -> float:
        gram = np.einsum("bgm,cgm->bc", self.scalars, self.scalars)
        inner, other, _ = self.orbit.shape
        if self.orbit.spectrum is None:
            total = inner * other * float(np.trace(gram))
        else:
            total = float(np.einsum("nwvb,bc,nwvc->", self.orbit.spectrum, gram, self.orbit.spectrum, optimize=True))
        return self.fields_in * total / self.out_rep.size

    @property
    def flops(self) -> int:
        inner, other, count = self.orbit.shape
        turned = count * self.cosets * (self.shape[2] + (0 if self.permutes else other))
        solved = 0 if self.orbit.spectrum is None else self.orbit.spectrum.size
        return int(self.fields_out * self.fields_in * (inner * other * turned + solved))

    def expand(self, weight: torch.Tensor, constants: list[torch.Tensor]) -> torch.Tensor:
        inner, other, count = self.orbit.shape
        scalars, move = constants[0], constants[1]
        if len(constants) > 2:
            weight = weight.reshape(-1, self.count) @ constants[2]
        if self.permutes:
            moved = weight.reshape(self.fields_out, self.fields_in * inner * other, count).index_select(1, move)
        else:
            order = "uvwib,gji->ugwvjb" if self.orbit.into else "uvwib,gji->ugjvwb"
            moved = torch.einsum(order, weight.reshape(self.fields_out, self.fields_in, inner, other, count), move)
        filters = moved.reshape(self.fields_out, self.cosets, -1, count) @ scalars
        if not self.orbit.into:
            filters = filters.view(self.fields_out, self.cosets, other, self.fields_in, inner, self.shape[2])
            filters = filters.permute(0, 2, 3, 1, 4, 5)
        return filters.reshape(self.shape)
