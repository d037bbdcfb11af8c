"""Induced representations: functions on a group, on its cosets, and fibres moved by coset representatives."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..._values import Array, is_count
from ...errors import RepresentationError
from ._band import Band, Kept, kept_irreps
from ._cosets import BLOCK, coset_numbers, cosets, has_finite_index
from ._intertwiner import multiplicity
from ._representation import DirectSum, Indices, Representation

if TYPE_CHECKING:
    from ._group import Group


@dataclass(frozen=True, repr=False)
class Induced(Representation):
    """An induced representation Ind_H^G W with finitely many cosets, in the basis (coset, component of W).

    Regular and quotient representations are those with W trivial. Get one from `Representation.induce`, `Group.regular`
    or `Group.quotient`.

    Args:
        base: W, a representation of H.
        group: G.

    Source:
        Serre, Linear Representations of Finite Groups (1977), section 3.3.
    """

    base: Representation
    group: "Group"

    @property
    def subgroup(self) -> "Group":
        """The group H that it is induced from."""
        return self.base.group

    @functools.cached_property
    def cosets(self) -> Array:
        """One representative g_i of each coset g_i H, (index, d, d), the identity first."""
        return cosets(self.group, self.subgroup).representatives

    @functools.cached_property
    def size(self) -> int:
        return len(self.cosets) * self.base.size

    @property
    def name(self) -> str:
        if self.base != self.subgroup.trivial:
            return f"induced({self.base.name} of {self.subgroup.name})"
        return "regular" if self.subgroup.order == 1 else f"quotient({self.subgroup.name})"

    @property
    def _degree(self) -> int:
        return self.base._degree

    def _moved(self, flat: Array) -> Iterator[tuple[slice, Indices, Array]]:
        """Some of elements g (n, d, d) at a time: (some, cosets), the i with g g_j H = g_i H, and the g g_j."""
        step = max(1, BLOCK // self.cosets.size)
        for start in range(0, len(flat), step):
            some = slice(start, start + step)
            products = flat[some, None] @ self.cosets
            yield some, coset_numbers(self.group, self.subgroup, products), products

    def _fibre(self, to: Indices, products: Array) -> Array:
        """The g_i^-1 g g_j, which lie in H, of what `_moved` gave."""
        return np.asarray(self.group._inverse(self.cosets[to]) @ products)

    def _matrices(self, g: Array) -> Array:
        count, inner = len(self.cosets), self.base.size
        flat = g.reshape(-1, *g.shape[-2:])
        out = np.zeros((len(flat), count, inner, count, inner))
        for some, to, products in self._moved(flat):
            n = np.arange(len(flat))[some, None]
            out[n, to, :, np.arange(count), :] = self.base._matrices(self._fibre(to, products))
        return out.reshape(*g.shape[:-2], self.size, self.size)

    def _character(self, g: Array) -> Array:
        flat = g.reshape(-1, *g.shape[-2:])
        out = np.zeros(len(flat))
        for some, to, products in self._moved(flat):
            n, fixed = np.nonzero(to == np.arange(len(self.cosets)))
            traces = self.base._character(self._fibre(fixed, products[n, fixed]))
            out[some] = np.bincount(n, traces, len(to))
        return out.reshape(g.shape[:-2])

    @property
    def _lists_places(self) -> bool:
        return self.base._lists_places

    def _places(self, g: Array) -> Indices:
        flat, inner = g.reshape(-1, *g.shape[-2:]), self.base.size
        out = np.empty((len(flat), len(self.cosets), inner), dtype=np.intp)
        for some, to, products in self._moved(flat):
            out[some] = to[..., None] * inner
            if inner > 1:
                out[some] += self.base._places(self._fibre(to, products))
        return out.reshape(*g.shape[:-2], self.size)

    @property
    def _induced_from(self) -> tuple[Representation, Array]:
        return self.base, self.cosets

    def __repr__(self) -> str:
        if self.name == "regular":
            return f"{self.group!r}.regular"
        if self.name.startswith("quotient"):
            return f"{self.group!r}.quotient({self.subgroup!r})"
        return f"({self.base!r}).induce({self.group!r})"


@dataclass(frozen=True, repr=False)
class BandLimited(DirectSum):
    """Functions on a group G or its cosets G/H, cut at a frequency or to some irreps, in their Fourier basis.

    Get one from `Group.band_limited` (H = 1) or `Group.quotient`; `fourier` evaluates the functions.

    Attributes:
        parts: the irreps up to `max_frequency` that occur, in the order of `Group.irreps`, each as often as it does.
        subgroup: H.
        max_frequency: the highest frequency.
        kept: the irreps that are kept, in that order; None for all up to `max_frequency`.
    """

    subgroup: "Group"
    max_frequency: int
    kept: Kept = None

    @property
    def name(self) -> str:
        band = self.max_frequency if self.kept is None else [psi.label for psi in self.kept]
        if self.subgroup == self.group.trivial_subgroup:
            return f"band_limited({band})"
        return f"quotient({self.subgroup!r}, max_frequency={band})"

    def __repr__(self) -> str:
        return f"{self.group!r}.{self.name}"


@dataclass(frozen=True, repr=False)
class Sections(DirectSum):
    """Fields of W over the cosets G/H, cut at a frequency or to some irreps, in their Fourier basis.

    That is the part of Ind_H^G W of these irreps: functions f from G to W with f(g h) = W(h)^-1 f(g) for h in H, moved
    by (g f)(x) = f(g^-1 x). With H the turns about an axis of SO(3) they are the fields of spin k on the sphere, which
    are tangent vectors for k = 1. Get one from `Group.sections`; `fourier` evaluates them.

    Attributes:
        parts: the irreps that occur, in the order of `Group.irreps`, each as often as it does.
        base: W, a representation of H.
        max_frequency: the highest frequency.
        kept: the irreps that are kept, in that order; None for all up to `max_frequency`.
    """

    base: Representation
    max_frequency: int
    kept: Kept = None

    @property
    def subgroup(self) -> "Group":
        """The group H that W represents."""
        return self.base.group

    @property
    def name(self) -> str:
        band = self.max_frequency if self.kept is None else [psi.label for psi in self.kept]
        return f"sections({self.base.name} of {self.subgroup.name}, {band})"

    def __repr__(self) -> str:
        band = self.max_frequency if self.kept is None else [psi.label for psi in self.kept]
        return f"{self.group!r}.sections({self.base!r}, {band})"


def sections(base: Representation, group: "Group", band: Band) -> Representation:
    """See `Group.sections`."""
    highest, kept = kept_irreps(group, base.group, band)
    if kept == group.irreps(highest):
        kept = None
    parts = _parts(base, group, highest, kept)
    if base == base.group.trivial and not (kept is None and has_finite_index(group, base.group)):
        return BandLimited(tuple(parts), base.group, highest, kept)
    return Sections(tuple(parts), base, highest, kept)


def induce(base: Representation, group: "Group", max_frequency: Band | None) -> Representation:
    """Ind_H^G W: see `Representation.induce`."""
    is_finite = has_finite_index(group, base.group)
    if is_finite and (max_frequency is None or is_count(max_frequency, 0)):
        if max_frequency is not None:
            raise RepresentationError(
                f"max_frequency: {group.name}/{base.group.name} is finite, so the induced representation needs no "
                f"bound, got {max_frequency!r}; leave it out, or pass a list of irreps"
            )
        return Induced(base, group)
    if max_frequency is None:
        raise RepresentationError(
            f"max_frequency: {group.name}/{base.group.name} has infinitely many cosets; "
            f"pass the highest frequency to keep"
        )
    highest, kept = kept_irreps(group, base.group, max_frequency)
    parts = _parts(base, group, highest, kept)
    if base == base.group.trivial:
        return BandLimited(tuple(parts), base.group, highest, kept)
    return DirectSum(tuple(parts)) if len(parts) > 1 else parts[0]


def _parts(base: Representation, group: "Group", highest: int, kept: Kept) -> list[Representation]:
    """The irreps of a band that occur in Ind_H^G W, each as often as it does."""
    parts: list[Representation] = []
    for psi in group.irreps(highest) if kept is None else kept:
        # Frobenius: dim Hom_G(psi, Ind W) = dim Hom_H(Res psi, W), and each copy of psi accounts for dim End(psi) of it
        count = multiplicity(psi.restrict(base.group), base) // multiplicity(psi, psi)
        if kept is not None and not count:
            raise RepresentationError(
                f"max_frequency: {psi.label} of {group.name} does not occur in the representation induced by "
                f"{base.name} of {base.group.name}; leave it out"
            )
        parts += count * [psi]
    if not parts:
        raise RepresentationError(
            f"max_frequency: no irrep of {group.name} up to {highest} occurs in the representation induced by "
            f"{base.name} of {base.group.name}; pass a higher one"
        )
    return parts
