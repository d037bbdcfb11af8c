"""Matrices at generators, which need not be orthogonal, split into irreps: what extends them to the whole group."""

import functools
from dataclasses import dataclass

import numpy as np

from ..._linalg import nearest_orthogonal
from ..._values import Array, Frozen, frozen
from ._decomposition import Decomposition
from ._group import Group
from ._intertwiner import endomorphisms, independent_isometries
from ._representation import Irrep, Representation, block_diagonal

NULL = 1e-5
"""Singular values below this are those of maps that commute with matrices, which may be rounded to single precision.
Irreps up to frequency 50 000 are farther from each other at the generators of SO(2), which turn by one radian."""

ORTHOGONAL = 1e-8
"""Matrices whose invariant form is closer than this to the identity count as orthogonal."""


class IncompleteError(Exception):
    """Matrices that are no sum of the irreps that were tried.

    Attributes:
        found: the dimension of the part that is one; more than all of it if the generators do not generate the group.
        miss: the least size of a map that almost commutes, 0 for one that does.
    """

    def __init__(self, found: int, miss: float) -> None:
        super().__init__(found, miss)
        self.found, self.miss = found, miss


@dataclass(frozen=True, eq=False)
class Splitting(Frozen):
    """A homomorphism g -> B blockdiag(irreps(g)) B^-1.

    Attributes:
        irreps: with multiplicity.
        basis: B, (size, size), invertible; its gauge depends on the machine, the homomorphism does not.
        inverse: B^-1.
    """

    irreps: tuple[Irrep, ...]
    basis: Array
    inverse: Array

    def at(self, g: Array) -> Array:
        """(..., size, size): the matrices at elements of the group."""
        return np.asarray(self.basis @ blocks(self.irreps, g) @ self.inverse)

    @functools.cached_property
    def orthogonaliser(self) -> Array:
        """The positive T for which T M(g) T^-1 is orthogonal: the root of the average of M(g)^T M(g) over the group."""
        gram, average = self.basis.T @ self.basis, np.zeros_like(self.basis)
        places = Decomposition(self.irreps, self.basis)
        for psi, copies in places.copies:
            ends = endomorphisms(psi)
            for i in copies:
                for j in copies:  # by Schur's lemma the average of a block is its part in the endomorphisms
                    rows, columns = (slice(at, at + psi.size) for at in (places.starts[i], places.starts[j]))
                    parts = np.einsum("eab,ab->e", ends, gram[rows, columns]) / psi.size
                    average[rows, columns] = np.einsum("e,eab->ab", parts, ends)
        form = self.inverse.T @ average @ self.inverse
        values, vectors = np.linalg.eigh((form + form.T) / 2)
        root = (vectors * np.sqrt(values)) @ vectors.T
        return frozen((root + root.T) / 2)


@dataclass(frozen=True, eq=False, repr=False)
class _Draft(Representation):
    """The orthogonal representation of a splitting, before its basis is gauge-fixed."""

    group: Group
    parts: tuple[Irrep, ...]
    basis: Array

    @property
    def size(self) -> int:
        return len(self.basis)

    @property
    def name(self) -> str:
        return "matrices"

    @property
    def _degree(self) -> int:
        return max(psi.frequency for psi in self.parts)

    def _matrices(self, g: Array) -> Array:
        return np.asarray(self.basis @ blocks(self.parts, g) @ self.basis.T)


def blocks(irreps: tuple[Irrep, ...], g: Array) -> Array:
    """(..., size, size): irreps at elements of their group as diagonal blocks, each distinct one evaluated once."""
    found = {psi: psi._matrices(g) for psi in dict.fromkeys(irreps)}
    return block_diagonal([found[psi] for psi in irreps])


def split(group: Group, elements: Array, matrices: Array, max_frequency: int | None) -> Splitting:
    """The homomorphism that has given values, or the nearest one, by the maps that commute with these.

    Args:
        group: the group.
        elements: elements that generate it, or a dense subgroup, (k, d, d).
        matrices: the values there, (k, size, size), invertible.
        max_frequency: a bound on the frequencies of irreps that are tried.

    Returns:
        The homomorphism.

    Raises:
        IncompleteError: there is none with these irreps, or more than one.
    """
    irreps: list[Irrep] = []
    maps: list[Array] = []
    found, miss = 0, np.inf
    null = min(NULL, 0.1 / group.order) if group.is_finite else NULL
    for psi in _candidates(group, max_frequency):
        kernel, least = _commuting(matrices, psi._matrices(elements), null)
        miss = min(miss, least)
        ends = endomorphisms(psi)
        found += psi.size * (len(kernel) // len(ends))
        if len(kernel) % len(ends) or found > matrices.shape[-1]:
            raise IncompleteError(found, miss)
        copies = independent_isometries(kernel, ends, len(kernel) // len(ends)) if len(kernel) else []
        irreps += len(copies) * [psi]
        maps += copies
    if found != matrices.shape[-1]:
        raise IncompleteError(found, miss)
    basis = np.concatenate(maps, axis=1)
    return Splitting(tuple(irreps), frozen(basis), frozen(np.linalg.inv(basis)))


def _candidates(group: Group, max_frequency: int | None) -> tuple[Irrep, ...]:
    if not group.is_finite:
        return group.irreps(max_frequency)
    return tuple(psi for psi in group.irreps() if max_frequency is None or psi.frequency <= max_frequency)


def _commuting(at_out: Array, at_in: Array, null: float) -> tuple[Array, float]:
    """(n, out, in): orthonormal A with at_out[i] A = A at_in[i]; and the least singular value of all others."""
    size_out, size_in = at_out.shape[-1], at_in.shape[-1]
    rows = [np.kron(m, np.eye(size_in)) - np.kron(np.eye(size_out), d.T) for m, d in zip(at_out, at_in, strict=True)]
    _, values, vectors = np.linalg.svd(np.concatenate(rows), full_matrices=False)
    count = int(np.sum(values < null))
    others = values[: len(values) - count]
    kernel = vectors[len(vectors) - count :]
    return kernel.reshape(count, size_out, size_in), float(others[-1]) if len(others) else np.inf


def orthogonal_decomposition(group: Group, found: Splitting) -> Decomposition:
    """The orthogonal form of a homomorphism, split again in the gauge of `decompose`."""
    basis = nearest_orthogonal(found.orthogonaliser @ found.basis)
    gauged = group._decompose(_Draft(group, found.irreps, frozen(basis)))
    # columns that were chosen for what little is new in them are orthogonal to fewer digits: here Q makes the matrices
    return Decomposition(gauged.irreps, frozen(nearest_orthogonal(gauged.change_of_basis)))
