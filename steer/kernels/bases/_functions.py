"""What kernels are made of: scalar functions on R^d, times matrices that make them steerable."""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..._values import Array, Frozen
from ...errors import KernelError
from ...reps import Group, Representation
from ..cache._descriptor import Descriptor
from ._grid import Grid


class Aliasing(NamedTuple):
    """What sampling does to the filters of one degree, on waves up to a band limit; see `steer.kernels.aliasing`.

    Attributes:
        degree: of the harmonics.
        ring: which of the filters of the degree.
        error: root mean square of the part of the response that is not steerable, relative to the whole; 0.01 is 1%.
        noise_gain: squared norm of a filter relative to the mean square of its response: how much white noise is
            amplified beside what is in the band.
    """

    degree: int
    ring: int
    error: float
    noise_gain: float


class Element(NamedTuple):
    """The name of one basis kernel: an irrep J in the harmonics of a degree, a ring, and two parts of the fields.

    In orbit form, J, the copies and the parts are those of the subgroup; for a regular representation the parts are
    components.

    Attributes:
        irrep: the label of J.
        degree: degree L of the harmonics; 0 for pixels.
        ring: index of the radial function; for derivatives the order, for pixels the orbit.
        out_part: which irrep of the output representation.
        in_part: which irrep of the input representation.
        copy: which copy of J among the harmonics of the degree.
        multiplicity: which Clebsch-Gordan coefficient of J between the two parts.
        aliasing: what sampling does to the functions that it is made of, where they are made for a grid; else None.
    """

    irrep: str
    degree: int
    ring: int
    out_part: int
    in_part: int
    copy: int
    multiplicity: int
    aliasing: "Aliasing | None" = None

    def __repr__(self) -> str:
        known = [f"{key}={value!r}" for key, value in self._asdict().items() if value is not None]
        return f"Element({', '.join(known)})"

    @property
    def name(self) -> "Element":
        """The element without what is measured: the same on every machine."""
        return self._replace(aliasing=None)


class Form(Protocol):
    """All steerable kernels between two representations."""

    @property
    def descriptor(self) -> Descriptor[Any] | None:
        """What has to be solved, and is kept by the cache; None when the kernels are free."""

    @property
    def elements(self) -> tuple[Element, ...]:
        """The name of each kernel."""

    def sample(self, points: Array) -> Array:
        """(len, out, in, m): the kernels at points (m, d)."""

    def energies(self, points: Array) -> Array:
        """(len,): sums of the squares of each kernel over its entries and points (m, d)."""


class SolvedForm(Form, Protocol):
    """All steerable kernels between two representations, in scalar functions."""

    @property
    def spectrum(self) -> Array:
        """(len, out, in, scalar function): coefficients of every kernel in the scalar functions."""


class ScalarFunctions(Frozen, ABC):
    """A finite set of scalar functions on R^d, of which kernels are made: a frozen value that prints as what builds it.

    `Rings`, `GaussianDerivatives`, `FiniteDifferences`, `Pixels` and `Interpolated` are its subclasses, and what
    `basis=` and `radial=` take. Points are float64 arrays (..., d) of coordinates (x, y[, z]) in pixels.
    """

    @classmethod
    def for_grid(cls, grid: Grid, max_frequency: int | None = None) -> "ScalarFunctions":
        """The functions of this kind that fit a grid: what a layer takes when a basis is given by its name.

        Args:
            grid: where filters are sampled.
            max_frequency: cap on the degree of the harmonics; by default what the grid carries.

        Returns:
            The functions.

        Raises:
            KernelError: they do not fit the grid or the cap, or functions of this kind are given by value only.
        """
        raise KernelError(f"basis: {cls.__name__} has no functions for a grid of its own choice; pass a value of it")

    def capped(self, max_frequency: int) -> "ScalarFunctions":
        """Those of the functions that have no higher degree; to be written by a kind that can be capped.

        Args:
            max_frequency: the highest degree of harmonics.

        Returns:
            The functions.

        Raises:
            KernelError: functions of this kind cannot be capped.
        """
        raise KernelError(
            f"max_frequency: only rings can be capped, got {max_frequency} beside radial={self!r}; leave it out, or "
            f"write the method {type(self).__name__}.capped(max_frequency) if functions of your own have a degree"
        )

    @abstractmethod
    def count(self, dim: int) -> int:
        """Number of functions.

        Args:
            dim: dimension d of space.

        Returns:
            A number >= 0.
        """

    @abstractmethod
    def sample(self, points: npt.ArrayLike) -> Array:
        """The functions at given points.

        Args:
            points: (..., d).

        Returns:
            (count, ...), float64.

        Raises:
            ShapeError: harmonics at points that are not of the plane or of space.
            KernelError: functions of a grid at points of another space.
        """

    def turned(self, group: Group, elements: Array, points: Array) -> Array:
        """The functions moved by group elements: their values at g^-1 x.

        Args:
            group: the group.
            elements: g (n, ...), elements of the group.
            points: x (m, d).

        Returns:
            (count, n, m), float64.

        Raises:
            GroupError: an element is not in the group.
            KernelError: functions of a grid at points that are no samples of it.
        """
        return self.sample(np.einsum("gji,mj->gmi", group.action(elements), points))

    def action(self, group: Group, elements: Array) -> Array | None:
        """How group elements mix the functions: phi_b(g^-1 x) = sum_c phi_c(x) D(g)[c, b].

        Args:
            group: the group.
            elements: g (n, ...), elements of the group.

        Returns:
            D (n, count, count), float64; None when moved functions are no combinations of the functions.
        """
        return None

    @abstractmethod
    def names(self, dim: int) -> tuple[tuple[int, int, int], ...]:
        """What each function is called, as in `Element`.

        Args:
            dim: dimension d of space.

        Returns:
            (degree, ring, copy) of each function.
        """

    @abstractmethod
    def require(self, group: Group) -> None:
        """Raise an error when there are no kernels of a group made of these functions.

        Args:
            group: the group.

        Raises:
            KernelError: the group does not fit the functions.
            RepresentationError: its space has no harmonics of the degrees.
        """

    @abstractmethod
    def form(self, in_rep: Representation, out_rep: Representation) -> SolvedForm:
        """The steerable kernels between two representations.

        Args:
            in_rep: representation of the input.
            out_rep: representation of the output.

        Returns:
            All kernels, as `KernelBasis` samples and lists them.

        Raises:
            KernelError: these functions have kernels of induced representations only.
        """

    @property
    def descriptors(self) -> tuple[Descriptor[Any], ...]:
        """What has to be solved for the functions themselves, and is kept by the cache."""
        return ()

    def quality(self, degree: int, ring: int) -> Aliasing | None:
        """What sampling does to the functions of a degree, where they are made for a grid and a band limit.

        Args:
            degree: of the harmonics.
            ring: which functions of the degree.

        Returns:
            Their error and noise gain, or None where they are made for no grid.
        """
        return None

    @property
    def defined_on(self) -> Grid | None:
        """The grid on whose samples alone the functions have a meaning; None when they have one everywhere."""
        return None

    @property
    def reaches_to(self) -> float:
        """How far from the centre, in pixels, they are to be looked at."""
        return 3.0

    @property
    @abstractmethod
    def reach(self) -> str:
        """What limits the kernels, for error messages."""

    @property
    def remedy(self) -> str:
        """What would give more kernels, for error messages."""
        return "a larger kernel_size"


def require_value(functions: object) -> None:
    """Raise an error unless functions are a value: equal, hashed and printed by what they hold.

    Raises:
        KernelError: they are not.
    """
    name = type(functions).__name__
    if not dataclasses.is_dataclass(functions):
        raise KernelError(f"basis: {name} is no dataclass; write @dataclass(frozen=True) above the class")
    try:
        hash(functions)
    except TypeError as error:  # a field, or the whole class when it is not frozen
        raise KernelError(
            f"basis: {name} cannot be hashed ({error}); write @dataclass(frozen=True) above the class, and have fields "
            f"that are numbers, strings, or tuples of them, not lists or arrays"
        ) from error
