"""Radial functions times harmonics that are known on the samples of a grid alone, where the group turns multiplets."""

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from ..._values import Array, as_numbers
from ...errors import KernelError, ShapeError
from ...reps import Group
from ._angular import AngularFunctions
from ._grid import Grid
from ._wigner_eckart import harmonic


class Stencils(AngularFunctions):
    """Multiplets of filters on the samples of a grid; turned ones are combinations of those of their multiplet."""

    @property
    @abstractmethod
    def defined_on(self) -> Grid: ...

    @property
    @abstractmethod
    def stencils(self) -> tuple[Array, ...]:
        """For each block, its filters (harmonic, m)."""

    @property
    @abstractmethod
    def only(self) -> tuple[str, str]:
        """What these are defined on, and what to use elsewhere, for error messages."""

    def sample(self, points: npt.ArrayLike) -> Array:
        """The functions at points that are samples of the kernel, by block, then harmonic.

        Args:
            points: (..., d), in pixels.

        Returns:
            (count, ...), float64.

        Raises:
            KernelError: a point is not within 1e-6 of a sample.
        """
        taken = self._positions(points)
        return np.concatenate([stencil[:, taken] for stencil in self.stencils])

    def turned(self, group: Group, elements: Array, points: Array) -> Array:
        """The functions moved by group elements: their values at g^-1 x.

        Args:
            group: the group.
            elements: g (n, ...), elements of the group.
            points: x (m, d), samples of the kernel.

        Returns:
            (count, n, m), float64.

        Raises:
            GroupError: an element is not in the group.
            KernelError: a point is not within 1e-6 of a sample.
        """
        taken, out = self._positions(points), []
        for (_, degree), stencil in zip(self.blocks, self.stencils, strict=True):
            out.append(np.einsum("gji,jm->igm", harmonic(group, degree)(elements), stencil[:, taken]))
        return np.concatenate(out)

    def _positions(self, points: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """(...): the positions of points (..., d) in a flattened kernel."""
        found = self.defined_on.positions(as_numbers("points", points, ShapeError))
        if np.any(found < 0):
            what, remedy = self.only
            raise KernelError(f"points: {what} only, got others; use {remedy} to sample elsewhere")
        return found
