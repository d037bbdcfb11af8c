"""Surfaces to turn in a notebook, by plotly."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from .._spacing import as_spacing
from .._values import Array, is_count, is_real
from ..errors import ShapeError, SteerError
from ..reps import harmonics
from ._canvas import largest, numbers, require

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

POSITIVE, NEGATIVE = "#c0392b", "#2c6fbb"
"""Colours of the two signs."""

LIGHT = {"ambient": 0.65, "diffuse": 0.75, "specular": 0.15, "roughness": 0.6}
ACROSS = 4
"""Surfaces side by side, before a new row."""


def isosurface(
    volume: npt.ArrayLike | torch.Tensor,
    *,
    level: float = 0.5,
    titles: Sequence[str] | None = None,
    spacing: Sequence[float] | float | None = None,
) -> "Figure":
    """Surfaces where volumes are +level (red) and -level (blue) times their largest absolute value, to turn by hand.

    Coordinates are those of the samples, in pixels from the centre, with x, y and z in a right-handed system; they do
    not fall with y as in images. A notebook shows the figure without a connection: the first one carries plotly.js.

    Args:
        volume: (z, y, x), or (m, z, y, x) for several side by side, with at least two samples along each axis.
        level: between 0 and 1, relative to the largest absolute value of all volumes.
        titles: one for each volume.
        spacing: distances of neighbouring samples (z, y, x), in any unit; None where they are equal. Coordinates are in
            units of the smallest of them.

    Returns:
        A plotly figure with two traces for each volume, of its positive and of its negative values.

    Raises:
        ShapeError: the volumes have another shape, or not as many as the titles.
        SteerError: a level out of range, values that are not finite, spacing is none, or plotly is missing.
    """
    given = numbers(volume)
    values = given[None] if given.ndim == 3 else given
    if values.ndim != 4 or not len(values) or min(values.shape[1:]) < 2:
        raise ShapeError(f"volume: expected (z, y, x) or (m, z, y, x), at least 2 samples an axis, got {given.shape}")
    if not is_real(level) or not 0 < level < 1:
        raise SteerError(f"level: expected a number between 0 and 1, got {level!r}")
    if not np.isfinite(values).all():
        raise SteerError("volume: expected finite values, got some that are not")
    steps = as_spacing(spacing, 3, SteerError) or (1.0, 1.0, 1.0)
    figure = _row(len(values), titles)
    from plotly.graph_objects import Isosurface

    axes = [step * (np.arange(n) - (n - 1) / 2) for n, step in zip(values.shape[1:], steps, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    height = level * largest(values)
    for index, part in enumerate(values):
        for sign, colour, name in ((1, POSITIVE, "+"), (-1, NEGATIVE, "-")):
            trace = Isosurface(
                x=x.ravel(),
                y=y.ravel(),
                z=z.ravel(),
                value=sign * part.ravel(),
                isomin=height,
                isomax=height,
                surface={"count": 1},
                colorscale=[[0, colour], [1, colour]],
                cmin=0,
                cmax=1,
                showscale=False,
                caps={axis: {"show": False} for axis in "xyz"},
                lighting=LIGHT,
                flatshading=False,
                hoverinfo="skip",
                name=name,
            )
            figure.add_trace(trace, *_place(index))
    _dress(figure, len(values), np.multiply(values.shape[1:], steps)[::-1] / 2, titles)
    return figure


def sphere(
    coefficients: npt.ArrayLike | torch.Tensor,
    degree: int,
    *,
    resolution: int = 48,
    titles: Sequence[str] | None = None,
) -> "Figure":
    """Functions f on the sphere by their harmonics of one degree: radius |f|, red where f > 0, blue where f < 0.

    Args:
        coefficients: (2 degree + 1,) in the order of `steer.reps.harmonics`, or (m, 2 degree + 1) for several functions
            side by side; ``numpy.eye(2 * degree + 1)`` for the harmonics themselves. All are drawn to one scale.
        degree: of the harmonics.
        resolution: samples from pole to pole, at least 4; twice as many around.
        titles: one for each function.

    Returns:
        A plotly figure with one trace for each function.

    Raises:
        RepresentationError: the degree is not an integer >= 0.
        ShapeError: another number of coefficients, or of titles.
        SteerError: a resolution out of range, or plotly is missing.
    """
    given = numbers(coefficients)
    values = given[None] if given.ndim == 1 else given
    if not is_count(resolution, 4):
        raise SteerError(f"resolution: expected an integer >= 4, got {resolution!r}")
    polar, around = np.linspace(0, np.pi, resolution), np.linspace(0, 2 * np.pi, 2 * resolution + 1)
    t, p = np.meshgrid(polar, around, indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1)
    functions = harmonics(points, degree)
    if values.ndim != 2 or not len(values) or values.shape[1] != functions.shape[-1]:
        raise ShapeError(
            f"coefficients: expected ({functions.shape[-1]},) or (m, {functions.shape[-1]}) for degree {degree}, got "
            f"shape {given.shape}"
        )
    figure = _row(len(values), titles)
    from plotly.graph_objects import Surface

    for index, row in enumerate(values):
        f = functions @ row
        x, y, z = np.moveaxis(np.abs(f)[..., None] * points, -1, 0)
        trace = Surface(
            x=x,
            y=y,
            z=z,
            surfacecolor=np.sign(np.round(f, 12)),
            colorscale=[[0, NEGATIVE], [0.5, "#dddddd"], [1, POSITIVE]],
            cmin=-1,
            cmax=1,
            showscale=False,
            lighting=LIGHT,
            hoverinfo="skip",
        )
        figure.add_trace(trace, *_place(index))
    _dress(
        figure, len(values), np.full(3, 1.02 * largest(values @ functions.reshape(-1, functions.shape[-1]).T)), titles
    )
    return figure


def _row(count: int, titles: Sequence[str] | None) -> "Figure":
    """A figure of so many scenes."""
    if titles is not None and len(titles) != count:
        raise ShapeError(f"titles: expected {count} of them, got {len(titles)}")
    require("plotly")
    from plotly.subplots import make_subplots

    from ._turning import Figure

    columns = min(count, ACROSS)
    rows = -(-count // columns)
    return make_subplots(
        rows,
        columns,
        specs=[[{"type": "scene"}] * columns] * rows,
        subplot_titles=titles,
        horizontal_spacing=0.01,
        vertical_spacing=0.08 / rows,
        figure=Figure(),
    )


def _place(index: int) -> tuple[int, int]:
    """Row and column of a scene, from 1."""
    return index // ACROSS + 1, index % ACROSS + 1


def _dress(figure: "Figure", count: int, reach: Array, titles: Sequence[str] | None) -> None:
    """Equal bounds for all scenes, no axes, no background: what is behind shows, light or dark."""
    axes: dict[str, Any] = {
        f"{name}axis": {"visible": False, "range": [-float(bound), float(bound)]}
        for name, bound in zip("xyz", reach, strict=True)
    }
    eye = {"x": 0.85, "y": -1.05, "z": 0.65}
    figure.update_scenes(**axes, aspectmode="data" if np.ptp(reach) else "cube", camera={"eye": eye})
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080"},  # readable on light and dark
        margin={"l": 0, "r": 0, "t": 30 if titles is not None else 5, "b": 5},
        height=260 * (-(-count // ACROSS)),
    )
