"""Both ways round the diagram: a module after a group element, and the element after the module."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch

from .._spacing import Spacing
from .._values import Array
from ..errors import FieldTypeError, SteerError
from ..nn import FieldTensor, FieldType
from ..nn._fields._hexagons import masked
from ._elements import Common, is_inexact
from ._inputs import axes_of, distances, reach

MARGIN = 2.0
"""Pixels around the disk that are not compared, unless others are asked for."""


class Both(NamedTuple):
    """Both ways round the diagram for one element g."""

    moved: torch.Tensor  # g x
    there: torch.Tensor  # module(g x)
    back: torch.Tensor  # g module(x)
    difference: torch.Tensor  # there - back where they are compared, 0 elsewhere
    error: float


@dataclass(frozen=True)
class Comparison:
    """What is compared, and where; run it under `evaluation_mode`.

    Attributes:
        module: what is tried.
        x: its input, a plain tensor.
        types: of input and output.
        lattices: of input and output.
        typed: whether the module is given field tensors.
        spacings: of the samples of input and output.
    """

    module: torch.nn.Module
    x: torch.Tensor
    types: tuple[FieldType, FieldType]
    lattices: tuple[str, str] = ("square", "square")
    typed: bool = False
    spacings: tuple[Spacing, Spacing] = (None, None)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """The module's output as a plain tensor.

        Raises:
            FieldTypeError: it is a field of another type.
            SteerError: it is no tensor.
        """
        out = self.module(self.types[0](x) if self.typed else x)
        if isinstance(out, FieldTensor):
            if out.type != self.types[1]:
                raise FieldTypeError(f"out_type: the module returns a field of type {out.type}, not {self.types[1]}")
            return out.tensor
        if not isinstance(out, torch.Tensor):
            raise SteerError(
                f"module: expected one that returns a tensor, got {type(out).__name__}; wrap it in a torch.nn.Module "
                f"that returns one part of it"
            )
        return out

    def ways(self, common: Common, margin: float | None, out: torch.Tensor | None = None) -> Iterator[Both]:
        """Module and elements applied to x in both orders, one element after the other.

        Args:
            common: the elements.
            margin: pixels to leave out around the disk; everywhere, or `MARGIN` for elements that interpolate, if None.
            out: `run(x)`, if it is known.

        Raises:
            SteerError: nothing would be compared.
        """
        before = self.run(self.x) if out is None else out
        weight = self._weight(before, common, margin)
        scale = float(torch.linalg.vector_norm((before * weight).double()))
        for g, h in zip(common.source, common.target, strict=True):
            moved = self._moved(0, self.x, g)
            there, back = self.run(moved), self._moved(1, before, h)
            # an element that exchanges axes of different sizes exchanges those of the output
            here = weight if there.shape == before.shape else self._weight(there, common, margin)
            difference = (there.double() - back.double()) * here
            norm = float(torch.linalg.vector_norm(difference))
            yield Both(moved, there, back, difference, norm / (scale or 1.0))

    def _moved(self, end: int, x: torch.Tensor, g: Array) -> torch.Tensor:
        """An input (0) or output (1) acted on by an element."""
        kind = self.types[end]
        if axes_of(x, kind) != "grid":
            return kind.transform(x, g)
        return kind.transform(x, g, lattice=self.lattices[end], spacing=self.spacings[end])

    def is_zero(self, out: torch.Tensor, common: Common, margin: float | None) -> bool:
        """Whether the output is zero wherever it is compared."""
        return not (out * self._weight(out, common, margin)).any()

    def _weight(self, out: torch.Tensor, common: Common, margin: float | None) -> torch.Tensor:
        """1 where the output is compared, else 0."""
        source, target = self.types
        if not out.numel():
            raise SteerError(f"module: its output is of shape {tuple(out.shape)}, so that nothing is compared")
        ends = zip((source, target), common[:2], self.lattices, self.spacings, (self.x, out), strict=True)
        exact = not any(
            is_inexact(kind.group, g, lattice, spacing)
            for kind, g, lattice, spacing, x in ends
            if axes_of(x, kind) == "grid"
        )
        everywhere = axes_of(out, target) != "grid" or (margin is None and (exact or max(out.shape[2:]) == 1))
        if everywhere and self.lattices[1] == "hexagonal" and axes_of(out, target) == "grid":
            # the corners of the square that holds the hexagon are no samples: a bias fills them
            return masked(torch.ones(1, 1, *out.shape[2:], device=out.device, dtype=torch.float64))
        if everywhere:
            return torch.ones((), device=out.device)
        width = MARGIN if margin is None else margin
        space, lattice, spacing = tuple(out.shape[2:]), self.lattices[1], self.spacings[1]
        inside = distances(space, lattice, spacing) <= reach(space, lattice, spacing) - width
        if not inside.any():
            raise SteerError(
                f"margin: {width:g} pixels leave nothing to compare of outputs of size {' x '.join(map(str, space))}; "
                f"pass a larger input (shape=) or a smaller margin="
            )
        return torch.from_numpy(inside).to(out.device, torch.float64)


def require_margin(margin: object) -> float | None:
    """A number of pixels >= 0, or None; or an error."""
    if margin is None:
        return None
    if isinstance(margin, bool) or not isinstance(margin, Real) or not 0 <= float(margin) < math.inf:
        raise SteerError(f"margin: expected a number of pixels >= 0, or None, got {margin!r}")
    return float(margin)


def require_type(name: str, value: object) -> None:
    """Refuse what is given as a field type and is none."""
    if value is not None and not isinstance(value, FieldType):
        raise FieldTypeError(f"{name}: expected a FieldType, got {value!r}")


def errors_of(found: Iterator[Both]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The errors, one for each element."""
    return np.array([both.error for both in found])
