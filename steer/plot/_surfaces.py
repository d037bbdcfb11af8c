"""Surfaces to turn in a notebook, by plotly."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from ..errors import ShapeError, SteerError
from ..reps import harmonics
from ._canvas import largest, numbers, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure


def isosurface(
    volume: npt.ArrayLike | torch.Tensor, *, level: float = 0.5, titles: "Sequence[str] | None" = None
) -> "Figure":
    """Surfaces where volumes are +level (red) and -level (blue) times their largest absolute value, to turn.

    Args:
        volume: (z, y, x), or (m, z, y, x) for a row of them.
        level: between 0 and 1, relative to the largest absolute value of all.
        titles: one for each volume.

    Returns:
        A plotly figure.

    Raises:
        ShapeError: no volume.
        SteerError: a level out of range, or plotly is missing.
    """
    require("plotly")
    from plotly.graph_objects import Isosurface
    from plotly.subplots import make_subplots

    values = numbers(volume)
    values = values[None] if values.ndim == 3 else values
    if values.ndim != 4 or not values.size:
        raise ShapeError(f"volume: expected (z, y, x) or a row (m, z, y, x), got shape {np.shape(values)}")
    if not 0 < level < 1:
        raise SteerError(f"level: expected a number between 0 and 1, got {level!r}")
    figure = make_subplots(1, len(values), specs=[[{"type": "scene"}] * len(values)], subplot_titles=titles)
    z, y, x = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in values.shape[1:]], indexing="ij")
    value = level * largest(values)
    for column, part in enumerate(values, 1):
        for sign, colour in ((1, "#c0392b"), (-1, "#2c6fbb")):
            figure.add_trace(
                Isosurface(
                    x=x.ravel(),
                    y=y.ravel(),
                    z=z.ravel(),
                    value=sign * part.ravel(),
                    isomin=value,
                    isomax=value,
                    surface_count=1,
                    colorscale=[[0, colour], [1, colour]],
                    showscale=False,
                    caps={"x_show": False, "y_show": False, "z_show": False},
                ),
                1,
                column,
            )
    _dress(figure)
    return figure


def sphere(
    coefficients: npt.ArrayLike | torch.Tensor, degree: int, *, resolution: int = 60, titles: "Sequence[str] | None" = None
) -> "Figure":
    """A function on the sphere by its harmonics of one degree: radius |f|, red where it is positive, blue elsewhere.

    Args:
        coefficients: (2 degree + 1,) in the order of `steer.reps.harmonics`, or (m, 2 degree + 1) for a row of them.
        degree: of the harmonics.
        resolution: samples from pole to pole.
        titles: one for each function.

    Returns:
        A plotly figure.

    Raises:
        ShapeError: another number of coefficients.
        SteerError: plotly is missing.
    """
    require("plotly")
    from plotly.graph_objects import Surface
    from plotly.subplots import make_subplots

    values = np.atleast_2d(numbers(coefficients))
    t, p = np.meshgrid(np.linspace(0, np.pi, resolution), np.linspace(0, 2 * np.pi, 2 * resolution), indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1)
    functions = harmonics(points, degree)
    if values.ndim != 2 or values.shape[1] != functions.shape[-1]:
        raise ShapeError(
            f"coefficients: degree {degree} has {functions.shape[-1]} of them, got shape {np.shape(coefficients)}"
        )
    figure = make_subplots(1, len(values), specs=[[{"type": "scene"}] * len(values)], subplot_titles=titles)
    for column, row in enumerate(values, 1):
        f = functions @ row
        x, y, z = np.moveaxis(np.abs(f)[..., None] * points, -1, 0)
        bound = largest(f)
        figure.add_trace(
            Surface(x=x, y=y, z=z, surfacecolor=f, colorscale="RdBu_r", cmin=-bound, cmax=bound, showscale=False),
            1,
            column,
        )
    _dress(figure)
    return figure


def _dress(figure: "Figure") -> None:
    hidden: dict[str, Any] = {"visible": False}
    figure.update_scenes(xaxis=hidden, yaxis=hidden, zaxis=hidden, aspectmode="data")
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)", margin={"l": 0, "r": 0, "t": 30, "b": 0}, height=320, font={"color": "#888888"}
    )
