"""A disk that all rotations keep."""

import functools
import math
from collections.abc import Sequence
from numbers import Real

import torch

from ..._spacing import as_spacing, printed
from ...errors import ShapeError, SteerError
from .._engine._module import Module
from .._fields._types import FieldType


class Mask(Module):
    """Multiply feature maps by a disk (in space a ball) about the centre of the grid, for any type.

    The corners of an image turn out of the grid, so only what lies in the disk can be equivariant under rotations by
    any angle. With n the smallest size of space, R = n / 2 - margin is the radius of the disk inscribed in the grid of
    unit pixels, less the margin. At distance r from the centre the factor is 1 up to r = R - width / 2, 0 beyond
    r = R + width / 2, and falls as half a period of a cosine in between. The default keeps the samples up to the middle
    of the grid's edges, and vanishes at all points of the lattice outside the grid, so that padding with zeros
    continues it.

    With a spacing the disk is round in space: R is that of the disk inscribed in the box of voxels, and lengths are in
    units of the smallest distance.

    Exactly equivariant under symmetries of the grid. Elements between them turn the disk into itself, up to its
    sampling.

    Args:
        in_type: type of the input and output.
        margin: pixels to shrink the disk by.
        width: pixels over which the factor falls from 1 to 0; 0 for a hard edge.
        spacing: distances of neighbouring samples ([z,] y, x); None where they are equal.

    Shape:
        (batch, in_type.size, *space) -> the same.

    Raises:
        SteerError: a margin or width that is negative or not finite, or a group that acts on no space.
        ShapeError: at run time, a feature map too small for the margin.
    """

    def __init__(
        self,
        in_type: FieldType,
        margin: float = 0.0,
        width: float = 1.0,
        *,
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        super().__init__(in_type, in_type)
        if not in_type.group.dim:
            raise SteerError(f"in_type: Mask needs a group that acts on space, got {in_type.group!r}")
        given: dict[str, object] = {"margin": margin, "width": width}
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
                raise SteerError(f"{name}: expected a number of pixels >= 0, got {value!r}")
        self.spacing = as_spacing(spacing, in_type.group.dim, SteerError)
        self.margin = float(margin)
        self.width = float(width)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)
        # without a margin there is nothing to ask, and nothing for torch.export to note about sizes
        apart = self.spacing or self.in_type.group.dim * (1.0,)
        if self.margin and min(n * step for n, step in zip(x.shape[2:], apart, strict=True)) <= 2 * self.margin:
            raise ShapeError(
                f"x: a margin of {self.margin:g} leaves nothing of a feature map of shape {tuple(x.shape)}; "
                f"use a smaller margin"
            )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        # Sizes are met only inside tensors, so that one graph holds for all of them. In integers, twice the coordinates
        # are exact, and so are the symmetries of their squares.
        dim = self.in_type.group.dim
        unit = x.new_ones(1)
        unit = (unit + unit.float()) / 2  # float64 for float64 input, float32 for all others
        squares, sizes = [], []
        for axis in range(2, dim + 2):
            index = x.new_ones(x.shape[axis : axis + 1], dtype=torch.int64).cumsum(0)  # 1 to n
            twice = (index - index.flip(0)).reshape(-1, *(dim + 1 - axis) * [1])
            step = 1 if self.spacing is None else unit * self.spacing[axis - 2]
            squares.append(twice.square() * step * step)
            sizes.append(index[-1:] * step)
        radius = functools.reduce(torch.minimum, sizes) * unit / 2 - self.margin
        inside = radius - (functools.reduce(torch.add, squares) * unit).sqrt() / 2  # distance to the edge
        if not self.width:
            return x * (inside >= 0).type_as(x)
        edge = (inside / self.width + 0.5).clamp(0, 1)
        return x * edge.mul(math.pi / 2).sin().square().type_as(x)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, margin={self.margin:g}, width={self.width:g}{printed(self.spacing)}"
