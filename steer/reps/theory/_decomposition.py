"""How a representation splits into irreps, as a value."""

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..._values import Array, Frozen, frozen

if TYPE_CHECKING:
    from ._representation import Irrep


@dataclass(frozen=True, eq=False)
class Decomposition(Frozen):
    """How a representation splits into irreps: rep(g) = Q blockdiag(irreps(g)) Q^T.

    Attributes:
        irreps: with multiplicity, in the order of the columns of Q; `decompose` brings copies of one irrep together.
        change_of_basis: Q, orthogonal, (size, size), read-only.
    """

    irreps: tuple["Irrep", ...]
    change_of_basis: Array

    @property
    def multiplicities(self) -> dict["Irrep", int]:
        """How often each irrep occurs, in the order of their first copies."""
        return {psi: len(where) for psi, where in self.copies}

    @functools.cached_property
    def copies(self) -> tuple[tuple["Irrep", tuple[int, ...]], ...]:
        """The distinct irreps in the order of their first copies, each with the positions of its copies in `irreps`."""
        found: dict[Irrep, list[int]] = {}
        for position, psi in enumerate(self.irreps):
            found.setdefault(psi, []).append(position)
        return tuple((psi, tuple(where)) for psi, where in found.items())

    @functools.cached_property
    def starts(self) -> tuple[int, ...]:
        """Of each of `irreps` its first column of Q."""
        return tuple(itertools.accumulate((psi.size for psi in self.irreps[:-1]), initial=0))

    @functools.cached_property
    def isometries(self) -> tuple[Array, ...]:
        """Of each of `irreps` its columns of Q, (size, psi.size): an isometric intertwiner from it."""
        pairs = zip(self.irreps, self.starts, strict=True)
        return tuple(self.change_of_basis[:, start : start + psi.size] for psi, start in pairs)

    @functools.cached_property
    def isotypic_basis(self) -> Array:
        """Q with the columns of copies of one irrep brought together, in the order of `copies`, (size, size)."""
        order = [position for _, where in self.copies for position in where]
        return frozen(np.concatenate([self.isometries[position] for position in order], axis=1))
