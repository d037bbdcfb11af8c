"""Tensors with symmetries of their indices, as representations."""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..._linalg import orthonormal_columns
from ..._values import Array, frozen, require_room
from ...errors import RepresentationError
from ._representation import Representation, require_one_group, require_representation

if TYPE_CHECKING:
    from ._group import Group

Symmetries = dict[tuple[int, ...], int]
"""Signs by permutation: entry p[a] of an index of the tensor is put at place a."""


@dataclass(frozen=True, repr=False)
class ReducedTensorProduct(Representation):
    """The tensors with some symmetries of their indices; get one from `reduced_tensor_product`.

    Args:
        formula: the symmetries.
        factors: the representation of each index.
    """

    formula: str
    factors: tuple[Representation, ...]

    @property
    def group(self) -> "Group":  # type: ignore[override]
        """The group of all factors."""
        return self.factors[0].group

    @functools.cached_property
    def tensors(self) -> Array:
        """Orthonormal tensors, (size, *sizes of the factors): components x are the tensor sum_n x_n tensors[n]."""
        return _basis(self.formula, tuple(rep.size for rep in self.factors))

    @property
    def size(self) -> int:
        return len(self.tensors)

    @property
    def name(self) -> str:
        return self.formula

    @property
    def _degree(self) -> int:
        return sum(rep._degree for rep in self.factors)

    def _matrices(self, g: Array) -> Array:
        lead = g.ndim - 1  # the axes of elements, and then that of the basis tensors
        moved = np.broadcast_to(self.tensors, (*g.shape[:-2], *self.tensors.shape))
        for axis, rep in enumerate(self.factors, lead):
            last = np.moveaxis(moved, axis, -1)
            rows = last.reshape(*last.shape[:lead], -1, last.shape[-1])
            turned = rows @ np.swapaxes(rep._matrices(g)[..., None, :, :], -1, -2)
            moved = np.moveaxis(turned.reshape(last.shape), -1, axis)
        flat = moved.reshape(*moved.shape[:lead], -1)
        return np.asarray(self.tensors.reshape(self.size, -1) @ np.swapaxes(flat, -1, -2))

    def __repr__(self) -> str:
        names = dict.fromkeys(self.formula.partition("=")[0])
        given = ", ".join(f"{name}={rep!r}" for name, rep in zip(names, self.factors, strict=True))
        return f"steer.reps.reduced_tensor_product({self.formula!r}, {given})"


def reduced_tensor_product(formula: str, **factors: Representation) -> ReducedTensorProduct:
    """The tensors with given symmetries of their indices, as a representation with its basis.

    Tensors t with indices i, j, ... of representations move by all of them at once; those with the symmetries keep
    them. "ij=ji" are the symmetric matrices, "ij=-ji" the antisymmetric ones, "ijkl=jikl=klij" elasticity tensors.

    Args:
        formula: indices, one letter each, and after every "=" a permutation of them, with "-" before it for a change of
            sign: t_ijk = -t_jik is "ijk=-jik". "ij" alone has no symmetry.
        factors: by letter, the representation of each index, all of one group. Indices that are permuted with one that
            is given may be left out.

    Returns:
        The representation, orthogonal, with `tensors` (size, i.size, j.size, ...), an orthonormal basis: components x
        are the tensor sum_n x_n tensors[n], and a tensor t has components sum t tensors[n]. The basis follows from the
        sizes alone: the projector to the symmetric tensors, column by column.

    Raises:
        RepresentationError: a formula that is none, or that leaves no tensor but zero; an index without a
            representation, representations of two groups, or different ones of indices that are permuted.

    Example:
        >>> import steer
        >>> v = steer.group("O(3)", dim=3).vector
        >>> stress = steer.reps.reduced_tensor_product("ij=ji", i=v)
        >>> stress.size, [psi.label for psi in stress.irreps], stress.tensors.shape
        (6, ['0e', '2e'], (6, 3, 3))
        >>> steer.reps.reduced_tensor_product("ijkl=jikl=klij", i=v).size
        21
    """
    names, symmetries = _read(formula)
    unknown = [name for name in factors if name not in names]
    if unknown:
        raise RepresentationError(f"{unknown[0]}: {formula!r} has no such index, it has {', '.join(names)}")
    for name, rep in factors.items():
        require_representation(name, rep)
    found: list[Representation] = []
    for place, name in enumerate(names):
        orbit = {names[permutation[place]] for permutation in symmetries}
        given = {factors[other] for other in orbit if other in factors}
        if len(given) != 1:
            raise RepresentationError(
                f"{name}: expected one representation for {', '.join(sorted(orbit))}, which {formula!r} permutes, "
                f"got {len(given)}; pass {name}=group.vector, or another one"
            )
        found += given
    for rep in found:
        require_one_group(found[0], rep, "reduced_tensor_product")
    count = math.prod(rep.size for rep in found)
    require_room("formula", f"tensors of {count:,} entries", count**2, "take smaller ones", RepresentationError)
    made = ReducedTensorProduct(formula.replace(" ", ""), tuple(found))
    if not made.size:
        raise RepresentationError(f"formula: {formula!r} leaves no tensor but zero")
    return made


def _read(formula: object) -> tuple[str, Symmetries]:
    """The indices, and all permutations that the symmetries generate, each with its sign."""
    if not isinstance(formula, str):
        raise RepresentationError(f"formula: expected a string such as 'ij=ji', got {formula!r}")
    names, *terms = formula.replace(" ", "").split("=")
    if not names.isalpha() or len(set(names)) != len(names) or len(names) > 8:
        raise RepresentationError(f"formula: expected up to 8 different letters before the first '=', got {formula!r}")
    steps: Symmetries = {tuple(range(len(names))): 1}
    generators = []
    for term in terms:
        order = term.removeprefix("-")
        if sorted(order) != sorted(names):
            raise RepresentationError(f"formula: expected a permutation of {names!r} after '=', got {term!r}")
        generators.append((tuple(names.index(letter) for letter in order), -1 if term != order else 1))
    waiting = list(steps)
    while waiting:
        one = waiting.pop()
        for other, sign in generators:
            both = tuple(one[at] for at in other)
            if both not in steps:
                steps[both] = steps[one] * sign
                waiting.append(both)
            elif steps[both] != steps[one] * sign:
                raise RepresentationError(f"formula: {formula!r} leaves no tensor but zero: two signs contradict")
    return names, steps


@functools.lru_cache(maxsize=256)
def _basis(formula: str, sizes: tuple[int, ...]) -> Array:
    """(n, *sizes): the image of the projector to the tensors with the symmetries, by the gauge rule."""
    _, symmetries = _read(formula)
    count = math.prod(sizes)
    places = np.arange(count).reshape(sizes)
    moves = [(places.transpose(permutation).ravel(), sign) for permutation, sign in symmetries.items()]
    trace = sum(sign * int(np.sum(move == places.ravel())) for move, sign in moves)

    def columns() -> Iterator[Array]:
        for place in range(count):
            column = np.zeros(count)
            for move, sign in moves:
                column[move[place]] += sign / len(moves)
            yield column

    rank = round(trace / len(moves))
    return frozen(orthonormal_columns(columns(), rank, count).reshape(rank, *sizes))
