"""What every symmetry group can do: a compact group of orthogonal matrices acting on R^d."""

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..._linalg import nearest_matrix, nearest_orthogonal
from ..._names import missing
from ..._values import (
    EXACT,
    MEMBERSHIP,
    MOST_VALUES,
    NEAR,
    NOISE,
    Array,
    Frozen,
    as_numbers,
    frozen,
    require_count,
    require_room,
)
from ...errors import GroupError, RepresentationError
from ._band import Band, kept_irreps
from ._cosets import cosets, has_finite_index
from ._decomposition import Decomposition
from ._induced import BandLimited, induce, sections
from ._intertwiner import isometries, multiplicity
from ._lattice import Moves, lattice_moves
from ._random import random_generator
from ._representation import Defining, Harmonic, Irrep, IrrepData, Representation
from ._tensors import at_tensors


def require_group(argument: str, value: object) -> "Group":
    """`value` if it is a group, or an error that names the argument."""
    if not isinstance(value, Group):
        raise GroupError(f"{argument}: expected a group such as steer.group('C4', dim=2), got {value!r}")
    return value


def require_where(name: str, where: dict[str, object], known: tuple[str, ...]) -> list[object]:
    """The values of the arguments that place a subgroup of the group `name`, None for those not given."""
    unknown = sorted(set(where) - set(known))
    if unknown:
        takes = " and ".join(f"{argument}=" for argument in known) or "a name only"
        raise GroupError(f"{unknown[0]}: unknown argument; a subgroup of {name} takes {takes}")
    return [where.get(argument) for argument in known]


class Group(Frozen, ABC):
    """A closed subgroup of O(d), as a frozen value: its elements are orthogonal matrices that act on R^d.

    Get one from `steer.group`. Two groups are equal when they are the same family in the same setting (the same axes).
    A subgroup is a set of the very same matrices, so representations are restricted to it and induced from it without
    any change of coordinates; ``H <= G`` asks whether H is one of G.

    Elements are passed and returned as float64 arrays (..., d, d), acting on columns (x, y[, z]); results keep the
    leading axes. Arrays that belong to the group are read-only.

    A family of groups is a subclass, a frozen dataclass. It says its name, dimension, elements, subgroups, and the
    labels of its irreps and what each means (`IrrepData`): the first part of this class lists the methods, of which a
    finite group needs the abstract ones only.

    Example:
        >>> import steer
        >>> G = steer.group("D4", dim=2)
        >>> G.order, G.elements.shape
        (8, (8, 2, 2))
        >>> [psi.label for psi in G.irreps()]
        ['A1', 'A2', 'E', 'B1', 'B2']
        >>> G.subgroup("C4") <= G
        True
    """

    # What a family of groups must say of itself: a finite one the seven without which there is none, a continuous one
    # these and its `order`, `generators`, `identity_component`, `haar`, `_draw` and `_distance`.

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the group up to the choice of axes, as `steer.group` takes it."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension d of the space that the group acts on; 0 for a group without action."""

    @property
    @abstractmethod
    def components(self) -> Array:
        """One element of each connected component, (n, d, d), the identity first; all elements of a finite group."""

    @property
    @abstractmethod
    def trivial_subgroup(self) -> "Group":
        """The subgroup of the identity alone."""

    @abstractmethod
    def subgroups(self, max_order: int = 12) -> tuple["Group", ...]:
        """One subgroup of each conjugacy class, smallest first.

        Args:
            max_order: of a continuous group, the largest order of the finite subgroups that are listed beside the
                continuous ones.

        Returns:
            The subgroups, from the trivial one to the group itself.

        Raises:
            GroupError: `max_order` is not an integer >= 0.
        """

    @abstractmethod
    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        """Labels of the irreps up to `max_frequency` (of a finite group all of them if None), the trivial one first."""

    @abstractmethod
    def _irrep_data(self, label: str) -> IrrepData | None:
        """Size, frequency, type and matrices of an irrep; None when there is no such label."""

    # What a family may say otherwise. The defaults are those of a finite group that acts on space by its own matrices.

    @property
    def element_size(self) -> int:
        """Size of the matrices that are its elements: `dim` where they act on space by themselves."""
        return self.dim

    @property
    def order(self) -> int | float:
        """Number of elements, `math.inf` for a continuous group."""
        return len(self.components)

    @property
    def generators(self) -> Array:
        """Matrices (n, d, d) that generate the group; of a continuous one, a dense subgroup of it."""
        return self.components

    @property
    def identity_component(self) -> Array:
        """Matrices (n, d, d) that generate (a dense subgroup of) the component of the identity; n = 0 if finite."""
        return frozen(np.zeros((0, self.element_size, self.element_size)))

    @property
    def frame(self) -> Array:
        """The rotation R (d, d) from the standard setting: h -> R h R^-1 embeds `standard`, element by element."""
        return frozen(np.eye(self.element_size))

    @property
    def standard(self) -> "Group":
        """The group of this name in the standard setting, as `steer.group` gives it."""
        return self

    def haar(self, max_degree: int = 0) -> tuple[Array, Array]:
        """A quadrature of the normalised Haar measure of the group.

        It integrates exactly every product of irreps whose frequencies add up to at most `max_degree`: over the
        elements of a finite group, whatever the degree; over equidistant rotations of SO(2), O(2) and the axial groups;
        over a product of uniform, Gauss-Legendre and uniform nodes in the Euler angles of SO(3) and O(3).

        Args:
            max_degree: the sum of frequencies to integrate exactly, an integer >= 0.

        Returns:
            The nodes (n, d, d) and their weights (n,), positive with sum 1; both read-only.

        Raises:
            GroupError: `max_degree` is not an integer >= 0.
        """
        require_count("max_degree", max_degree, GroupError)
        return self.components, frozen(np.full(len(self.components), 1 / len(self.components)))

    def sample(self, n: int, seed: int | None = None, *, generator: "np.random.Generator | None" = None) -> Array:
        """Random elements, distributed by the Haar measure: fresh ones at each call, unless told to repeat.

        Without `seed` and `generator` they follow the global state of NumPy, as `numpy.random.rand` does: every call
        gives other elements, and `numpy.random.seed` repeats a program. `torch.manual_seed` does not;
        `steer.nn.RandomTransform` follows that one.

        Args:
            n: how many, an integer >= 0.
            seed: an integer >= 0; equal seeds give equal elements.
            generator: draws from this generator of NumPy, and advances it.

        Returns:
            (n, d, d).

        Raises:
            GroupError: `n` or `seed` is not an integer >= 0, `generator` is none of NumPy's, or both are given.

        Example:
            >>> import numpy as np, steer
            >>> G = steer.group("SO(3)", dim=3)
            >>> np.array_equal(G.sample(5, seed=1), G.sample(5, seed=1)), np.array_equal(G.sample(5), G.sample(5))
            (True, False)
        """
        n = require_count("n", n, GroupError)
        require_room("n", f"{n:,} elements", n * self.element_size**2, "draw fewer at a time", GroupError)
        return self._draw(n, random_generator(seed, generator))

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        """(n, d, d): `sample` from a generator."""
        return np.asarray(self.elements[rng.integers(len(self.elements), size=n)])

    def subgroup(self, name: str, **where: object) -> "Group":
        """The closed subgroup called `name`; its elements are elements of this group.

        Args:
            name: as `steer.group` takes it.
            **where: where its axes lie, when the default will not do: `axis` of a dihedral group of the plane; `axis`
                and `secondary` of a group of space.

        Returns:
            The subgroup, in the setting given by `where`: by default in the standard one, or else along the first axes
            that fit.

        Raises:
            GroupError: there is no such subgroup, or not along these axes.
        """
        require_where(self.name, where, ())
        known = {small.name: small for small in self.subgroups()}
        if name not in known:
            raise GroupError(f"name: {name!r} is not a subgroup of {self.name}; its subgroups are {', '.join(known)}")
        return known[name]

    def _distance(self, g: Array) -> Array:
        """(...): Frobenius distance of matrices g (..., d, d) to the nearest element."""
        return np.asarray(np.linalg.norm(g - self.elements[self._nearest(g)], axis=(-2, -1)))

    def _nearest(self, g: Array) -> npt.NDArray[np.intp]:
        """(...): `nearest_index` of matrices g (..., d, d), of a finite group: the largest inner product."""
        return nearest_matrix(g, self.elements)

    def _inverse(self, g: Array) -> Array:
        """(..., d, d): the inverses of elements, which are orthogonal matrices."""
        return np.swapaxes(g, -2, -1)

    def _action(self, g: Array) -> Array:
        """`action` of elements that are known to belong to the group: the elements themselves, unless it says so."""
        return g

    @property
    def _action_degree(self) -> int:
        """A frequency that no irrep of the action exceeds."""
        return 1

    @property
    def _stretch(self) -> int:
        """By how much frequencies of a group may grow when its representations are restricted to this one."""
        return 1

    def _harmonic(self, degree: int) -> Representation:
        """`harmonic` of a degree that is an integer >= 0."""
        if self.dim in (2, 3):
            return Harmonic(self, degree)
        highest = int(self.dim == 1)  # on a line 1 and the sign of x
        if degree > highest:
            where = "1 dimension" if self.dim == 1 else f"{self.dim} dimensions"
            raise RepresentationError(f"degree: there are no harmonics above degree {highest} in {where}, got {degree}")
        return Harmonic(self, degree) if degree else self.trivial

    def _irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        """Matrices (n, size, size) of irreps of a continuous group at torch tensors g (n, d, d), each by its irrep."""
        raise RepresentationError(f"g: the irreps of {self!r} take arrays only; define its `_irreps_at`")

    def _known_label(self, label: str) -> str:
        """The one name of an irrep that may go by several; a label that is not known stays as it is."""
        return label

    def _closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array | None:
        """`clebsch_gordan` of irreps of this group in closed form, if there is one."""
        return None

    def _embed(self, subgroup: "Group", g: Array) -> Array:
        """(..., n, n): elements g of what `_named_subgroup` gave as elements of this group."""
        return g

    def _grid_symmetries(self) -> Array:
        """(n, d, d): the elements, of a continuous group some of them, that map the square or cubic grid to itself."""
        candidates = self.elements if self.is_finite else np.concatenate([self.components, self.sample(4, 0)])
        return self._on_grid(candidates)

    def _on_grid(self, g: Array) -> Array:
        """Those of elements (n, d, d) that map the square or cubic grid to itself."""
        moves = self._action(g)
        return np.asarray(g[np.abs(moves - np.round(moves)).max(axis=(1, 2), initial=0.0) < EXACT])

    def _some_elements(self) -> Array:
        """(n, d, d): all elements of a finite group, some of a continuous one, the identity first."""
        return self.elements if self.is_finite else np.concatenate([self._grid_symmetries(), self.sample(4, 0)])

    @property
    def _axes(self) -> str:
        """How books name its operations: as those of "plane", "axis", "cube", "icosahedron" or "sphere"; "" if not."""
        return ""

    @property
    def _connected(self) -> "Group | None":
        """The connected component of the identity of a circle or of SO(3), where the group is made of copies of one."""
        return None

    def _finite_with(self, moves: Moves) -> "Group | None":
        """Of a continuous group, a finite subgroup that contains all elements that move space by one of the targets.

        Where these are infinitely many, because a circle of elements moves nothing, it contains some for each target.
        None where the group does not know.
        """
        return None

    @property
    def _lattice_symmetry(self) -> "Group | None":
        """A finite subgroup that contains all symmetries of square, hexagonal or cubic lattices, see `_finite_with`."""
        if self.is_finite:
            return self
        return self._finite_with(Moves(self._action, self._action_degree, lattice_moves(self.dim)))

    @property
    def _bare(self) -> "Group":
        """The group of the same elements that moves space by the matrices that these are."""
        return self

    def _lifted(self, subgroup: "Group", small: "Group") -> "Group":
        """A subgroup `small` of what `_named_subgroup` gave as one of this group, see `_embed`."""
        return small._bare

    @property
    def _dimension(self) -> int:
        """Dimension of the group as a manifold."""
        return 0 if self.is_finite else 3 if self._is_solid else 1

    # What follows.

    @property
    def _is_solid(self) -> bool:
        """Whether the group is made of copies of SO(3), and not of a circle: one rotation does not generate it."""
        return self._connected is not None and len(self.identity_component) > 1

    @property
    def is_finite(self) -> bool:
        """Whether the group has finitely many elements."""
        return math.isfinite(self.order)

    @functools.cached_property
    def elements(self) -> Array:
        """All elements of a finite group, (order, d, d), the identity first, in a fixed order.

        Rotations come first, by their angle or by the cosets of a subgroup; the page of conventions gives the order of
        each family.

        Raises:
            GroupError: the group is continuous; use `haar` or `sample`.
        """
        if not self.is_finite:
            raise GroupError(
                f"{self.name} is continuous and has no list of elements: use .haar(max_degree) or .sample(n)"
            )
        return self.haar()[0]

    def nearest_index(self, g: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Positions in `elements` of those nearest to given matrices, for a finite group.

        Args:
            g: matrices (..., d, d), in the group or near it.

        Returns:
            Indices (...), integers.

        Raises:
            GroupError: the group is continuous, or the matrices are not (..., d, d).
        """
        _ = self.elements  # a continuous group has none, and says so
        return self._nearest(self._as_matrices(g))

    def nearest(self, g: npt.ArrayLike) -> Array:
        """The elements nearest to given matrices in the Frobenius norm: measured rotations made elements of the group.

        Everything that takes elements takes matrices that are within 1e-4 of one, see `contains`; what is farther,
        such as poses that were measured, goes through this first. How far it was is for the caller to look at.

        Args:
            g: matrices (..., d, d) of finite numbers; of some, as zero, several elements are nearest.

        Returns:
            Elements (..., d, d).

        Raises:
            GroupError: the matrices are not (..., d, d) or not finite; or the group, one of your own that is
                continuous, cannot tell for matrices so far away.

        Source:
            Umeyama, IEEE Trans. Pattern Anal. 13 (1991) 376, of the rotations; in a circle of elements it is an angle.

        Example:
            >>> import numpy as np, steer
            >>> measured = np.array([[0.02, -0.98], [1.01, 0.03]])
            >>> steer.group("C4", dim=2).nearest(measured).round(3) + 0.0
            array([[ 0., -1.],
                   [ 1.,  0.]])
            >>> steer.group("SO(2)", dim=2).nearest(measured).round(3)
            array([[ 0.025, -1.   ],
                   [ 1.   ,  0.025]])
        """
        given = self._as_matrices(g)
        if not np.isfinite(given).all():
            raise GroupError("g: expected finite numbers, got NaN or infinity in a matrix")
        found = self._projected(given)
        if not self._contains(found).all():
            raise GroupError(
                f"g: {self.name} does not know its elements nearest to matrices that are far from it; pass nearer "
                f"ones, or define _projected(g) in {type(self).__name__}"
            )
        return found

    def _node_count(self, max_degree: int) -> int | float:
        """How many nodes `haar` has."""
        turns = max_degree + 1
        per_component = turns**2 * (max_degree // 2 + 1) if self._is_solid else turns
        return self.order if self.is_finite else per_component * len(self.components)

    def _require_nodes(self, max_degree: int) -> None:
        """Raise an error if `haar` would be too large."""
        count = self._node_count(max_degree) * self.element_size**2
        what = f"the elements of {self!r}" if self.is_finite else f"the quadrature of {self!r}"
        advice = "take .sample(n)" if self.is_finite else "take a lower degree, or .sample(n)"
        require_room("elements" if self.is_finite else "max_degree", what, count, advice, GroupError)

    @functools.cached_property
    def cayley_table(self) -> npt.NDArray[np.intp]:
        """The multiplication table (order, order): entry (i, j) is the position of the product g_i g_j in `elements`.

        Raises:
            GroupError: the group is continuous, or has more than 16384 elements.
        """
        if self.is_finite:
            require_room(
                "cayley_table",
                f"the products of all pairs of the {self.order:,} elements of {self.name}",
                self.order**2,
                "multiply elements, and find the products with .nearest_index",
                GroupError,
            )
        g = self.elements
        table = np.stack([self._nearest(h @ g) for h in g])
        table.setflags(write=False)
        return table

    @functools.cached_property
    def conjugacy_classes(self) -> tuple[tuple[int, ...], ...]:
        """Positions in `elements`, class by class: the identity alone first, each class in order of its elements.

        Raises:
            GroupError: the group is continuous, or has more than 16384 elements.
        """
        table = self.cayley_table
        inverse = np.argmin(table, axis=1)  # g_i g_j = g_0 = 1
        first = np.min(table[table, inverse[:, None]], axis=0)  # of the class g_j g_i g_j^-1 of each element
        return tuple(tuple(np.flatnonzero(first == i).tolist()) for i in np.unique(first))

    def contains(self, g: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether matrices belong to the group, to 1e-4 in the Frobenius norm.

        So products of many elements in single precision do, and matrices that were printed with some decimals. Of
        groups of more than 8000 elements, which are closer to each other, to 0.8 / order.

        Args:
            g: matrices (..., d, d).

        Returns:
            Booleans (...).

        Raises:
            GroupError: the matrices are not (..., d, d).
        """
        return np.asarray(self._distance(self._as_matrices(g)) < self._tolerance)

    @property
    def _tolerance(self) -> float:
        """Distance from an element up to which a matrix that is given counts as one."""
        # elements of one circle are the closest: chords of an angle of 2 pi / n, times sqrt(2) in the Frobenius norm
        return min(NEAR, 0.8 / self.order) if self.is_finite else NEAR

    def _contains(self, g: Array) -> npt.NDArray[np.bool_]:
        """(...): whether matrices that the library made belong to the group, to rounding."""
        return np.asarray(self._distance(g) < MEMBERSHIP)

    def __le__(self, other: "Group") -> bool:
        """Whether this group is a subgroup of `other`: the same matrices and moves, not only the same name."""
        require_group("other", other)
        return other._holds(self) and other._moves_alike(self)

    def _holds(self, other: "Group") -> bool:
        """Whether the elements of `other` are elements of this group, however they move space."""
        return self.element_size == other.element_size and bool(self._contains(other.generators).all())

    def _moves_alike(self, subgroup: "Group") -> bool:
        """Whether the elements of what `_named_subgroup` gave move space as they do in this group."""
        g = subgroup.generators
        here, there = self._action(self._embed(subgroup, g)), subgroup._action(g)
        return here.shape == there.shape and float(np.abs(here - there).max(initial=0.0)) < MEMBERSHIP

    def _named_subgroup(self, subgroup: "Group | str", alike: bool = True) -> "Group":
        """A subgroup by name or value, one that moves space alike if so asked, or an error that says why it is none."""
        found = self.subgroup(subgroup) if isinstance(subgroup, str) else require_group("subgroup", subgroup)
        if not self._holds(found) or (alike and not self._moves_alike(found)):
            raise GroupError(f"subgroup: {found!r} is not a subgroup of {self!r}; get one with {self!r}.subgroup(name)")
        return found

    def _as_matrices(self, g: npt.ArrayLike) -> Array:
        out = as_numbers("g", g, GroupError, "an array of matrices")
        size = self.element_size
        if out.ndim < 2 or out.shape[-2:] != (size, size):
            raise GroupError(
                f"g: expected matrices of shape (..., {size}, {size}) for {self.name}, got shape {out.shape}"
            )
        return out

    def _members(self, g: npt.ArrayLike) -> Array:
        """The elements that `g` are, those nearest to them, or an error that says how far they are from the group."""
        out = self._as_matrices(g)
        rough = self._require_members(out) > NOISE
        if rough.any():
            out = out.copy()
            out[rough] = self._projected(out[rough])
        return out

    def _require_members(self, g: Array) -> Array:
        """(...): how far matrices (..., d, d) are from the group, or an error that says so."""
        distances = self._distance(g)
        distance = float(np.max(distances, initial=0.0))
        if not distance < self._tolerance:
            raise GroupError(
                f"g: a matrix is {distance:.3g} (Frobenius norm) away from the nearest element of {self.name}; "
                f"pass elements, e.g. from .elements, .haar() or .sample(); up to {self._tolerance:.2g} is taken for "
                f"rounding, and .nearest(g) takes matrices that are measured to elements"
            )
        return distances

    def _projected(self, g: Array) -> Array:
        """(..., d, d): the elements nearest to matrices; of a continuous group of one's own, to matrices near it."""
        return np.asarray(self.elements[self._nearest(g)]) if self.is_finite else nearest_orthogonal(g)

    def action(self, g: npt.ArrayLike) -> Array:
        """The matrices by which elements act on space, in the order (x, y[, z]).

        They are the elements themselves, but for `direct_product` and `with_action`.

        Args:
            g: elements (..., d, d).

        Returns:
            (..., dim, dim).

        Raises:
            GroupError: a matrix is not in the group.
        """
        return self._action(self._members(g))

    def irrep(self, label: str) -> Irrep:
        """The irrep called `label`.

        Args:
            label: Mulliken symbols for finite groups ("A1g", "E2", "T1u") and axial ones; "0", "1", ... for SO(2) and
                SO(3); "0+", "0-", "1", ... for O(2); "0e", "1o", ... for O(3). Term symbols ("Sigma_g+") are understood
                for continuous axial groups.

        Returns:
            The irrep; the same arguments give equal values.

        Raises:
            RepresentationError: there is no irrep of that label; the message lists near ones.
        """
        return Irrep(self, self._known_label(str(label)))

    def irreps(self, max_frequency: int | None = None) -> tuple[Irrep, ...]:
        """All irreps up to a frequency, the trivial one first.

        Args:
            max_frequency: the highest frequency; needed for a continuous group, all of a finite group when None.

        Returns:
            The irreps, in a fixed order.

        Raises:
            RepresentationError: no bound for a continuous group, or one that is not an integer between 0 and the
                highest frequency of the group, or more than 2^20 irreps.
        """
        if max_frequency is None and not self.is_finite:
            raise RepresentationError(
                f"max_frequency: {self.name} has infinitely many irreps; pass the highest frequency you want"
            )
        if max_frequency is not None:
            max_frequency = require_count("max_frequency", max_frequency, RepresentationError)
            what, advice = f"the irreps of {self.name} up to frequency {max_frequency:,}", "take a lower frequency"
            require_room("max_frequency", what, max_frequency + 1, advice, RepresentationError, MOST_VALUES)
        if max_frequency is not None and self.is_finite:
            highest = max(Irrep(self, label).frequency for label in self._labels(None))
            if max_frequency > highest:
                raise RepresentationError(
                    f"max_frequency: {self.name} has no irrep above frequency {highest}, got {max_frequency}"
                )
        return tuple(Irrep(self, label) for label in self._labels(max_frequency))

    @property
    def trivial(self) -> Irrep:
        """The trivial representation, of size 1: scalars."""
        return Irrep(self, self._labels(0)[0])

    @property
    def vector(self) -> Representation:
        """The action on R^d itself, of size d, components in the order (x, y[, z]): vectors.

        Raises:
            RepresentationError: the group acts on no space.
        """
        return Defining(self)

    @property
    def regular(self) -> Representation:
        """The regular representation of a finite group: e_h -> e_gh, the basis in the order of `elements`.

        Raises:
            RepresentationError: the group is continuous; use `band_limited`.
        """
        if not self.is_finite:
            raise RepresentationError(
                f"regular: {self.name} is continuous, so its regular representation has no finite size; "
                f"use .band_limited(max_frequency)"
            )
        return self.quotient(self.trivial_subgroup)

    def quotient(self, subgroup: "Group | str", max_frequency: Band | None = None) -> Representation:
        """Functions on the cosets G/H: permutations when there are finitely many, else band-limited.

        With finitely many cosets g_i H the basis vectors are the cosets, in the order of their first elements, and g
        takes that of g_i H to that of g g_i H. With infinitely many they are a Fourier basis, see `fourier`; SO(3)/Cinf
        is the sphere.

        Args:
            subgroup: a subgroup H of this group or its name.
            max_frequency: the highest frequency of the irreps that are kept; or a list of those irreps or their labels,
                such as ["0", "2"]. Needed when G/H is infinite.

        Returns:
            `Induced`, or with `max_frequency` `BandLimited`.

        Raises:
            GroupError: it is not a subgroup of this group.
            RepresentationError: `max_frequency` is missing for infinitely many cosets, or a frequency is given for
                finitely many; an irrep of the list does not occur, or is none.
        """
        found = self._named_subgroup(subgroup)
        return found.trivial.induce(self, max_frequency)

    def band_limited(self, max_frequency: Band) -> Representation:
        """The regular representation cut at a frequency, or to some irreps, in its Fourier basis.

        Each irrep of size d occurs d, d/2 or d/4 times: real, complex or quaternionic type (Peter-Weyl over the reals).

        Args:
            max_frequency: the highest frequency of the irreps that are kept; or a list of those irreps or their labels.

        Returns:
            The representation; its parts are irreps in the order of `irreps`.

        Raises:
            RepresentationError: `max_frequency` is not an integer between 0 and the highest frequency of the group, and
                no list of different irreps of this group.

        Example:
            >>> import steer
            >>> [psi.label for psi in steer.group("SO(2)", dim=2).band_limited(["0", "2"]).irreps]
            ['0', '2']
        """
        highest, kept = kept_irreps(self, self.trivial_subgroup, max_frequency)
        share = {"real": 1, "complex": 2, "quaternionic": 4}
        if self._is_solid:  # each degree l comes 2 l + 1 times
            what, advice = f"the irreps of {self.name} with their copies", "take a lower frequency"
            require_room("max_frequency", what, (highest + 1) ** 2, advice, RepresentationError, MOST_VALUES)
        chosen = self.irreps(highest) if kept is None else kept
        parts = [psi for psi in chosen for _ in range(psi.size // share[psi.type])]
        return BandLimited(tuple(parts), self.trivial_subgroup, highest, kept)

    def sections(self, base: Representation, max_frequency: Band) -> Representation:
        """Fields over the cosets G/H of a representation W of a subgroup H, band-limited: spins on the sphere, ...

        They are the functions f from G to W with f(g h) = W(h)^-1 f(g), cut to the irreps of a band. The irreps are
        those of ``base.induce(G, max_frequency)``; this representation also says which fields they are, for
        `steer.reps.fourier` and `steer.nn.FourierAct` to sample them.

        Args:
            base: W, a representation of a subgroup of this group.
            max_frequency: the highest frequency of the irreps that are kept, or a list of those irreps or their labels.

        Returns:
            `Sections`; for the trivial W functions on the cosets, as `quotient` gives them.

        Raises:
            GroupError: the group that `base` represents is not a subgroup of this group.
            RepresentationError: `base` is no representation; no such band; no irrep up to the frequency, or not all of
                the list, occur.

        Example:
            >>> import steer
            >>> SO3 = steer.group("SO(3)", dim=3)
            >>> tangent = SO3.sections(SO3.subgroup("Cinf").irrep("E1"), 2)  # gradients and curls of degree 1 and 2
            >>> [psi.label for psi in tangent.irreps]
            ['1', '1', '2', '2']
        """
        if not isinstance(base, Representation):
            raise RepresentationError(f"base: expected a representation of a subgroup of {self!r}, got {base!r}")
        return sections(base, self._containing(base.group), max_frequency)

    def index(self, subgroup: "Group | str") -> int | float:
        """The index of a subgroup H, the number of cosets g H.

        Args:
            subgroup: a subgroup of this group or its name.

        Returns:
            The index, `math.inf` when there are infinitely many cosets.

        Raises:
            GroupError: it is not a subgroup of this group.
        """
        found = self._named_subgroup(subgroup)
        # a subgroup of finite index contains the identity component, and with it the components of its own elements
        return len(self.components) // len(found.components) if has_finite_index(self, found) else math.inf

    def cosets(self, subgroup: "Group | str") -> Array:
        """One element of each coset g H of a subgroup H of finite index: the first in the order of `components`.

        Args:
            subgroup: a subgroup of this group or its name.

        Returns:
            Representatives (index, d, d), the identity first.

        Raises:
            GroupError: it is not a subgroup of this group, or has infinitely many cosets.
        """
        found = self._named_subgroup(subgroup)
        if not has_finite_index(self, found):
            raise GroupError(
                f"subgroup: {self.name}/{found.name} has infinitely many cosets; sample them with steer.reps.quadrature"
            )
        return cosets(self, found).representatives

    def _decompose(self, rep: Representation) -> Decomposition:
        """`decompose` of a representation of this group, by projectors."""
        irreps: list[Irrep] = []
        columns: list[Array] = []
        for psi in self.irreps(None if self.is_finite else rep._degree):
            found = isometries(psi, rep)
            irreps += len(found) * [psi]
            columns += found
        return Decomposition(tuple(irreps), frozen(np.concatenate(columns, axis=1)))

    def _at_tensors(self, rep: Representation, g: Any) -> Any:
        """`Representation.torch` of a representation of this group."""
        return at_tensors(rep, g)

    def _fixes_a_vector(self, rep: Representation) -> bool:
        """`Representation.contains_trivial` of a representation of this group."""
        return multiplicity(self.trivial, rep) > 0

    def _induce(self, rep: Representation, group: "Group", max_frequency: Band | None) -> Representation:
        """`Representation.induce` of a representation of this group."""
        return induce(rep, require_group("group", group)._containing(self), max_frequency)

    def _containing(self, small: "Group") -> "Group":
        """This group, if it contains another one."""
        if not small <= self:
            raise GroupError(
                f"group: {small!r}, which this represents, is not a subgroup of {self!r}; "
                f"induce to a group that contains it, in the same setting"
            )
        return self

    def harmonic(self, degree: int) -> Representation:
        """The action on the real harmonics of a degree: Y(g x) = D(g) Y(x) with Y as in `steer.reps.harmonics`.

        Args:
            degree: an integer >= 0.

        Returns:
            The representation D, of size 1 for degree 0; above, of size 2 in the plane, 2 degree + 1 in space, and 1
            on a line.

        Raises:
            RepresentationError: the degree is not an integer >= 0, or there are no harmonics of it: above degree 1 on a
                line, above 0 in no or more than three dimensions.
        """
        return self._harmonic(require_count("degree", degree, RepresentationError))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing(type(self).__name__, name, dir(type(self)))

    def __str__(self) -> str:
        return self.name
