"""Representations made of others: sums, tensor products, restrictions."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..._values import Array, frozen
from ._group import Group
from ._representation import Irrep, Representation


@dataclass(frozen=True, repr=False)
class DirectSum(Representation):
    """Representations stacked as diagonal blocks, in order; what ``+`` makes.

    Args:
        parts: the blocks, of one group.
    """

    parts: tuple[Representation, ...]

    @property
    def group(self) -> Group:  # type: ignore[override]
        """The group of all parts."""
        return self.parts[0].group

    @functools.cached_property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def name(self) -> str:
        return " + ".join(part.name for part in self.parts)

    @property
    def _degree(self) -> int:
        return max(part._degree for part in self.parts)

    def _matrices(self, g: Array) -> Array:
        return block_diagonal([part._matrices(g) for part in self.parts])

    def _character(self, g: Array) -> Array:
        # copies of one part, of which band-limited representations have many, are traced once
        return np.asarray(sum(self.parts.count(part) * part._character(g) for part in dict.fromkeys(self.parts)))

    @functools.cached_property
    def _decomposition(self) -> tuple[tuple[Irrep, ...], Array]:
        irreps = tuple(psi for part in self.parts for psi in part.irreps)
        return irreps, frozen(block_diagonal([part.change_of_basis for part in self.parts]))

    def __repr__(self) -> str:
        return " + ".join(repr(part) for part in self.parts)


@dataclass(frozen=True, repr=False)
class TensorProduct(Representation):
    """The Kronecker product of two representations of one group, first factor slowest; see `Representation.tensor`.

    Args:
        first: the first factor.
        second: the second factor.
    """

    first: Representation
    second: Representation

    @property
    def group(self) -> Group:  # type: ignore[override]
        """The group of both factors."""
        return self.first.group

    @property
    def size(self) -> int:
        return self.first.size * self.second.size

    @property
    def name(self) -> str:
        return f"({self.first.name}) x ({self.second.name})"

    @property
    def _degree(self) -> int:
        return self.first._degree + self.second._degree

    def _matrices(self, g: Array) -> Array:
        product = np.einsum("...ij,...kl->...ikjl", self.first._matrices(g), self.second._matrices(g))
        return np.asarray(product.reshape(*g.shape[:-2], self.size, self.size))

    def _character(self, g: Array) -> Array:
        return np.asarray(self.first._character(g) * self.second._character(g))

    @functools.cached_property
    def _decomposition(self) -> tuple[tuple[Irrep, ...], Array]:
        if isinstance(self.first, Irrep) and isinstance(self.second, Irrep):
            return super()._decomposition
        # Pair by pair of irreps: far smaller problems than the product as a whole.
        irreps: list[Irrep] = []
        columns = []
        for psi, left in _isometries(self.first):
            for phi, right in _isometries(self.second):
                pair = TensorProduct(psi, phi)
                irreps += pair.irreps
                columns.append(np.kron(left, right) @ pair.change_of_basis)
        return tuple(irreps), frozen(np.concatenate(columns, axis=1))

    def __repr__(self) -> str:
        return f"({self.first!r}).tensor({self.second!r})"


@dataclass(frozen=True, repr=False)
class Restriction(Representation):
    """A representation of a larger group, at the elements of a subgroup; see `Representation.restrict`.

    Args:
        base: the representation of the larger group (of a product also: for one of its factors).
        group: the subgroup.
    """

    base: Representation
    group: Group

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def name(self) -> str:
        return f"{self.base.name} of {self.base.group.name}"

    @property
    def _degree(self) -> int:
        return self.base._degree

    def _matrices(self, g: Array) -> Array:
        return self.base._matrices(self.base.group._embed(self.group, g))

    def _character(self, g: Array) -> Array:
        return self.base._character(self.base.group._embed(self.group, g))

    def restrict(self, subgroup: Group | str) -> Representation:
        found = self.group._named_subgroup(subgroup, alike=False)
        return self.base.restrict(found) if self.base.group._holds(found) else super().restrict(found)

    def __repr__(self) -> str:
        return f"({self.base!r}).restrict({self.group!r})"


def block_diagonal(blocks: list[Array]) -> Array:
    """Square blocks (..., n_i, n_i) on the diagonal of one matrix (..., sum n_i, sum n_i)."""
    size = sum(block.shape[-1] for block in blocks)
    out = np.zeros((*blocks[0].shape[:-2], size, size))
    start = 0
    for block in blocks:
        stop = start + block.shape[-1]
        out[..., start:stop, start:stop] = block
        start = stop
    return out


def _isometries(rep: Representation) -> Iterator[tuple[Irrep, Array]]:
    """The irreps of a representation, each with its columns of the change of basis."""
    start = 0
    for psi in rep.irreps:
        yield psi, rep.change_of_basis[:, start : start + psi.size]
        start += psi.size


def summands(rep: Representation) -> tuple[Representation, ...]:
    return rep.parts if type(rep) is DirectSum else (rep,)
