"""What is read off kernels: their samples on a grid, or their coefficients in scalar functions.

Both are linear maps of the span of the scalar functions, so that one machine expands coefficients into either.
"""

import functools
import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from ..._values import MEMBERSHIP, Array, Frozen, frozen
from ...reps import Group
from ..bases._basis import KernelBasis
from ..bases._functions import ScalarFunctions
from ..bases._grid import Grid
from ..bases._orbit import Orbit
from ..bases._pixel import Pixels

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Reading(Frozen):
    """A linear map from the span of scalar functions to a number of entries.

    Args:
        functions: the scalar functions.
    """

    functions: ScalarFunctions

    @property
    @abstractmethod
    def entries(self) -> int:
        """Number of entries."""

    @abstractmethod
    def plain(self) -> Array:
        """(function, entries): of the functions as they are."""

    @abstractmethod
    def moved(self, group: Group, elements: Array) -> Array:
        """(function, n, entries): of the functions phi(g^-1 x) moved by group elements g (n, ...)."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension of space."""

    @property
    @abstractmethod
    def picks(self) -> bool:
        """Whether moved functions read 1 in one entry each and 0 in the others: those of a grid that is permuted."""

    def picked(self, group: Group, elements: Array) -> Indices:
        """(n, entries): if it `picks`, the moved function that is 1 in each entry."""
        grid = cast(Pixels, self.functions).grid
        return grid.positions(np.einsum("gji,mj->gmi", group.action(elements), grid.points))

    @abstractmethod
    def kernels(self, basis: KernelBasis) -> Array:
        """(len, out, in, entries): of the kernels of a basis."""


@dataclass(frozen=True)
class OnGrid(Reading):
    """The samples on a grid; an entry of its tensor that holds no sample is zero."""

    grid: Grid

    @property
    def entries(self) -> int:
        return math.prod(self.grid.shape)

    def plain(self) -> Array:
        return self.grid.embed(self.functions.sample(self.grid.points))

    def moved(self, group: Group, elements: Array) -> Array:
        return self.grid.embed(self.functions.turned(group, elements, self.grid.points))

    @property
    def dim(self) -> int:
        return len(self.grid.shape)

    @property
    def picks(self) -> bool:
        return isinstance(self.functions, Pixels) and self.functions.grid == self.grid and self.grid.index is None

    def kernels(self, basis: KernelBasis) -> Array:
        return self.grid.embed(basis.sample(self.grid.points))


@dataclass(frozen=True)
class InFunctions(Reading):
    """The coefficients in the functions themselves, of which the group makes combinations.

    Where it does not, as of interpolated pixels at most angles, they are the coefficients in all functions moved by the
    representatives of cosets: by element, then function.

    Args:
        functions: the scalar functions.
        group: the group.
        subgroups: of whose cosets kernels are moved.
    """

    group: Group
    subgroups: tuple[Group, ...]

    @functools.cached_property
    def elements(self) -> Array | None:
        """(n, ...): the elements by which functions are moved, the identity first; None when they need not be."""
        if not self.subgroups:
            return None
        found = np.concatenate([self.group.cosets(subgroup) for subgroup in self.subgroups])
        if self.functions.action(self.group, found) is not None:
            return None
        return frozen(found[np.unique(_places(found, found))])

    @property
    def entries(self) -> int:
        copies = 1 if self.elements is None else len(self.elements)
        return copies * self.functions.count(self.group.dim)

    def plain(self) -> Array:
        return np.eye(self.functions.count(self.group.dim), self.entries)

    def moved(self, group: Group, elements: Array) -> Array:
        if self.elements is None:
            action = self.functions.action(group, elements)
            assert action is not None, "it has been asked for all elements by which kernels are moved"
            return action.transpose(2, 0, 1)
        count, places = self.functions.count(group.dim), _places(elements, self.elements)
        found = np.zeros((count, len(elements), len(self.elements), count))
        found[:, np.arange(len(elements)), places] = np.eye(count)[:, None]
        return found.reshape(count, len(elements), self.entries)

    @property
    def dim(self) -> int:
        return self.group.dim

    @property
    def picks(self) -> bool:
        return isinstance(self.functions, Pixels)

    def kernels(self, basis: KernelBasis) -> Array:
        if isinstance(basis.form, Orbit):
            return basis.form.spread(self.moved(basis.form.induced.group, basis.form.induced.cosets))
        return np.asarray(basis.form.spectrum @ self.plain())

    def at(self, points: Array) -> Array:
        """(entries, m): the functions whose coefficients these are, at points (m, d)."""
        if self.elements is None:
            return self.functions.sample(points)
        moved = self.functions.turned(self.group, self.elements, points)
        return moved.swapaxes(0, 1).reshape(self.entries, -1)


def _places(elements: Array, among: Array) -> Indices:
    """Where each element (n, ...) first stands among others."""
    distances = np.abs(elements.reshape(len(elements), 1, -1) - among.reshape(len(among), -1)).max(axis=2)
    return np.asarray(np.argmax(distances < MEMBERSHIP, axis=1))
