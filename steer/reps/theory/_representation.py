"""Real orthogonal representations as frozen values: irreps, sums, tensor products, restrictions.

A representation calls its group, which stands on top of the theory, for what rests on solving for intertwiners.
"""

import functools
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..._values import Array, Frozen, frozen, require_count, require_room
from ...errors import RepresentationError, nearest
from ..special._harmonics import harmonic_size
from ..special._wigner import harmonic_action
from ._decomposition import Decomposition

if TYPE_CHECKING:
    from ._band import Band
    from ._group import Group

Indices = npt.NDArray[np.intp]


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

    group: "Group"

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
            RepresentationError: the matrices would take more than 2 GiB.
        """
        members = self.group._members(g)
        require_matrices(self, math.prod(members.shape[:-2]))
        return self._matrices(members)

    def torch(self, g: Any) -> Any:
        """The matrices at given elements, as a torch tensor: differentiable, on the device of the elements.

        Of a continuous group they are differentiable as often as asked, and no gradient is infinite at the identity, at
        poles or half turns. The gradient is along the group: what would take an element off it counts nothing. The
        matrices of a finite group are looked up, with no gradient, and so is what a finite factor of a product says.

        In single precision the elements are what is inexact: matrices of frequency l are off by up to (l + 1) 1e-7,
        measured against those of double precision up to frequency 12. Half precision is computed in single precision.

        Args:
            g: elements (..., d, d) of the group: a tensor of any dtype of floating point and any device; or an array,
                which gives float64. Those inexact by up to 1e-4 are taken to the nearest ones first, and others are
                refused, unless the values are not known, as inside of `torch.vmap`.

        Returns:
            (..., size, size), of the dtype and device of `g`.

        Raises:
            GroupError: a matrix is not in the group, or a tensor is not of floating point.
            RepresentationError: the matrices would take more than 2 GiB; or the group is a continuous one of your own
                whose irreps take arrays only.

        Example:
            >>> import steer, torch
            >>> SO3 = steer.group("SO(3)", dim=3)
            >>> angles = torch.zeros(5, 3, requires_grad=True)
            >>> g = steer.reps.rotations.from_axis_angle(angles)
            >>> D = SO3.irrep("2").torch(g)
            >>> (slope,) = torch.autograd.grad(D[:, 0, 4].sum(), angles)
            >>> D.shape, bool(slope.isfinite().all())
            (torch.Size([5, 5, 5]), True)
        """
        return self.group._at_tensors(self, g)

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

    def places(self, g: npt.ArrayLike) -> Indices | None:
        """Where given elements take the basis vectors, if they permute them: rep(g)[..., places[..., i], i] = 1.

        Of regular and quotient representations, and what is made of them, no matrices are made for it.

        Args:
            g: elements (..., d, d) of the group.

        Returns:
            Integers (..., size); None if some of the matrices are no permutations.

        Raises:
            GroupError: a matrix is not in the group.
        """
        members = self.group._members(g)
        if self._lists_places:
            return self._places(members)
        matrices = self._matrices(members)
        return np.argmax(matrices, axis=-2) if _permutes(matrices) else None

    @property
    def irreps(self) -> tuple["Irrep", ...]:
        """The irreps it splits into, with multiplicity, in the order of the columns of `change_of_basis`."""
        return self.decomposition.irreps

    @property
    def change_of_basis(self) -> Array:
        """The orthogonal matrix Q (size, size) with rep(g) = Q blockdiag(irreps(g)) Q^T."""
        return self.decomposition.change_of_basis

    @functools.cached_property
    def decomposition(self) -> Decomposition:
        """How it splits into `irreps`: of a sum part by part, of a product pair by pair."""
        return self.group._decompose(self)

    @property
    def summands(self) -> tuple["Representation", ...]:
        """Itself, or of a direct sum its blocks, none of which is a direct sum."""
        return (self,)

    @property
    def contains_trivial(self) -> bool:
        """Whether it has an invariant vector."""
        return self.group._fixes_a_vector(self)

    @functools.cached_property
    def is_permutation(self) -> bool:
        """Whether every element permutes the basis vectors, so that pointwise functions are equivariant."""
        return self._lists_places or _permutes(self._generating_matrices)

    @functools.cached_property
    def is_signed_permutation(self) -> bool:
        """Whether every element maps each basis vector to a basis vector or the negative of one."""
        return self._lists_places or _permutes(np.abs(self._generating_matrices))

    @property
    def _lists_places(self) -> bool:
        """Whether it permutes the basis vectors by construction, so that `_places` says where they go."""
        return False

    def _places(self, g: Array) -> Indices:
        """(..., size): to which basis vector elements g take each, if they permute them."""
        found: Indices = np.argmax(self._matrices(g), axis=-2)
        return found

    @property
    def _induced_from(self) -> "tuple[Representation, Array] | None":
        """If it is induced from a subgroup of finite index, the representation of that, and the cosets."""
        return None

    @functools.cached_property
    def _table(self) -> Array:
        """(order, size, size): all matrices of a representation of a finite group."""
        return frozen(self._matrices(self.group.elements))

    @property
    def _generating_matrices(self) -> Array:
        """(n, size, size): matrices of which products come near to those of any element."""
        return self._matrices(np.concatenate([self.group.generators, self.group.identity_component]))

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
        require_one_group(self, other, "+")
        return DirectSum(_terms(self) + _terms(other))

    def tensor(self, other: "Representation") -> "TensorProduct":
        """The tensor product; component i * other.size + j is the product of components i and j.

        Args:
            other: a representation of the same group.

        Returns:
            The product, of size self.size * other.size.

        Raises:
            RepresentationError: `other` is not a representation of the same group.
        """
        require_one_group(self, other, "tensor")
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
        found = self.group._named_subgroup(subgroup, alike=False)
        return self if found == self.group else Restriction(self, found)

    def induce(self, group: "Group", max_frequency: "Band | None" = None) -> "Representation":
        """The induced representation of a larger group.

        With finitely many cosets g_i H, block (i, j) at g is rep(g_i^-1 g g_j) where that element lies in H and 0
        elsewhere; the basis is ordered coset first. With infinitely many, the irreps up to `max_frequency`, each as
        often as Frobenius reciprocity says; `Group.sections` has the same, and knows the fields that they are.

        Args:
            group: a group that contains this representation's group H, in the same setting.
            max_frequency: the highest frequency of the irreps that are kept, or a list of those irreps or their labels;
                needed for infinitely many cosets.

        Returns:
            A representation of `group`: `Induced`, or of infinitely many cosets `BandLimited` or a sum of irreps.

        Raises:
            GroupError: this representation's group is not a subgroup of `group`.
            RepresentationError: there are infinitely many cosets and no `max_frequency`, or finitely many and a
                frequency; or no irrep up to it, or not all of the list, occur.
        """
        return self.group._induce(self, group, max_frequency)

    def __str__(self) -> str:
        return self.name


class IrrepData(NamedTuple):
    """What a family of groups says of one irrep, see `Group`.

    Attributes:
        size: the number of components.
        frequency: a number that bounds what a quadrature must integrate, see `Irrep.frequency`.
        type: "real", "complex" or "quaternionic".
        matrices: a function of elements (..., d, d), which are known to belong to the group, to (..., size, size).
        about: what else the family keeps of the label for itself.
    """

    size: int
    frequency: int
    type: str
    matrices: Callable[[Array], Array]
    about: Any = None


@dataclass(frozen=True, repr=False)
class Irrep(Representation):
    """An irreducible real representation, named by its group and label; get one from `Group.irrep`.

    Args:
        group: the group.
        label: the label, as `Group.irrep` gives it.

    Raises:
        RepresentationError: the group has no irrep of that label.
    """

    group: "Group"
    label: str

    def __post_init__(self) -> None:
        _ = self._data  # a label that there is none of is refused at once

    @functools.cached_property
    def _data(self) -> IrrepData:
        """What the group understands by the label; asked for once, and again in a copy that comes from a pickle."""
        data = self.group._irrep_data(self.label)
        if data is None:
            known = self.group._labels(None if self.group.is_finite else 4)
            rest = "" if self.group.is_finite else " Labels continue with the frequency."
            raise RepresentationError(
                f"label: {self.group.name} has no irrep {self.label!r}; {nearest(self.label, known)}{rest}"
            )
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
        return self._data.matrices(g)

    @property
    def _lists_places(self) -> bool:
        return self.is_trivial

    def _places(self, g: Array) -> Indices:
        return np.zeros((*g.shape[:-2], 1), dtype=np.intp)

    @functools.cached_property
    def decomposition(self) -> Decomposition:
        return Decomposition((self,), frozen(np.eye(self.size)))

    def __repr__(self) -> str:
        return f"{self.group!r}.irrep({self.label!r})"


@dataclass(frozen=True, repr=False)
class Defining(Representation):
    """The action of a group on R^d by its own matrices, components in the order (x, y[, z])."""

    group: "Group"

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


@dataclass(frozen=True, repr=False)
class Harmonic(Representation):
    """How a group moves the harmonics of its space: the matrices of O(1), O(2) or O(3) at its action."""

    group: "Group"
    degree: int

    def __post_init__(self) -> None:
        require_count("degree", self.degree, RepresentationError)

    @property
    def size(self) -> int:
        return harmonic_size(self.group.dim, self.degree)

    @property
    def name(self) -> str:
        return f"harmonic({self.degree})"

    @property
    def _degree(self) -> int:
        # harmonics are polynomials of their degree in the coordinates
        return self.degree * self.group._action_degree

    def _matrices(self, g: Array) -> Array:
        return harmonic_action(self.group._action(g), self.degree)

    def __repr__(self) -> str:
        return f"{self.group!r}.harmonic({self.degree})"


@dataclass(frozen=True, repr=False)
class DirectSum(Representation):
    """Representations stacked as diagonal blocks, in order; what ``+`` makes.

    Args:
        parts: the blocks, of one group.
    """

    parts: tuple[Representation, ...]

    @property
    def group(self) -> "Group":  # type: ignore[override]
        """The group of all parts."""
        return self.parts[0].group

    @functools.cached_property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def summands(self) -> tuple[Representation, ...]:
        return tuple(summand for part in self.parts for summand in part.summands)

    @property
    def name(self) -> str:
        return " + ".join(part.name for part in self.parts)

    @property
    def _degree(self) -> int:
        return max(part._degree for part in self.parts)

    def _matrices(self, g: Array) -> Array:
        return block_diagonal([part._matrices(g) for part in self.parts])

    @functools.cached_property
    def _lists_places(self) -> bool:
        return all(part._lists_places for part in dict.fromkeys(self.parts))

    def _places(self, g: Array) -> Indices:
        starts = itertools.accumulate((part.size for part in self.parts), initial=0)
        found = [part._places(g) + start for part, start in zip(self.parts, starts, strict=False)]
        return np.concatenate(found, axis=-1)

    def _character(self, g: Array) -> Array:
        # copies of one part, of which band-limited representations have many, are traced once
        return np.asarray(sum(self.parts.count(part) * part._character(g) for part in dict.fromkeys(self.parts)))

    @functools.cached_property
    def decomposition(self) -> Decomposition:
        irreps = tuple(psi for part in self.parts for psi in part.irreps)
        return Decomposition(irreps, frozen(block_diagonal([part.change_of_basis for part in self.parts])))

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
    def group(self) -> "Group":  # type: ignore[override]
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

    @property
    def _lists_places(self) -> bool:
        return self.first._lists_places and self.second._lists_places

    def _places(self, g: Array) -> Indices:
        found = self.first._places(g)[..., :, None] * self.second.size + self.second._places(g)[..., None, :]
        return np.asarray(found.reshape(*g.shape[:-2], self.size))

    def _character(self, g: Array) -> Array:
        return np.asarray(self.first._character(g) * self.second._character(g))

    @functools.cached_property
    def decomposition(self) -> Decomposition:
        if isinstance(self.first, Irrep) and isinstance(self.second, Irrep):
            return super().decomposition
        # Pair by pair of irreps: far smaller problems than the product as a whole.
        irreps: list[Irrep] = []
        columns = []
        ends = self.first.decomposition, self.second.decomposition
        for psi, left in zip(ends[0].irreps, ends[0].isometries, strict=True):
            for phi, right in zip(ends[1].irreps, ends[1].isometries, strict=True):
                pair = TensorProduct(psi, phi)
                irreps += pair.irreps
                columns.append(np.kron(left, right) @ pair.change_of_basis)
        return Decomposition(tuple(irreps), frozen(np.concatenate(columns, axis=1)))

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
    group: "Group"

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def name(self) -> str:
        return f"{self.base.name} of {self.base.group.name}"

    @property
    def _degree(self) -> int:
        return self.base._degree * self.group._stretch

    def _matrices(self, g: Array) -> Array:
        return self.base._matrices(self.base.group._embed(self.group, g))

    def _character(self, g: Array) -> Array:
        return self.base._character(self.base.group._embed(self.group, g))

    @property
    def _lists_places(self) -> bool:
        return self.base._lists_places

    def _places(self, g: Array) -> Indices:
        return self.base._places(self.base.group._embed(self.group, g))

    def restrict(self, subgroup: "Group | str") -> Representation:
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


def _permutes(matrices: Array) -> bool:
    """Whether matrices have one entry 1 in each column and are 0 elsewhere; so have their products."""
    return bool(np.all(np.minimum(np.abs(matrices), np.abs(matrices - 1)) < 1e-9))


def _terms(rep: Representation) -> tuple[Representation, ...]:
    return rep.parts if type(rep) is DirectSum else (rep,)


def require_representation(argument: str, value: object) -> Representation:
    """`value` if it is a representation, or an error that names the argument."""
    if not isinstance(value, Representation):
        raise RepresentationError(f"{argument}: expected a representation such as group.regular, got {value!r}")
    return value


def require_matrices(rep: Representation, count: int) -> None:
    """Raise an error where there is no room for so many matrices."""
    require_room(
        "g",
        f"{count:,} matrices of size {rep.size:,}",
        count * rep.size**2,
        "pass fewer elements at a time, or take .places(g) of what permutes",
        RepresentationError,
    )


def require_one_group(first: Representation, second: Representation, operation: str) -> None:
    for rep in (first, second):
        if not isinstance(rep, Representation):
            raise RepresentationError(f"{operation}: expected a representation such as group.regular, got {rep!r}")
    if first.group != second.group:
        raise RepresentationError(
            f"{operation}: both representations must be of one group, got {first.group!r} and {second.group!r}; "
            f"restrict one of them with .restrict(subgroup)"
        )
