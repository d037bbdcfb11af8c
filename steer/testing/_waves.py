"""Fields that turn without interpolation: sums of plane waves; and what of outputs is compared without it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from .._spacing import Spacing
from .._values import Array, as_tuple, is_count, is_one_of, is_real
from ..errors import SteerError
from ..kernels import Grid
from ..nn import FieldType
from ._inputs import axes_of, distances, reach, sides

WAVES: Final = 24
"""Plane waves in each field."""

BATCH: Final = {3: 8}
"""Fields that are tried, where no shape is given; 16 but in space: of each the centre alone is compared."""

BAND_LIMIT: Final = 0.5
AVERAGED: Final = 4.0
"""Radius of the window, in pixels, over which outputs without a sample at their centre are averaged."""


@dataclass(frozen=True)
class WaveSettings:
    """How fields of waves are made, and their outputs compared.

    Attributes:
        band_limit: highest frequency as a fraction of the Nyquist frequency of the coarsest axis.
        average: radius in pixels of the window over which outputs are averaged; None for the sample at the centre.
    """

    band_limit: float = BAND_LIMIT
    average: float | None = None


def require_settings(inputs: object, band_limit: object, average: object) -> WaveSettings | None:
    """What `inputs` asks for: settings of waves, or None for noise.

    Raises:
        SteerError: other inputs, settings of waves without waves, or values out of range.
    """
    if not is_one_of(inputs, ("noise", "waves")):
        raise SteerError(f"inputs: expected 'noise' or 'waves', got {inputs!r}")
    if inputs == "noise":
        for name, value in (("band_limit", band_limit), ("average", average)):
            if value is not None:
                raise SteerError(f"{name}: {value!r} is a setting of inputs='waves'; pass inputs='waves', too")
        return None
    limit = BAND_LIMIT if band_limit is None else require_limit(band_limit)
    if average is None:
        return WaveSettings(limit)
    if not is_real(average) or not 0 < float(average) < math.inf:
        raise SteerError(f"average: expected a number of pixels > 0, or None for the centre, got {average!r}")
    return WaveSettings(limit, float(average))


def require_limit(band_limit: object) -> float:
    """A fraction of the Nyquist frequency, or an error."""
    if not is_real(band_limit) or not 0 < float(band_limit) <= 1:
        raise SteerError(f"band_limit: expected a fraction of the Nyquist frequency, in (0, 1], got {band_limit!r}")
    return float(band_limit)


@dataclass(frozen=True)
class Waves:
    """Random fields f(p) = w(|p|) sum over k of a_k cos(omega_k.p + phi_k), known between samples, too.

    The window w fades out towards the sphere inscribed in the grid. An element g makes of them the fields with the
    amplitudes rho(g) a_k and the frequencies g omega_k: sampling these is exact for every element.

    Attributes:
        kind: type of the fields.
        grid: where they are sampled.
        amplitudes: a, (batch, waves, kind.size).
        frequencies: omega, (batch, waves, d), in radians per pixel, x first.
        phases: phi, (batch, waves).
    """

    kind: FieldType
    grid: Grid
    amplitudes: Array
    frequencies: Array
    phases: Array

    @classmethod
    def random(
        cls,
        kind: FieldType,
        shape: Sequence[int] | None,
        seed: int,
        lattice: str = "square",
        spacing: Spacing = None,
        band_limit: float = BAND_LIMIT,
    ) -> "Waves":
        """Normal amplitudes, and frequencies that are uniform in the ball up to the band limit.

        Raises:
            SteerError: fields without positions, or a shape of none.
        """
        dim = kind.group.dim
        if not dim:
            raise SteerError(f"inputs: {kind.group!r} moves no space, so that there are no waves; leave inputs out")
        what = f"(batch, *space), {dim} axes of space; features without positions need no waves: leave inputs out"
        default = (BATCH.get(dim, 16), *sides(spacing or dim * (1.0,)))
        given = default if shape is None else as_tuple("shape", shape, SteerError, what)
        if len(given) != dim + 1 or not all(is_count(size, 1) for size in given):
            raise SteerError(f"shape: expected {what}, got {given}")
        batch, *space = given
        rng = np.random.default_rng(seed)
        grid = Grid(tuple(space), lattice, spacing)
        radii = rng.uniform(size=(batch, WAVES, 1)) ** (1 / dim)
        ways = rng.normal(size=(batch, WAVES, dim))
        limit = band_limit * math.pi / max(grid.spacing or (1.0,))
        return cls(
            kind,
            grid,
            rng.normal(size=(batch, WAVES, kind.size)) * math.sqrt(2 / WAVES),
            limit * radii * ways / np.linalg.norm(ways, axis=-1, keepdims=True),
            rng.uniform(0, 2 * math.pi, size=(batch, WAVES)),
        )

    def sampled(self, g: Array | None = None) -> torch.Tensor:
        """The fields, or what an element g of the group makes of them: (batch, kind.size, *space), in float64."""
        batch, count, size = self.amplitudes.shape
        amplitudes, frequencies = torch.from_numpy(self.amplitudes), self.frequencies
        if g is not None:
            amplitudes = self.kind.transform(amplitudes.reshape(-1, size), g).reshape(batch, count, size)
            frequencies = frequencies @ self.kind.group.action(g).T
        points = self.grid.points
        waves = np.cos(frequencies @ points.T + self.phases[..., None]) * self._window()
        values = torch.einsum("bkc,bkp->bcp", amplitudes, torch.from_numpy(waves))
        if self.grid.index is not None:
            out = torch.zeros(batch, size, math.prod(self.grid.shape), dtype=torch.float64)
            out[..., torch.tensor(self.grid.index)] = values
            values = out
        return values.reshape(batch, size, *self.grid.shape)

    def _window(self) -> Array:
        """(points,): one at the centre, zero from half a sample outside of the inscribed sphere on."""
        edge = reach(self.grid.shape, self.grid.lattice, self.grid.spacing) + 0.5
        return window(np.linalg.norm(self.grid.points, axis=1), edge)


def window(distance: Array, radius: float) -> Array:
    """A smooth function of the distance from the centre that is 1 there and 0 from a radius on."""
    return np.where(distance < radius, np.cos(np.pi / 2 * np.minimum(distance / radius, 1.0)) ** 2, 0.0)


def at_centre(
    out: torch.Tensor, kind: FieldType, lattice: str = "square", spacing: Spacing = None, average: float | None = None
) -> torch.Tensor:
    """What of an output turns in its fibres alone: its value at the centre of the grid.

    It is the sample there. Where there is none, or `average` says so, it is the mean over a smooth window about the
    centre, whose turn is that of the output but for what the samples of the output miss. Outputs without positions
    are taken as they are.

    Args:
        out: (batch, channels, *space).
        kind: its type.
        lattice: of its samples.
        spacing: of its samples.
        average: radius of the window in pixels; None for the sample.

    Returns:
        (batch, channels), or `out`; in float64.
    """
    if axes_of(out, kind) != "grid":
        return out.double()
    space = tuple(out.shape[2:])
    if average is None and has_centre(space):
        for size in space:
            out = out.select(2, size // 2)
        return out.double()
    radius = min(AVERAGED, reach(space, lattice, spacing) + 0.5) if average is None else average
    weight = torch.from_numpy(window(distances(space, lattice, spacing), radius)).to(out.device)
    if not weight.any():
        raise SteerError(
            f"average: {average:g} pixels hold no sample of outputs of size {' x '.join(map(str, space))}; pass more"
        )
    return (out.double() * weight).flatten(2).sum(-1) / weight.sum()


def has_centre(space: Sequence[int]) -> bool:
    """Whether a sample lies at the centre of a grid."""
    return all(size % 2 == 1 for size in space)


def relative_error(there: torch.Tensor, back: torch.Tensor, scale: float) -> float:
    """The norm of a difference, relative to a scale; as it is where the scale is 0."""
    return float(torch.linalg.vector_norm(there - back)) / (scale or 1.0)
