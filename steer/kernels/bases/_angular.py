"""Kernels between irreps by the Wigner-Eckart theorem, brought together for whole representations."""

import functools
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from ..._values import Array, frozen, is_count
from ...errors import KernelError
from ...reps import Group, Irrep, Representation, harmonic_size
from ._functions import Element, ScalarFunctions, SolvedForm
from ._wigner_eckart import AngularDescriptor, Solution, describe, harmonic, solve


class AngularFunctions(ScalarFunctions):
    """Radial functions times harmonics: `blocks` of one radial function and all harmonics of a degree.

    The base of `Rings`, and of radial functions of your own: a frozen dataclass with `blocks`, `max_frequency` and
    `sample`, which takes any group of its dimensions and any field types. Fingerprints hash what a value prints, so its
    fields must say all that the functions depend on. `steer.reps.harmonics` gives the angular part, the harmonic last.
    Functions of unit L2 norm keep coefficients of all blocks of one size.
    """

    @property
    @abstractmethod
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Ring and degree of each group of functions, in their order."""

    @property
    @abstractmethod
    def max_frequency(self) -> int:
        """The highest degree."""

    def count(self, dim: int) -> int:
        return sum(harmonic_size(dim, degree) for _, degree in self.blocks)

    def names(self, dim: int) -> tuple[tuple[int, int, int], ...]:
        return tuple((degree, ring, copy) for ring, degree in self.blocks for copy in range(harmonic_size(dim, degree)))

    def require(self, group: Group) -> None:
        self._require_blocks()
        harmonic(group, self.max_frequency)  # an error where space has none of that degree

    def _require_blocks(self) -> None:
        """Raise an error unless `blocks` are pairs of integers, and no degree is above `max_frequency`.

        Raises:
            KernelError: they are not.
        """
        name, blocks, highest = type(self).__name__, self.blocks, self.max_frequency
        if not isinstance(blocks, Sequence) or not blocks or not all(_is_block(block) for block in blocks):
            raise KernelError(
                f"basis: expected {name}.blocks to be pairs (ring, degree) of integers >= 0, as in ((0, 0), (0, 1)), "
                f"got {blocks!r}"
            )
        degree = max(degree for _, degree in blocks)
        if not is_count(highest, degree):
            raise KernelError(
                f"basis: {name}.max_frequency has to be the highest degree in {name}.blocks, which is {degree}, "
                f"got {highest!r}"
            )

    def action(self, group: Group, elements: Array) -> Array | None:
        found, start = np.zeros((len(elements), *2 * [self.count(group.dim)])), 0
        for _, degree in self.blocks:
            turned = harmonic(group, degree)(elements)
            own = slice(start, start := start + turned.shape[-1])
            found[:, own, own] = turned
        return found

    def form(self, in_rep: Representation, out_rep: Representation) -> SolvedForm:
        return Block(in_rep, out_rep, self)

    @property
    def remedy(self) -> str:
        return "a larger kernel_size" + (" or max_frequency" if self.max_frequency else "")

    @property
    def reach(self) -> str:
        return f"of frequencies up to {self.max_frequency}"


def _is_block(block: object) -> bool:
    return isinstance(block, Sequence) and len(block) == 2 and all(is_count(number, 0) for number in block)


class Block:
    """Kernels between the irreps of two representations: by (out irrep, in irrep), their copies, ring, degree, J."""

    def __init__(self, in_rep: Representation, out_rep: Representation, functions: AngularFunctions) -> None:
        self.in_rep, self.out_rep, self.functions = in_rep, out_rep, functions

    @property
    def descriptor(self) -> AngularDescriptor:
        """What has to be solved."""
        return describe(self.in_rep, self.out_rep, self.functions.max_frequency)

    @functools.cached_property
    def solution(self) -> Solution:
        """The angular part, solved when it is first needed."""
        return solve(self.descriptor)

    def pair(self, a: Irrep, b: Irrep) -> Array:
        """(n, out, in, scalar function): the kernels from irrep a to irrep b, by ring, degree, element."""
        dim = a.group.dim
        tensors, start, total = [], 0, self.functions.count(dim)
        for _, degree in self.functions.blocks:
            angular = self.solution[a, b, degree].tensors
            size = harmonic_size(dim, degree)
            full = np.zeros((*angular.shape[:3], total))
            full[..., start : start + size] = angular
            tensors.append(full)
            start += size
        return np.concatenate(tensors)

    @functools.cached_property
    def elements(self) -> tuple[Element, ...]:
        found, quality = [], {block: self.functions.quality(*block[::-1]) for block in self.functions.blocks}
        for b, rows in self.out_rep.decomposition.copies:
            for a, columns in self.in_rep.decomposition.copies:
                for row in rows:
                    for column in columns:
                        for ring, degree in self.functions.blocks:
                            for label, copy, multiplicity in self.solution[a, b, degree].labels:
                                of = quality[ring, degree]
                                found.append(Element(label, degree, ring, row, column, copy, multiplicity, of))
        return tuple(found)

    @functools.cached_property
    def spectrum(self) -> Array:
        """(len, out, in, scalar function): coefficients of every kernel in the scalar functions."""
        outs, ins = self.out_rep.decomposition, self.in_rep.decomposition
        total = self.functions.count(self.in_rep.group.dim)
        found = [np.zeros((0, self.out_rep.size, self.in_rep.size, total))]
        for b, rows in outs.copies:
            for a, columns in ins.copies:
                pair = self.pair(a, b)
                for row in rows:
                    for column in columns:
                        ends = outs.isometries[row], ins.isometries[column]
                        found.append(np.einsum("pi,nijb,qj->npqb", ends[0], pair, ends[1], optimize=True))
        return frozen(np.concatenate(found))

    def sample(self, points: Array) -> Array:
        return np.asarray(self.spectrum @ self.functions.sample(points))

    def energies(self, points: Array) -> Array:
        samples = self.functions.sample(points)
        found = [np.zeros(0)]
        for b, rows in self.out_rep.decomposition.copies:
            for a, columns in self.in_rep.decomposition.copies:
                each = np.sum((self.pair(a, b) @ samples) ** 2, axis=(1, 2, 3))
                found.append(np.tile(each, len(rows) * len(columns)))
        return np.concatenate(found)
