"""What a family says of its subgroups of O(3) in their standard form; a group is a form in a setting."""

import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._linalg import nearest_matrix
from ..._values import Array, Frozen, frozen
from ..theory._representation import Irrep, IrrepData


class Form(Frozen, ABC):
    """A closed subgroup of O(3) with its axes in the standard places, without what follows for any group.

    A family is one class of forms: its elements, and its irreps by label.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """See `Group.name`."""

    @property
    @abstractmethod
    def order(self) -> int | float:
        """See `Group.order`."""

    @property
    def is_isotropic(self) -> bool:
        """Whether the group is the same in every frame."""
        return False

    @property
    @abstractmethod
    def has_secondary(self) -> bool:
        """Whether turning the group about its first axis gives another group."""

    @property
    @abstractmethod
    def normalizer(self) -> Array | None:
        """(n, 3, 3): the rotations that leave the group as it is; None for all about z and those that reverse z."""

    @property
    @abstractmethod
    def generators(self) -> Array:
        """See `Group.generators`."""

    @property
    @abstractmethod
    def components(self) -> Array:
        """See `Group.components`."""

    @property
    @abstractmethod
    def identity_component(self) -> Array:
        """See `Group.identity_component`."""

    @property
    @abstractmethod
    def axes(self) -> str:
        """See `Group._axes`."""

    @property
    def connected(self) -> "Form | None":
        """See `Group._connected`."""
        return None

    @abstractmethod
    def nodes(self, max_degree: int) -> Array:
        """The nodes of the quadrature `Group.haar`."""

    def weights(self, max_degree: int) -> Array:
        """Their weights; equal ones, unless a family says otherwise."""
        count = len(self.nodes(max_degree))
        return np.full(count, 1 / count)

    @abstractmethod
    def draw(self, n: int, rng: "np.random.Generator") -> Array:  # in quotes, as NumPy loads `random` on first use
        """(n, 3, 3): random elements."""

    def nearest(self, g: Array) -> npt.NDArray[np.intp]:
        """(...): see `Group.nearest_index`; of finite groups."""
        return nearest_matrix(g, self.components)

    def projected(self, g: Array) -> Array:
        """(..., 3, 3): the elements nearest to matrices; of finite groups."""
        return np.asarray(self.components[self.nearest(g)])

    @abstractmethod
    def distance(self, g: Array) -> Array:
        """(...): Frobenius distance of matrices g (..., 3, 3) to the nearest element."""

    @abstractmethod
    def labels(self, max_frequency: int | None) -> tuple[str, ...]:
        """See `Group._labels`."""

    @abstractmethod
    def irrep(self, label: str) -> IrrepData | None:
        """See `Group._irrep`."""

    def irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        """See `Group._irreps_at`."""
        found = {psi: self.irrep(psi.label) for psi in irreps}
        return {psi: data.matrices(g) for psi, data in found.items() if data is not None}

    def known_label(self, label: str) -> str:
        """See `Group._known_label`."""
        return label

    def harmonic(self, degree: int) -> str | None:
        """The label of the irrep that the harmonics of a degree are, if they are one by construction."""
        return None

    def closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array | None:
        """See `Group._closed_clebsch_gordan`."""
        return None


@functools.lru_cache(maxsize=1)
def cube_rotations() -> Array:
    """(24, 3, 3): the rotations of the cube, signed permutation matrices of determinant 1, the identity first."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[list(order), range(3)] = signs
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    return frozen(found)
