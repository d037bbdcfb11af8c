"""Quadratures of compact groups and their cosets: exact to a degree, exactly symmetric, or evenly spread."""

import dataclasses
import functools
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..._values import MEMBERSHIP, Array, Frozen, frozen, is_one_of, require_count, require_room
from ...errors import GroupError
from ..groups._diagonal import Diagonal
from ..groups._products import FACTORS, DirectProduct, pairs
from ..groups._settings import about_z
from ..theory._cosets import columns, cosets, fixed_vectors, has_finite_index
from ..theory._group import Group, require_group
from ..theory._representation import Irrep
from ._point_sets import LEBEDEV, Rule, fibonacci, latitudes, lebedev, super_fibonacci

KINDS = ("product", "lebedev", "orbit", "spread")

EXACT = 1e-12
"""A mean over nodes below this is zero: sums of thousands of numbers of size 1 with weights that add up to 1."""


@dataclass(frozen=True, repr=False)
class Quadrature(Frozen):
    """Nodes and weights on a group G or its cosets G/H, equal by value; get one from `quadrature`.

    The mean of f over the group (normalised Haar measure), or of f(g H) over the cosets, is weights @ f(elements).

    Attributes:
        group: G.
        subgroup: H, trivial on G itself.
        kind: how the nodes are chosen.
        requested: the degree asked for, if any.
        size: the number of nodes asked for, if any.
        symmetry: the group under which the nodes are exactly symmetric, if any.
    """

    group: Group
    subgroup: Group
    kind: str
    requested: int | None
    size: int | None
    symmetry: Group | None

    @functools.cached_property
    def _rule(self) -> Rule:
        elements, weights = _build(self)
        return Rule(frozen(elements), frozen(weights))

    @property
    def elements(self) -> Array:
        """The nodes (n, d, d), elements of the group; on G/H, one representative of each coset g H."""
        return self._rule.elements

    @property
    def weights(self) -> Array:
        """The weights (n,), positive with sum 1, in the order of `elements`."""
        return self._rule.weights

    def __len__(self) -> int:
        return len(self.weights)

    def torch(self, *, dtype: Any = None, device: Any = None) -> tuple[Any, Any]:
        """The nodes and weights as torch tensors: the mean of f is ``weights @ f(elements)``.

        Args:
            dtype: of the tensors, a torch dtype of floating point; float64 by default.
            device: of the tensors, as torch takes it.

        Returns:
            The nodes (n, d, d) and the weights (n,), fresh.

        Raises:
            GroupError: `dtype` is not one of floating point, or there is no such device.

        Example:
            >>> import steer, torch
            >>> SO3 = steer.group("SO(3)", dim=3)
            >>> elements, weights = steer.reps.quadrature(SO3, 4).torch(dtype=torch.float32)
            >>> mean = torch.tensordot(weights, SO3.irrep("2").torch(elements), 1)
            >>> bool(mean.abs().max() < 1e-6)
            True
        """
        import torch

        wanted = torch.float64 if dtype is None else dtype
        if not isinstance(wanted, torch.dtype) or not wanted.is_floating_point:
            raise GroupError(f"dtype: expected a torch dtype of floating point, got {dtype!r}")
        try:
            elements, weights = (torch.tensor(part, dtype=wanted, device=device) for part in self._rule)
        except (TypeError, RuntimeError, AssertionError, ValueError) as cause:  # as torch has it, by device
            raise GroupError(f"device: expected a device of torch that is there, got {device!r}") from cause
        return elements, weights

    @functools.cached_property
    def degree(self) -> int | float:
        """The degree: irreps up to this frequency are integrated exactly (on G/H: at their vectors fixed by H).

        `math.inf` when all are, -1 when not even those of frequency 0 are. Where no degree was asked for, the largest
        found by integrating irreps, to 1e-12.
        """
        finite = has_finite_index(self.group, self.subgroup)
        if self.symmetry is None and finite:
            return math.inf
        if self.requested is not None and not finite:
            return self.requested
        # where H contains the identity component of G, irreps with vectors fixed by H have frequency 0
        bound = max(psi.frequency for psi in self.group.irreps()) if self.group.is_finite else 0
        for degree in range(bound + 1) if finite else itertools.count():
            if any(_mean(self._rule, psi, self.subgroup) > EXACT for psi in _irreps(self.group, degree, degree)):
                return degree - 1
        return math.inf

    def error(self, max_degree: int) -> float:
        """The Haar error: the largest mean of a matrix element of a nontrivial irrep, which should be 0.

        That is the largest ``abs(weights @ psi(elements)[:, i, j])``. On G/H the columns are psi(g) v for an
        orthonormal basis of vectors v fixed by H.

        Args:
            max_degree: the highest frequency of the irreps psi.

        Returns:
            A number >= 0.

        Raises:
            GroupError: `max_degree` is not an integer >= 0.
        """
        max_degree = require_count("max_degree", max_degree, GroupError)
        return max(_mean(self._rule, psi, self.subgroup) for psi in _irreps(self.group, max_degree))

    def __repr__(self) -> str:
        small = self.subgroup if self.subgroup.order > 1 else None
        named = {"subgroup": small, "kind": self.kind, "size": self.size, "symmetry": self.symmetry}
        shown = [repr(self.group), *([] if self.requested is None else [str(self.requested)])]
        shown += [f"{name}={value!r}" for name, value in named.items() if value is not None]
        return f"steer.reps.quadrature({', '.join(shown)})"


def quadrature(
    group: Group,
    degree: int | None = None,
    *,
    subgroup: Group | str | None = None,
    kind: str = "product",
    size: int | None = None,
    symmetry: Group | str | None = None,
) -> Quadrature:
    """A quadrature of the normalised Haar measure of a group G, or of the invariant measure of its cosets G/H.

    One of degree L integrates exactly every product of irreps whose frequencies add up to at most L; on G/H, of their
    vectors fixed by H. Where there are finitely many cosets, all are nodes, of equal weights, whatever the degree.

    Args:
        group: G.
        degree: L, an integer >= 0; not for kind "spread".
        subgroup: H or its name; None for a quadrature on G.
        kind: how the nodes are chosen.

            "product": equidistant angles and Gauss-Legendre latitudes, on G as in `Group.haar`. Invariance under H
            shortens the range of each: SO(3)/Cinf is (L + 1)(L // 2 + 1) points of the sphere.

            "lebedev", on SO(3) and O(3): Lebedev's points of the sphere, about a third fewer, times equidistant angles
            about each; L up to 131.

            "orbit": exactly symmetric under left multiplication by a finite subgroup S of G. It is the orbit of the
            identity (coset); or, where that is not exact to a degree asked for, all images under S of a product rule.

            "spread": equal weights and low discrepancy; `Quadrature.error` measures it. Equidistant angles (exact),
            Fibonacci lattices where H has all rotations about an axis, super-Fibonacci spirals on SO(3) otherwise; the
            same in each connected part.
        size: the number of nodes for kind "spread", an integer >= 1 and a multiple of the number of connected parts.
        symmetry: S or its name, for kind "orbit".

    Returns:
        The nodes and weights, a frozen value.

    Raises:
        GroupError: an argument is missing, not for this kind, of the wrong type or out of range; H or S is not a
            subgroup of G, or S is not finite.

    Source:
        Lebedev, Laikov, Doklady Math. 59 (1999) 477. Sobolev, Siberian Math. J. 3 (1962) 769: symmetric rules need be
        exact for invariant functions only. González, Math. Geosci. 42 (2010) 49. Alexa, CVPR 2022, algorithm 1.

    Example:
        >>> import steer
        >>> rule = steer.reps.quadrature(steer.group("SO(3)", dim=3), 4, subgroup="Cinf")  # on the sphere
        >>> len(rule), rule.elements.shape, round(float(rule.weights.sum()), 12)
        (15, (15, 3, 3), 1.0)
    """
    group = require_group("group", group)
    small = group.trivial_subgroup if subgroup is None else group._named_subgroup(subgroup)
    _check_kind(group, small, kind, {"spread": ("size", size), "orbit": ("symmetry", symmetry)})
    degree = _checked_degree(degree, kind, has_finite_index(group, small))
    size = None if size is None else _checked_size(size, group, small)
    if degree is not None and not has_finite_index(group, small):
        nodes = group._node_count(degree) / small.order if small.is_finite else (degree + 1) ** (1 + group._is_solid)
        what, advice = f"a quadrature of degree {degree:,}", "take a lower degree"
        require_room("degree", what, nodes * group.element_size**2, advice, GroupError)
    return Quadrature(group, small, kind, degree, size, None if symmetry is None else _finite(symmetry, group))


def _check_kind(group: Group, subgroup: Group, kind: str, owned: dict[str, tuple[str, object]]) -> None:
    """Refuse a kind that does not suit the group, and arguments (name, value) that belong to another kind."""
    if not is_one_of(kind, KINDS):
        raise GroupError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    if not {"lebedev": group._is_solid, "spread": group._connected is not None or group.is_finite}.get(kind, True):
        raise GroupError(f"kind: there is no {kind!r} quadrature of {group!r}; use 'product'")
    if kind == "spread" and has_finite_index(group, subgroup):
        raise GroupError(f"kind: {group.name}/{subgroup.name} is finite, and the sum over it exact; use 'product'")
    for owner, (argument, value) in owned.items():
        if (value is None) == (kind == owner):
            wanted = f"kind={owner!r} needs it" if value is None else f"only kind={owner!r} takes it"
            raise GroupError(f"{argument}: {wanted}, got {value!r} with kind={kind!r}")


def _checked_degree(degree: int | None, kind: str, is_finite: bool) -> int | None:
    if kind == "spread" and degree is not None:
        raise GroupError(f"degree: kind='spread' takes a size and no degree, got {degree!r}")
    if kind in ("product", "lebedev") and degree is None and not is_finite:
        raise GroupError(f"degree: kind={kind!r} needs it; pass the highest frequency to integrate exactly")
    found = None if degree is None else require_count("degree", degree, GroupError)
    if kind == "lebedev":
        if (found or 0) > LEBEDEV[-1]:
            raise GroupError(f"degree: Lebedev rules go up to {LEBEDEV[-1]}, got {found}; use kind='product'")
        lebedev(found or 0)
    return found


def _checked_size(size: int, group: Group, subgroup: Group) -> int:
    found = require_count("size", size, GroupError)
    what, numbers = f"{found:,} nodes", found * group.element_size**2
    require_room("size", what, numbers, "take fewer nodes", GroupError)
    parts = len(_component_representatives(group, group.trivial_subgroup, subgroup))
    if found < 1 or found % parts:
        raise GroupError(f"size: expected a positive multiple of {parts}, the number of connected parts, got {found}")
    return found


def _finite(symmetry: Group | str, group: Group) -> Group:
    found = group.subgroup(symmetry) if isinstance(symmetry, str) else require_group("symmetry", symmetry)
    if not found.is_finite or not found <= group:
        raise GroupError(f"symmetry: expected a finite subgroup of {group!r}, got {found!r}")
    return found


def _irreps(group: Group, highest: int, lowest: int = 0) -> list[Irrep]:
    """The irreps with frequencies in a range, which may go above the highest one."""
    found = group.irreps(None if group.is_finite else highest)
    return [psi for psi in found if lowest <= psi.frequency <= highest]


def _mean(rule: Rule, psi: Irrep, subgroup: Group) -> float:
    """The largest entry of the mean of an irrep over nodes, at vectors fixed by a subgroup; 0 for the trivial irrep."""
    fixed = fixed_vectors(psi, subgroup)
    if psi.is_trivial or not len(fixed):
        return 0.0
    return float(np.abs(np.tensordot(rule.weights, columns(psi, rule.elements, fixed), 1)).max())


def _build(asked: Quadrature) -> Rule:
    group, small, symmetry = asked.group, asked.subgroup, asked.symmetry
    if group._bare != group:  # the same elements, whatever they move
        return _build(dataclasses.replace(asked, group=group._bare, subgroup=small._bare, symmetry=_bare(symmetry)))
    if isinstance(group, Diagonal) and isinstance(small, Diagonal) and isinstance(symmetry, Diagonal | None):
        # the same nodes as of the group that it is a copy of
        own = None if symmetry is None else symmetry.base
        found = _build(dataclasses.replace(asked, group=group.base, subgroup=small.base, symmetry=own))
        return Rule(group._lift(found.elements), found.weights)
    if isinstance(group, DirectProduct) and symmetry is not None and _is_product(small, symmetry):
        return _of_factors(asked, group)
    if symmetry is not None:
        orbit = _merged(_uniform(symmetry.elements), small)
        wanted = [] if asked.requested is None else _irreps(group, asked.requested)
        if all(_mean(orbit, psi, small) <= EXACT for psi in wanted):
            return orbit
    if has_finite_index(group, small):
        return _uniform(cosets(group, small).representatives)
    left = group.trivial_subgroup if symmetry is None else symmetry
    if group._connected is None:
        return _merged(_images(left.elements, Rule(*group.haar(asked.requested or 0))), small)
    parts = _component_representatives(group, left, small)
    count = None if asked.size is None else asked.size // len(parts)
    found = _rotations(asked, _axis(left), _axis(small), count) if group._is_solid else _turns(asked, left, count)
    found = _images(parts, found)
    return found if symmetry is None else _merged(_images(symmetry.elements, found), small)


def _bare(group: Group | None) -> Group | None:
    return None if group is None else group._bare


def _is_product(*groups: Group) -> bool:
    return all(isinstance(small, DirectProduct) for small in groups)


def _of_factors(asked: Quadrature, group: DirectProduct) -> Rule:
    """All pairs of nodes of rules of the two factors: cosets of products are products of cosets."""
    rules = []
    for name in FACTORS:
        factor, small, symmetry = (getattr(whole, name) for whole in (group, asked.subgroup, asked.symmetry))
        if has_finite_index(factor, small) and not has_finite_index(group, asked.subgroup):
            rules.append(_uniform(cosets(factor, small).representatives))  # frequencies of the other factor alone count
        else:
            rules.append(_build(Quadrature(factor, small, asked.kind, asked.requested, None, symmetry)))
    first, second = rules
    return Rule(pairs(first.elements, second.elements), np.outer(first.weights, second.weights).ravel())


def _uniform(elements: Array) -> Rule:
    return Rule(elements, np.full(len(elements), 1 / len(elements)))


def _images(elements: Array, rule: Rule) -> Rule:
    """The mean of a rule over its images under elements (n, d, d), which vary slowest."""
    images = (elements[:, None] @ rule.elements).reshape(-1, *elements.shape[1:])
    return Rule(images, np.tile(rule.weights, len(elements)) / len(elements))


def _identity_component(group: Group) -> Group:
    """The connected component of the identity of a group made of circles or copies of SO(3)."""
    assert group._connected is not None, "others have no rule of their own"
    return group._connected


def _component_representatives(group: Group, left: Group, right: Group) -> Array:
    """(n, d, d): one of `group.components` for each connected part of the double cosets, the identity first."""
    inner = _identity_component(group)
    found = group.components[:1]
    for g in group.components[1:]:
        # g = s f g0 h with s, h in the subgroups, f found before and g0 in the component of the identity
        moved = left._inverse(left.components) @ g
        candidates = moved[:, None] @ right._inverse(right.components)
        if not inner._contains(group._inverse(found)[:, None, None] @ candidates).any():
            found = np.concatenate([found, g[None]])
    return found


def _turns(asked: Quadrature, left: Group, count: int | None) -> Rule:
    """Equidistant rotations of a one-dimensional group, in the range that its subgroups leave over."""
    inner = _identity_component(asked.group)
    order = math.lcm(*(int(inner._contains(small.elements).sum()) for small in (left, asked.subgroup)))
    count = (asked.requested or 0) // order + 1 if count is None else count
    return _uniform(inner.haar(order * count - 1)[0][:count])


class _Axis(NamedTuple):
    """The rotations of a group about the z axis of a frame: how many (None: all), and whether others reverse it."""

    frame: Array
    order: int | None
    reversed: bool


def _axis(group: Group) -> _Axis:
    # the dihedral group of the pentagon has more elements than that of the standard setting, D2
    group = group.subgroup("D5") if group.name in ("I", "Ih") else group
    proper = group.standard.components
    proper = proper[np.linalg.det(proper) > 0]
    order = int(np.sum(proper[:, 2, 2] > 1 - MEMBERSHIP)) if group.is_finite else None
    return _Axis(group.frame, order, bool(np.any(proper[:, 2, 2] < MEMBERSHIP - 1)))


def _rotations(asked: Quadrature, left: _Axis, right: _Axis, count: int | None) -> Rule:
    """Nodes A R(p) Rz(c) B^-1 on SO(3): A and B the frames, p points of a sphere, R(p) z = p, c equidistant angles.

    The mean over c leaves harmonics of p; even ones if `right` is reversed. The mean over the azimuth of p leaves
    Legendre polynomials; even ones if `left` is reversed too.
    """
    degree = asked.requested or 0
    if count is not None and right.order is not None:
        return _uniform(super_fibonacci(count))
    if count is not None:
        points, weights = _uniform(fibonacci(count, right.reversed))
    elif asked.kind == "lebedev":
        points, weights = lebedev(degree)
        if right.reversed:  # of opposite points one is enough
            upper = np.array([point[np.flatnonzero(point)[-1]] > 0 for point in points])
            points, weights = points[upper], 2 * weights[upper]
    else:
        points, weights = latitudes(degree, left.order or 1, left.reversed or right.reversed)
    per_turn = degree // right.order + 1 if right.order is not None else 1
    turns = np.stack([about_z(Fraction(2 * k, (right.order or 1) * per_turn)) for k in range(per_turn)])
    x, y, z = points.T
    sine = np.hypot(x, y)
    cos_a, sin_a = np.where(sine > 0, points[:, :2].T / np.where(sine > 0, sine, 1.0), [[1.0], [0.0]])
    rows = [[cos_a * z, -sin_a, x], [sin_a * z, cos_a, y], [-sine, np.zeros_like(z), z]]
    tilts = left.frame @ np.stack([np.stack(row, -1) for row in rows], -2)  # Rz(a) Ry(b) takes z to p
    nodes = (tilts[:, None] @ (turns @ right.frame.T)).reshape(-1, 3, 3)
    return Rule(nodes, np.repeat(weights, len(turns)) / len(turns))


def _merged(rule: Rule, subgroup: Group) -> Rule:
    """The rule with one node for each coset g H, the first of them, and the sum of their weights."""
    elements, weights = rule
    key = _coset_key(elements, subgroup)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order]) > 1e-9) + 1  # far above rounding; distinct cosets may come closer
    found: dict[int, float] = {}
    for cluster in np.split(order, starts):
        left = np.sort(cluster)
        while len(left):
            same = (
                np.ones(1, bool)
                if len(left) == 1
                else subgroup._contains(subgroup._inverse(elements[left[0]]) @ elements[left])
            )
            found[int(left[0])] = float(weights[left[same]].sum())
            left = left[~same]
    kept = sorted(found)
    return Rule(elements[kept], np.array([found[i] for i in kept]))


def _coset_key(elements: Array, subgroup: Group) -> Array:
    """(n,): a number that is equal for elements of one coset g H: the mean over H of a polynomial in g h.

    Degree 6 is the lowest at which polynomials that are invariant under any H, even Ih, tell cosets apart.
    """
    size = elements.shape[-1]
    direction = np.cos(np.arange(1.0, size**2 + 1)).reshape(size, size)  # no symmetry
    nodes, weights = subgroup.haar(6)
    turned = np.tensordot(direction, nodes, ([1], [2])).transpose(1, 0, 2)  # <A, g h> = <A h^T, g>
    x = elements.reshape(len(elements), -1) @ turned.reshape(len(nodes), -1).T / np.linalg.norm(direction)
    return np.asarray(sum(x**k for k in range(1, 7)) @ weights)
