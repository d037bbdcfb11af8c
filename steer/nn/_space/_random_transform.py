"""Augmentation: a random element of the group for each sample."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
import torch

from ..._spacing import as_spacing, printed
from ..._values import Array, is_one_of, require_count
from ...errors import ShapeError, SteerError
from .._engine._module import Module
from .._fields._transform import HIGHEST_ORDER, LATTICES
from .._fields._types import FieldType


class RandomTransform(Module):
    """Move each sample by a random element of the group, in training: augmentation by the symmetry of the data.

    Elements are drawn by the Haar measure, all of them alike, and fields move as they transform: scalars turn with
    space, the components of vectors too (`FieldType.transform`, which says how turns between those of the grid
    interpolate). The identity in evaluation mode. Differentiable; draws follow torch's generator, so that
    `torch.manual_seed` repeats them.

    It is a step before the network: in training `torch.compile` runs it as it is, between graphs.

    What belongs to the input, such as a map of labels or a vector, must be moved alike: draw elements with `sample` and
    call `FieldType.transform` of both types, of labels with ``order=0``.

    Args:
        in_type: type of the input and output.
        p: probability of a sample to be moved; the others stay as they are.
        order: degree of the splines, from 0 to 5.
        lattice: of the samples, "square" (cubic in space) or "hexagonal".
        spacing: distances of neighbouring samples of the square lattice ([z,] y, x); None where they are equal.

    Shape:
        (batch, in_type.size, *space) -> the same; or without space, or of points, as `FieldType.transform` takes them.

    Raises:
        SteerError: p is not between 0 and 1.
        ShapeError: no splines are of that order, or no lattice has that name; at run time, an input that does not fit.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("O(2)", dim=2)
        >>> image, flow = nn.FieldType(G, 3 * [G.trivial]), nn.FieldType(G, [G.vector])
        >>> augment = nn.RandomTransform(image)
        >>> augment(torch.randn(8, 3, 32, 40)).shape
        torch.Size([8, 3, 32, 40])
        >>> g = augment.sample(8)  # the same for images and their flow
        >>> x, y = image.transform(torch.randn(8, 3, 32, 32), g), flow.transform(torch.randn(8, 2, 32, 32), g)
    """

    def __init__(
        self,
        in_type: FieldType,
        p: float = 1.0,
        *,
        order: int = 3,
        lattice: str = "square",
        spacing: Sequence[float] | float | None = None,
    ) -> None:
        super().__init__(in_type, in_type)
        given: object = p
        if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) <= 1:
            raise SteerError(f"p: expected a probability between 0 and 1, got {p!r}")
        if require_count("order", order, ShapeError) > HIGHEST_ORDER:
            raise ShapeError(f"order: expected an integer from 0 to {HIGHEST_ORDER}, got {order!r}")
        if not is_one_of(lattice, LATTICES):
            raise ShapeError(f"lattice: expected {' or '.join(map(repr, LATTICES))}, got {lattice!r}")
        self.spacing = as_spacing(spacing, in_type.group.dim, ShapeError)
        if self.spacing is not None and lattice == "hexagonal":
            raise ShapeError(f"spacing: the hexagonal lattice has one distance of neighbours, got {spacing!r}")
        self.p, self.order, self.lattice = float(p), int(order), lattice

    def sample(self, n: int) -> Array:
        """Elements as the module draws them, from torch's generator: with probability 1 - p the identity.

        Args:
            n: how many, an integer >= 0.

        Returns:
            (n, d, d).

        Raises:
            SteerError: n is not an integer >= 0.
        """
        n = require_count("n", n, SteerError)
        elements = self.in_type.group.sample(n, seed=int(torch.randint(2**62, ())))
        if self.p < 1:
            stays = (torch.rand(n) >= self.p).numpy()
            elements = np.where(stays[:, None, None], np.eye(elements.shape[-1]), elements)
        return elements

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        dim = self.in_type.group.dim
        if x.dim() not in (2, 3, dim + 2):
            raise ShapeError(
                f"x: RandomTransform expects (batch, {self.in_type.size}) and {dim} axes of space, or one of "
                f"points, or none, got {tuple(x.shape)}"
            )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        # at the call, where the compiler is loaded: as a decorator it loads the compiler with the layers
        move = torch.compiler.disable(self._move) if torch.compiler.is_dynamo_compiling() else self._move  # type: ignore[no-untyped-call]
        return move(x)

    def _move(self, x: torch.Tensor) -> torch.Tensor:
        elements = self.sample(len(x))
        spacing = self.spacing if x.dim() == self.in_type.group.dim + 2 else None  # points know where they are
        return self.in_type.transform(x, elements, order=self.order, lattice=self.lattice, spacing=spacing)

    def _export(self) -> torch.nn.Module:
        return torch.nn.Identity()

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return (
            f"{super().extra_repr()}, p={self.p:g}, order={self.order}, lattice={self.lattice!r}{printed(self.spacing)}"
        )
