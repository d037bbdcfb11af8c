"""Real orthogonal representations as frozen values: irreps, sums, tensor products, restrictions."""

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..._values import Array, Frozen, frozen
from ...errors import GroupError, RepresentationError, nearest
from ._family import IrrepData
from ._group import Group, require_group

if TYPE_CHECKING:
    from ._composites import DirectSum, TensorProduct


class Representation(Frozen, ABC):
    """A real orthogonal representation: a homomorphism from a group to orthogonal matrices, equal by value.

    Called with group elements (..., d, d) it gives matrices (..., size, size), float64, acting on columns: rep(g)[...,
    i, j] is component i of the image of basis vector j. Get one from a `Group`, and others from it: sums by ``+``,
    `tensor`, `restrict`, `induce`.

    Attributes:
        group: the group that is represented.

    Example:
        >>> import steer
        >>> G = steer.group("C4", dim=2)
        >>> rep = G.trivial + G.vector
        >>> rep.size, rep(G.elements).shape
        (3, (4, 3, 3))
        >>> [psi.label for psi in G.regular.irreps]
        ['A', 'E', 'B']
    """

    group: Group

    @property
    @abstractmethod
    def size(self) -> int:
        """Dimension of the representation."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, for printing."""

    @property
    @abstractmethod
    def _degree(self) -> int:
        """A frequency that no irrep of this representation exceeds (what a quadrature must integrate)."""

    @abstractmethod
    def _matrices(self, g: Array) -> Array:
        """(..., size, size) at elements g that are known to belong to the group."""

    def __call__(self, g: npt.ArrayLike) -> Array:
        """The matrices at given elements.

        Args:
            g: elements (..., d, d) of the group.

        Returns:
            (..., size, size).

        Raises:
            GroupError: a matrix is not in the group; the message says how far it is.
        """
        return self._matrices(self.group._members(g))

    def character(self, g: npt.ArrayLike) -> Array:
        """The character, the traces of the matrices at given elements.

        Args:
            g: elements (..., d, d) of the group.

        Returns:
            (...).

        Raises:
            GroupError: a matrix is not in the group.
        """
        return self._character(self.group._members(g))

    def _character(self, g: Array) -> Array:
        """`character` at elements g that are known to belong to the group."""
        return np.asarray(np.trace(self._matrices(g), axis1=-2, axis2=-1))

    @property
    def irreps(self) -> tuple["Irrep", ...]:
        """The irreps it splits into, with multiplicity, in the order of the columns of `change_of_basis`."""
        return self._decomposition[0]

    @property
    def change_of_basis(self) -> Array:
        """The orthogonal matrix Q (size, size) with rep(g) = Q blockdiag(irreps(g)) Q^T."""
        return self._decomposition[1]

    @functools.cached_property
    def _decomposition(self) -> tuple[tuple["Irrep", ...], Array]:
        from ._decompose import decompose

        found = decompose(self)
        return found.irreps, found.change_of_basis

    @property
    def contains_trivial(self) -> bool:
        """Whether it has an invariant vector."""
        from ._intertwiner import multiplicity

        return multiplicity(self.group.trivial, self) > 0

    @functools.cached_property
    def is_permutation(self) -> bool:
        """Whether every element permutes the basis vectors, so that pointwise functions are equivariant."""
        # Dense or generating elements suffice: products of permutation matrices are permutation matrices.
        matrices = self._matrices(np.concatenate([self.group.generators, self.group.identity_component]))
        entries = np.minimum(np.abs(matrices), np.abs(matrices - 1))
        return bool(np.all(entries < 1e-9))

    def __add__(self, other: "Representation") -> "DirectSum":
        """The direct sum, components of `self` first.

        Args:
            other: a representation of the same group.

        Returns:
            The sum, of size self.size + other.size; sums of sums are flat.

        Raises:
            RepresentationError: `other` is a representation of another group.
        """
        if not isinstance(other, Representation):
            return NotImplemented
        from ._composites import DirectSum, summands

        _same_group(self, other, "+")
        return DirectSum(summands(self) + summands(other))

    def tensor(self, other: "Representation") -> "TensorProduct":
        """The tensor product; component i * other.size + j is the product of components i and j.

        Args:
            other: a representation of the same group.

        Returns:
            The product, of size self.size * other.size.

        Raises:
            RepresentationError: `other` is not a representation of the same group.
        """
        from ._composites import TensorProduct

        _same_group(self, other, "tensor")
        return TensorProduct(self, other)

    def restrict(self, subgroup: "Group | str") -> "Representation":
        """The same matrices, for the elements of a subgroup only.

        The subgroup may move space in another way, as the values of `steer.reps.with_action` do. For a factor of a
        `steer.reps.direct_product` they are the matrices at the pairs of an element of the factor and 1.

        Args:
            subgroup: a subgroup or its name.

        Returns:
            A representation of the subgroup, of the same size.

        Raises:
            GroupError: it is not a subgroup (the same elements, in the same setting) of the group.
        """
        from ._composites import Restriction

        found = self.group._named_subgroup(subgroup, alike=False)
        return self if found == self.group else Restriction(self, found)

    def induce(self, group: Group, max_frequency: int | None = None) -> "Representation":
        """The induced representation of a larger group.

        With finitely many cosets g_i H, block (i, j) at g is rep(g_i^-1 g g_j) where that element lies in H and 0
        elsewhere; the basis is ordered coset first. With infinitely many, the irreps up to `max_frequency`, each as
        often as Frobenius reciprocity says.

        Args:
            group: a group that contains this representation's group H, in the same setting.
            max_frequency: the highest frequency of the irreps that are kept; needed for infinitely many cosets.

        Returns:
            A representation of `group`: `Induced`, or of infinitely many cosets `BandLimited` or a sum of irreps.

        Raises:
            GroupError: this representation's group is not a subgroup of `group`.
            RepresentationError: there are infinitely many cosets and no `max_frequency`, or finitely many and one; or
                no irrep up to it occurs.
        """
        from ._induced import induce

        require_group("group", group)
        if not self.group <= group:
            raise GroupError(
                f"group: {self.group!r}, which this represents, is not a subgroup of {group!r}; "
                f"induce to a group that contains it, in the same setting"
            )
        return induce(self, group, max_frequency)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, repr=False)
class Irrep(Representation):
    """An irreducible real representation, named by its group and label; get one from `Group.irrep`.

    Args:
        group: the group.
        label: the label, as `Group.irrep` gives it.

    Raises:
        RepresentationError: the group has no irrep of that label.
    """

    group: Group
    label: str

    def __post_init__(self) -> None:
        if self.group._irrep_data(self.label) is None:
            known = self.group._labels(None if self.group.is_finite else 4)
            rest = "" if self.group.is_finite else " Labels continue with the frequency."
            raise RepresentationError(
                f"label: {self.group.name} has no irrep {self.label!r}; {nearest(self.label, known)}{rest}"
            )

    @functools.cached_property
    def _data(self) -> IrrepData:
        data = self.group._irrep_data(self.label)
        assert data is not None, "the label was checked when the irrep was made"
        return data

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def frequency(self) -> int:
        """The frequency: the degree l for SO(3) and O(3), the lowest angular frequency for planar and axial groups.

        For polyhedral groups it is the lowest degree of harmonics that contains the irrep, up to a reflection.
        """
        return self._data.frequency

    @property
    def type(self) -> str:
        """Frobenius-Schur type over the reals: "real", "complex" or "quaternionic" (End has dimension 1, 2, 4)."""
        return self._data.type

    @property
    def name(self) -> str:
        return self.label

    @property
    def is_trivial(self) -> bool:
        """Whether every element acts as the identity."""
        return self.label == self.group.trivial.label

    @property
    def _degree(self) -> int:
        return self.frequency

    def _matrices(self, g: Array) -> Array:
        return self.group._irrep_matrices(self.label, g)

    @functools.cached_property
    def _decomposition(self) -> tuple[tuple["Irrep", ...], Array]:
        return (self,), frozen(np.eye(self.size))

    def __repr__(self) -> str:
        return f"{self.group!r}.irrep({self.label!r})"


@dataclass(frozen=True, repr=False)
class Defining(Representation):
    """The action of a group on R^d by its own matrices, components in the order (x, y[, z])."""

    group: Group

    def __post_init__(self) -> None:
        if self.group.dim == 0:
            raise RepresentationError(f"vector: {self.group!r} does not act on space; take a sum of its irreps")

    @property
    def size(self) -> int:
        return self.group.dim

    @property
    def name(self) -> str:
        return "vector"

    @property
    def _degree(self) -> int:
        return self.group._action_degree

    def _matrices(self, g: Array) -> Array:
        return self.group._action(g).copy()

    def __repr__(self) -> str:
        return f"{self.group!r}.vector"


def _same_group(first: Representation, second: Representation, operation: str) -> None:
    for rep in (first, second):
        if not isinstance(rep, Representation):
            raise RepresentationError(f"{operation}: expected a representation such as group.regular, got {rep!r}")
    if first.group != second.group:
        raise RepresentationError(
            f"{operation}: both representations must be of one group, got {first.group!r} and {second.group!r}; "
            f"restrict one of them with .restrict(subgroup)"
        )
