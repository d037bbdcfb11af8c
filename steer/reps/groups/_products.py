"""Direct products with an internal group, such as SO(3) x C2: pairs of elements, of which the first moves space."""

import functools
import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..._linalg import orthonormal_columns
from ..._values import MOST_VALUES, Array, frozen, is_one_of, require_count, require_room
from ...errors import GroupError, RepresentationError
from ..theory._decomposition import Decomposition
from ..theory._group import Group, require_group
from ..theory._intertwiner import clebsch_gordan, endomorphisms
from ..theory._lattice import Moves
from ..theory._representation import Irrep, IrrepData, Representation, block_diagonal
from ..theory._tensors import irreps_at
from ._diagonal import Diagonal, diagonal

FACTORS = ("first", "second")


def direct_product(first: Group, second: Group) -> "DirectProduct":
    """The direct product of two groups, of which the first moves space and the second is internal.

    Elements are the block-diagonal matrices diag(g, h), of size first.element_size + second.element_size; `dim` and
    `action` are those of g. Either may be any group of this package, another product too.

    The irreps are the outer tensor products a(g) (x) b(h), components of b fastest. They are labelled "(a, b)", e.g.
    "(1, B)" of SO(3) x C2. When a and b are both of complex type, their product splits in two: "(a, b)+" is where
    J (x) 1 = 1 (x) J and "(a, b)-" where J (x) 1 = -1 (x) J, with J the second of the `endomorphisms` of a and of b.
    So with irreps that turn by k s and l t, "+" turns by k s + l t and "-" by k s - l t, up to orientation. Their bases
    are fixed by the gauge rule of `intertwiners`, applied to the columns of the projectors (1 -+ J (x) J) / 2.

    The frequency of an irrep is the sum of those of a and b; a finite factor does not count beside a continuous one,
    just as g and u do not in O(3).

    Subgroups are called by name: "first" and "second" are the factors G x 1 and 1 x H, "C2 x C1" is the product of
    these subgroups of the factors. Representations are restricted to all of these, and also to `product.first` and
    `product.second`, which gives representations of the factors themselves.

    Args:
        first: the group that moves space.
        second: the internal group.

    Returns:
        The product, a frozen value.

    Raises:
        GroupError: an argument is not a group.
        RepresentationError: on asking for irreps, if one factor has irreps of quaternionic type and the other has any
            not of real type (no group of the catalogue has quaternionic ones).

    Source:
        Broecker, tom Dieck, Representations of Compact Lie Groups (1985), II.4 and II.6.

    Example:
        >>> import steer
        >>> G = steer.reps.direct_product(steer.group("SO(3)", dim=3), steer.group("C2", dim=3))
        >>> [psi.label for psi in G.irreps(1)]
        ['(0, A)', '(0, B)', '(1, A)', '(1, B)']
    """
    return DirectProduct(require_group("first", first), require_group("second", second))


class _Outer(NamedTuple):
    """An irrep of a product: an irrep of each factor, and a sign where the outer product splits in two."""

    first: Irrep
    second: Irrep
    sign: str


@dataclass(frozen=True, repr=False)
class DirectProduct(Group):
    """The direct product of two groups, of which the first moves space; get one from `steer.reps.direct_product`.

    Args:
        first: the group that moves space.
        second: the internal group.
    """

    first: Group
    second: Group

    @property
    def name(self) -> str:
        return " x ".join(f"({g.name})" if " x " in g.name else g.name for g in (self.first, self.second))

    def __repr__(self) -> str:
        return f"steer.reps.direct_product({self.first!r}, {self.second!r})"

    @property
    def dim(self) -> int:
        return self.first.dim

    @property
    def element_size(self) -> int:
        return self.first.element_size + self.second.element_size

    @property
    def order(self) -> int | float:
        return self.first.order * self.second.order

    # Elements -------------------------------------------------------------------------------------------------------

    def _part(self, g: Any, factor: str) -> Any:
        """The block of elements that belongs to a factor."""
        size = self.first.element_size
        return g[..., :size, :size] if factor == "first" else g[..., size:, size:]

    def _inject(self, g: Array, factor: str) -> Array:
        """Elements of a factor beside the identity of the other."""
        other = self.second if factor == "first" else self.first
        size = other.element_size
        identity = np.broadcast_to(np.eye(size), (*g.shape[:-2], size, size))
        return block_diagonal([g, identity] if factor == "first" else [identity, g])

    @functools.cached_property
    def generators(self) -> Array:
        both = self._inject(self.first.generators, "first"), self._inject(self.second.generators, "second")
        return frozen(np.concatenate(both))

    @functools.cached_property
    def identity_component(self) -> Array:
        first, second = self.first.identity_component, self.second.identity_component
        return frozen(np.concatenate([self._inject(first, "first"), self._inject(second, "second")]))

    def _node_count(self, max_degree: int) -> int | float:
        return self.first._node_count(max_degree) * self.second._node_count(max_degree)

    @functools.cached_property
    def components(self) -> Array:
        if self.is_finite:
            self._require_nodes(0)
        return frozen(pairs(self.first.components, self.second.components))

    @property
    def frame(self) -> Array:
        return frozen(block_diagonal([self.first.frame, self.second.frame]))

    @property
    def standard(self) -> "DirectProduct":
        return DirectProduct(self.first.standard, self.second.standard)

    def haar(self, max_degree: int = 0) -> tuple[Array, Array]:
        max_degree = require_count("max_degree", max_degree, GroupError)
        self._require_nodes(max_degree)
        return _haar(self, 0 if self.is_finite else max_degree)

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        seeds = rng.integers(2**32, size=2)
        return block_diagonal([self.first.sample(n, int(seeds[0])), self.second.sample(n, int(seeds[1]))])

    def _distance(self, g: Array) -> Array:
        size = self.first.element_size
        blocks = [getattr(self, factor)._distance(self._part(g, factor)) for factor in FACTORS]
        beside = [
            np.linalg.norm(g[..., :size, size:], axis=(-2, -1)),
            np.linalg.norm(g[..., size:, :size], axis=(-2, -1)),
        ]
        return np.asarray(np.linalg.norm(np.stack(blocks + beside, -1), axis=-1))

    def _projected(self, g: Array) -> Array:
        return block_diagonal([getattr(self, factor)._projected(self._part(g, factor)) for factor in FACTORS])

    def _nearest(self, g: Array) -> npt.NDArray[np.intp]:
        first, second = (getattr(self, factor)._nearest(self._part(g, factor)) for factor in FACTORS)
        return np.asarray(first * len(self.second.components) + second)

    def _action(self, g: Array) -> Array:
        return self.first._action(self._part(g, "first"))

    @property
    def _action_degree(self) -> int:
        return self.first._action_degree

    def _harmonic(self, degree: int) -> Representation:
        return self.inflate(self.first.harmonic(degree), "first")

    def _grid_symmetries(self) -> Array:
        return pairs(self.first._grid_symmetries(), self.second._some_elements())

    def _finite_with(self, moves: Moves) -> "DirectProduct | None":
        found = []
        for factor, other in (FACTORS, FACTORS[::-1]):
            mine, beside = getattr(self, factor), getattr(self, other)
            # of a pair that moves space by a target, one moves it by a target times an inverse move of the other
            shifts = moves.action(self._inject(beside.components, other))
            targets = (moves.targets[:, None] @ np.swapaxes(shifts, 1, 2)).reshape(-1, *moves.targets.shape[1:])
            action = functools.partial(self._through_factor, moves, factor)
            small = mine if mine.is_finite else mine._finite_with(Moves(action, moves.degree, targets))
            if small is None:
                return None
            found.append(small)
        return DirectProduct(*found)

    def _through_factor(self, moves: Moves, factor: str, g: Array) -> Array:
        return moves.action(self._inject(g, factor))

    def _lifted(self, subgroup: Group, small: Group) -> Group:
        if subgroup == self.first:
            return DirectProduct(small, self.second.trivial_subgroup)
        if subgroup == self.second:
            return DirectProduct(self.first.trivial_subgroup, small)
        return small._bare

    @property
    def _dimension(self) -> int:
        return self.first._dimension + self.second._dimension

    # Irreps ---------------------------------------------------------------------------------------------------------

    def _irrep_data(self, label: str) -> IrrepData | None:
        found = re.fullmatch(r"\((.*)\)([+-]?)", label)
        labels = found and _halves(found[1], ", ")
        if not found or not labels:
            return None
        try:
            outer = _Outer(Irrep(self.first, labels[0]), Irrep(self.second, labels[1]), found[2])
        except RepresentationError:  # a factor has no irrep of that label
            return None
        first, second, sign = outer
        if sign not in _signs(first, second):
            return None
        kind = second.type if first.type == "real" else first.type
        size = first.size * second.size // (2 if sign else 1)
        return IrrepData(size, self._frequency(first, second), kind, functools.partial(self._at, outer), outer)

    def _frequency(self, first: Irrep, second: Irrep) -> int:
        return sum(psi.frequency for psi in (first, second) if self.is_finite or not psi.group.is_finite)

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        factors = (self.first, self.second)
        labels = [group._labels(None if group.is_finite else max_frequency) for group in factors]
        what, advice = f"the pairs of irreps of {self.name}", "take a lower frequency, or irreps one by one"
        require_room("irreps", what, len(labels[0]) * len(labels[1]), advice, RepresentationError, MOST_VALUES)
        known = [[Irrep(group, label) for label in names] for group, names in zip(factors, labels, strict=True)]
        found = []
        for first, second in itertools.product(*known):
            if max_frequency is None or self._frequency(first, second) <= max_frequency:
                found += [f"({first.label}, {second.label}){sign}" for sign in _signs(first, second)]
        return tuple(found)

    def _at(self, outer: "_Outer", g: Array) -> Array:
        """(..., size, size): an outer product of irreps, or the half of it, at elements g."""
        left, right = outer.first._matrices(self._part(g, "first")), outer.second._matrices(self._part(g, "second"))
        size = outer.first.size * outer.second.size
        product = np.einsum("...ij,...kl->...ikjl", left, right).reshape(*g.shape[:-2], size, size)
        half = _half(*outer)
        return np.asarray(product if half is None else half @ product @ half.T)

    def _irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        outer: dict[Irrep, _Outer] = {psi: psi._data.about for psi in irreps}
        left = irreps_at(self.first, [pair.first for pair in outer.values()], self._part(g, "first"))
        right = irreps_at(self.second, [pair.second for pair in outer.values()], self._part(g, "second"))
        found = {}
        for psi, pair in outer.items():
            a, b, half = left[pair.first], right[pair.second], _half(*pair)
            product = (a[:, :, None, :, None] * b[:, None, :, None, :]).flatten(3, 4).flatten(1, 2)
            if half is not None:
                isometry = g.new_tensor(half)
                product = isometry @ product @ isometry.T
            found[psi] = product
        return found

    def _known_label(self, label: str) -> str:
        found = re.fullmatch(r"\((.*)\)([+-]?)", label)
        labels = found and _halves(found[1], ",")
        if not found or not labels:
            return label
        first, second = self.first._known_label(labels[0].strip()), self.second._known_label(labels[1].strip())
        return f"({first}, {second}){found[2]}"

    def _closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array:
        # What is invariant under G x H is the product of invariants of G and of H. Cut to halves of outer products it
        # is a frame of the same space, whose projector is again the average over the group: so the gauge is the same.
        outer: list[_Outer] = [psi._data.about for psi in (out, first, second)]
        (c, z, u), (a, x, s), (b, y, t) = outer
        both = np.einsum("ncab,mzxy->nmczaxby", clebsch_gordan(a, b, c), clebsch_gordan(x, y, z))
        maps = both.reshape(-1, c.size * z.size, a.size * x.size, b.size * y.size)
        for axis, half in enumerate((_half(c, z, u), _half(a, x, s), _half(b, y, t)), 1):
            maps = maps if half is None else np.moveaxis(np.tensordot(maps, half, axes=(axis, 1)), -1, axis)
        shape, flat = maps.shape[1:], maps.reshape(len(maps), out.size * first.size * second.size)
        rank = round(float(np.sum(flat**2)))
        columns = (flat.T @ flat[:, column] for column in range(flat.shape[1]))
        return frozen(orthonormal_columns(columns, rank, flat.shape[1]).reshape(rank, *shape))

    def inflate(self, rep: Representation, factor: str | None = None) -> Representation:
        """A representation of one factor as one of the product, on which the other factor is trivial.

        The outer product of two representations is ``product.inflate(a).tensor(product.inflate(b))``.

        Args:
            rep: a representation of `first` or `second`.
            factor: "first" or "second"; needed only when both factors are one group.

        Returns:
            An irrep for an irrep, else an `Inflation`; of the size of `rep`.

        Raises:
            RepresentationError: `rep` is not a representation of that factor, or of either.
        """
        if not isinstance(rep, Representation):
            raise RepresentationError(f"rep: expected a representation of a factor of {self.name}, got {rep!r}")
        if factor is not None and not is_one_of(factor, FACTORS):
            raise RepresentationError(f"factor: expected 'first' or 'second', got {factor!r}")
        fitting = [name for name in FACTORS if factor in (None, name) and getattr(self, name) == rep.group]
        if not fitting:
            wanted = " or ".join(repr(getattr(self, name)) for name in FACTORS if factor in (None, name))
            raise RepresentationError(f"rep: expected a representation of {wanted}, got one of {rep.group!r}")
        if len(fitting) > 1:
            raise RepresentationError(f"factor: both factors are {rep.group!r}; pass factor='first' or 'second'")
        if isinstance(rep, Irrep):
            return self._inflated(rep, fitting[0])
        return Inflation(rep, self, fitting[0])

    def _inflated(self, psi: Irrep, factor: str) -> Irrep:
        pair = (psi, self.second.trivial) if factor == "first" else (self.first.trivial, psi)
        return Irrep(self, f"({pair[0].label}, {pair[1].label})")

    # Subgroups ------------------------------------------------------------------------------------------------------

    @property
    def trivial_subgroup(self) -> "DirectProduct":
        return DirectProduct(self.first.trivial_subgroup, self.second.trivial_subgroup)

    def subgroup(self, name: str, **where: object) -> "DirectProduct":
        """The subgroup called `name`, a product of subgroups of the factors.

        Args:
            name: "first" (the pairs of an element of the first factor and 1), "second", or a product of subgroups of
                the factors, "C2 x C1". For subgroups about other axes, build the `direct_product` of two subgroups.
            **where: nothing.

        Returns:
            The product of the two subgroups.

        Raises:
            GroupError: there is no such subgroup.
        """
        if where:
            raise GroupError(
                f"{min(where)}: a subgroup of {self.name} takes a name only; for other axes, pass the value "
                f"steer.reps.direct_product(first.subgroup(...), second.subgroup(...))"
            )
        if not isinstance(name, str):
            raise GroupError(f"name: expected 'first', 'second' or a product of names, got {name!r}")
        if name == "first":
            return DirectProduct(self.first, self.second.trivial_subgroup)
        if name == "second":
            return DirectProduct(self.first.trivial_subgroup, self.second)
        names = _halves(name, " x ") if isinstance(name, str) else None
        if names is None:
            raise GroupError(
                f"name: expected 'first', 'second' or a product such as {self.trivial_subgroup.name!r}, got {name!r}"
            )
        bare = [part[1:-1] if part.startswith("(") else part for part in names]
        return DirectProduct(self.first.subgroup(bare[0]), self.second.subgroup(bare[1]))

    def diagonal(self, first: Group | str | None = None, through: Representation | None = None) -> Diagonal:
        """The pairs (k, phi(k)), for k in a subgroup K of the first factor.

        Such as the reflections of O(2) x D1 that come with a change of sign, of magnetic moments, say, which no product
        of subgroups is. With both factors equal, the pairs (g, g).

        Args:
            first: K or its name; the whole first factor when None.
            through: phi, a representation of K whose matrices are elements of the second factor; when None, each
                element of K goes to itself.

        Returns:
            The subgroup, with the irreps and the moves of K. Representations and field types of the product are
            restricted to it.

        Raises:
            GroupError: K is not a subgroup of the first factor, or `through` no representation of it by elements of the
                second.

        Example:
            >>> import steer
            >>> O2, signs = steer.group("O(2)", dim=2), steer.group("D1", dim=1)  # the numbers 1 and -1
            >>> G = steer.reps.direct_product(O2, signs)
            >>> small = G.diagonal(through=O2.irrep("0-"))  # reflections come with -1
            >>> moment = G.inflate(O2.irrep("0-")).tensor(G.inflate(signs.irrep("A2")))
            >>> [psi.label for psi in moment.restrict(small).irreps]  # of both signs nothing is left
            ['0+']
        """
        return diagonal(self, first, through)

    def subgroups(self, max_order: int = 12) -> tuple["DirectProduct", ...]:
        """The products of a subgroup of each factor, one of each conjugacy class, smallest first.

        Subgroups that are no products, such as the diagonal of C2 x C2, are left out; see `diagonal`.

        Args:
            max_order: of a continuous product, the largest order of the finite ones.

        Returns:
            The products.

        Raises:
            GroupError: `max_order` is not an integer >= 0.
        """
        max_order = require_count("max_order", max_order, GroupError)
        factors = itertools.product(self.first.subgroups(max_order), self.second.subgroups(max_order))
        found = [DirectProduct(first, second) for first, second in factors]
        kept = [small for small in found if self.is_finite or not small.is_finite or small.order <= max_order]
        return tuple(sorted(kept, key=lambda small: small.order))

    def _embed(self, subgroup: Group, g: Array) -> Array:
        for factor in FACTORS:
            if subgroup == getattr(self, factor):
                return self._inject(g, factor)
        return g

    def _named_subgroup(self, subgroup: Group | str, alike: bool = True) -> Group:
        if alike or subgroup not in (self.first, self.second):
            return super()._named_subgroup(subgroup, alike)
        if self.first == self.second and self.order > 1:
            raise GroupError(
                f"subgroup: both factors of {self.name} are {self.first!r}; restrict to 'first' or 'second', "
                f"and then to the group itself"
            )
        return require_group("subgroup", subgroup)


@dataclass(frozen=True, repr=False)
class Inflation(Representation):
    """A representation of a factor, at pairs of elements of a direct product; get one from `DirectProduct.inflate`.

    Attributes:
        base: the representation of the factor.
        group: the product.
        factor: "first" or "second".
    """

    base: Representation
    group: DirectProduct
    factor: str

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def _degree(self) -> int:
        return self.base._degree

    def _matrices(self, g: Array) -> Array:
        return self.base._matrices(self.group._part(g, self.factor))

    def _character(self, g: Array) -> Array:
        return self.base._character(self.group._part(g, self.factor))

    @property
    def _lists_places(self) -> bool:
        return self.base._lists_places

    def _places(self, g: Array) -> npt.NDArray[np.intp]:
        return self.base._places(self.group._part(g, self.factor))

    @functools.cached_property
    def decomposition(self) -> Decomposition:
        irreps = tuple(self.group._inflated(psi, self.factor) for psi in self.base.irreps)
        return Decomposition(irreps, self.base.change_of_basis)

    def __repr__(self) -> str:
        factor = f", {self.factor!r}" if self.group.first == self.group.second else ""
        return f"{self.group!r}.inflate({self.base!r}{factor})"


def pairs(first: Array, second: Array) -> Array:
    """(n * m, N, N): every element of (n, ...) beside every one of (m, ...), the first slowest."""
    tiled = np.tile(second, (len(first), 1, 1))
    return block_diagonal([np.repeat(first, len(second), axis=0), tiled])


@functools.lru_cache(maxsize=64)
def _haar(product: DirectProduct, max_degree: int) -> tuple[Array, Array]:
    (first, weights), (second, others) = product.first.haar(max_degree), product.second.haar(max_degree)
    return frozen(pairs(first, second)), frozen(np.outer(weights, others).ravel())


def _halves(text: str, separator: str) -> tuple[str, str] | None:
    """What is before and after the first separator outside of all parentheses."""
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(separator, position):
            return text[:position], text[position + len(separator) :]
    return None


def _signs(first: Irrep, second: Irrep) -> tuple[str, ...]:
    """The signs of the irreps in an outer product: none when it is one."""
    if "quaternionic" in (first.type, second.type) and "real" not in (first.type, second.type):
        raise RepresentationError(
            f"label: the products of {first!r} of {first.type} type and {second!r} of {second.type} type are not "
            f"supported; one of the two must be of real type"
        )
    return ("+", "-") if first.type == second.type == "complex" else ("",)


@functools.lru_cache(maxsize=512)
def _half(first: Irrep, second: Irrep, sign: str) -> Array | None:
    """(size, first.size * second.size): an isometry from the outer product to one of its irreps; None for all of it.

    Over the reals the outer product of complex types is C (x) C = C + C: J (x) J squares to 1 and is -1 on one of the
    two and 1 on the other.
    """
    if not sign:
        return None
    both = np.kron(endomorphisms(first)[1], endomorphisms(second)[1])
    projector = (np.eye(len(both)) + (both if sign == "-" else -both)) / 2
    return frozen(orthonormal_columns(projector.T, len(both) // 2, len(both)))
