"""The angular part of steerable kernels between irreps: Clebsch-Gordan coefficients on the harmonics.

A steerable kernel of degree L from irrep a to irrep b is K(x) = Q . Y_L(x) with Q in Hom_G(a (x) D_L, b). D_L splits
into irreps J of G, and Q is a Clebsch-Gordan coefficient b <- a (x) J, one of each basis of Hom_G(a (x) J, b), on a
copy of J. Lang, Weiler 2020, "A Wigner-Eckart theorem for group equivariant convolution kernels"; Cesa, Lang, Weiler
2022, "A program to build E(n)-equivariant steerable CNNs".
"""

import functools
import itertools
import json
import math
from dataclasses import dataclass
from typing import Any

from ..._values import Array, frozen
from ...reps import Group, Irrep, Representation, clebsch_gordan, harmonic_size
from ..cache._descriptor import Descriptor
from ..cache._fetch import fetch


@dataclass(frozen=True, eq=False)
class Angular:
    """All Q of one degree between two irreps: orthonormal `tensors` (n, out, in, harmonic), their names in `labels`.

    A name is (J, its copy among the harmonics, the index of the Clebsch-Gordan coefficient).
    """

    tensors: Array
    labels: tuple[tuple[str, int, int], ...]


class Solution(dict[tuple[Irrep, Irrep, int], Angular]):
    """The answer to an `AngularDescriptor`: keys (in irrep, out irrep, degree)."""


@dataclass(frozen=True)
class AngularDescriptor(Descriptor[Solution]):
    """What is solved and cached: all kernels between two lists of irreps, up to a degree."""

    in_irreps: tuple[Irrep, ...]
    out_irreps: tuple[Irrep, ...]
    max_frequency: int

    @property
    def group(self) -> Group:
        return self.in_irreps[0].group

    @property
    def cost(self) -> float:
        sizes = (sum(psi.size for psi in irreps) for irreps in (self.in_irreps, self.out_irreps))
        return float(math.prod(sizes) * (self.max_frequency + 1) ** 2)

    def _keys(self) -> list[tuple[Irrep, Irrep, int]]:
        return list(itertools.product(self.in_irreps, self.out_irreps, range(self.max_frequency + 1)))

    def compute(self) -> Solution:
        return Solution({key: _angular(*key) for key in self._keys()})

    def to_arrays(self, value: Solution) -> tuple[dict[str, Array], dict[str, str]]:
        arrays = {str(i): angular.tensors for i, angular in enumerate(value.values())}
        return arrays, {"labels": json.dumps([angular.labels for angular in value.values()])}

    def from_arrays(self, arrays: dict[str, Array], texts: dict[str, str]) -> Solution:
        labels: list[list[Any]] = json.loads(texts["labels"])
        found = Solution()
        for i, (key, rows) in enumerate(zip(self._keys(), labels, strict=True)):
            a, b, degree = key
            tensors = frozen(arrays[str(i)])
            if tensors.shape != (len(rows), b.size, a.size, harmonic_size(self.group.dim, degree)):
                raise ValueError(f"array {i} has the shape {tensors.shape}")
            found[key] = Angular(tensors, tuple((str(j), int(c), int(n)) for j, c, n in rows))
        if len(arrays) != len(found):
            raise ValueError(f"it holds {len(arrays)} arrays, not {len(found)}")
        return found


def describe(in_rep: Representation, out_rep: Representation, max_frequency: int) -> AngularDescriptor:
    """The descriptor of the distinct irreps of two representations, in the order of their group's irreps."""
    return AngularDescriptor(_distinct(in_rep), _distinct(out_rep), max_frequency)


def _distinct(rep: Representation) -> tuple[Irrep, ...]:
    return tuple(sorted(set(rep.irreps), key=lambda psi: (psi.frequency, psi.label)))


def solve(descriptor: AngularDescriptor) -> Solution:
    """All kernels of a descriptor: from memory, from disk, or computed and kept in both."""
    return fetch(descriptor)


@functools.lru_cache(maxsize=256)
def harmonic(group: Group, degree: int) -> Representation:
    """The harmonics of a degree, of which the same value is split into irreps once, for all pairs of irreps.

    Raises:
        RepresentationError: there are none of that degree.
    """
    return group.harmonic(degree)


@functools.lru_cache(maxsize=4096)
def _angular(a: Irrep, b: Irrep, degree: int) -> Angular:
    functions = harmonic(a.group, degree)
    tensors, labels, copies = [], [], dict[Irrep, int]()
    for psi, isometry in zip(functions.irreps, functions.decomposition.isometries, strict=True):
        copy = copies[psi] = copies.get(psi, -1) + 1
        for index, coefficient in enumerate(clebsch_gordan(a, psi, b)):
            tensors.append(coefficient @ isometry.T)
            labels.append((psi.label, copy, index))
    shape = (len(tensors), b.size, a.size, functions.size)
    return Angular(frozen(tensors).reshape(shape), tuple(labels))
