"""Equivariance to look at: both ways round the diagram, and the error against the angle."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from ..errors import FieldTypeError
from ..nn import FieldTensor, FieldType
from ..testing import _evaluation, _types, equivariance_error
from ._canvas import largest, make_axes, make_figure, numbers
from ._fields import draw
from ._names import given_elements, names_of, rotations

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def equivariance(
    model: torch.nn.Module,
    x: torch.Tensor | FieldTensor,
    elements: npt.ArrayLike | None = None,
    *,
    field: int = 0,
    figure: "Figure | None" = None,
) -> "Figure":
    """Both ways round the diagram: a row for each g, with g x, model(g x), g model(x) and their difference.

    Args:
        model: a module of steer.
        x: (batch, in_type.size, *space), of which the first sample is taken.
        elements: (n, d, d), elements of the group; a few when None.
        field: which field of the output to show.
        figure: where to draw; a new figure when None.

    Returns:
        The figure.

    Raises:
        FieldTypeError: the model has no field types, or its output no such field.
        GroupError: a matrix is not in the group.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    source, target = _types(model, None, None)
    if not 0 <= field < len(target):
        raise FieldTypeError(f"field: expected a field from 0 to {len(target) - 1} of {target}, got {field!r}")
    given = given_elements(source.group, elements, 4)
    tensor = (x.tensor if isinstance(x, FieldTensor) else x)[:1].detach()
    errors = equivariance_error(model, tensor, elements=given)
    made = make_figure(figure, 8.4, 2.1 * len(given) + 0.4)
    panels = made.subplots(len(given), 4, squeeze=False)
    channels = slice(target.offsets[field], target.offsets[field + 1])
    with _evaluation(model):
        out = model(tensor)
        limit = largest(numbers(out[:, channels]))
        for row, g, name, error in zip(panels, given, names_of(source.group, given), errors, strict=True):
            moved = source.transform(tensor, g)
            there, back = model(moved)[0, channels], target.transform(out, g)[0, channels]
            draw(row[0], numbers(moved)[0, : source[0].size], source[0])
            for axes, values in ((row[1], there), (row[2], back), (row[3], there - back)):
                draw(axes, numbers(values), target[field], limit)
            row[0].set_ylabel(name)
            row[3].set_title(f"relative error {error:.1e}", fontsize=9)
    for axes, title in zip(panels[0], ("g x", "model(g x)", "g model(x)"), strict=False):
        axes.set_title(title, fontsize=10)
    return made


def error_by_angle(
    models: Mapping[str, torch.nn.Module] | torch.nn.Module,
    x: torch.Tensor | FieldTensor,
    *,
    angles: npt.ArrayLike | None = None,
    axes: "Axes | None" = None,
) -> "Axes":
    """The relative equivariance error against the angle of rotation (about z in space), a curve for each model.

    Args:
        models: one, or several by name.
        x: (batch, in_type.size, *space).
        angles: in degrees.
        axes: where to draw; those of a new figure when None.

    Returns:
        The axes.
    """
    named = dict(models) if isinstance(models, Mapping) else {"": models}
    degrees = np.arange(0, 361, 15.0) if angles is None else np.asarray(angles, dtype=np.float64)
    tensor = (x.tensor if isinstance(x, FieldTensor) else x).detach()
    made = make_axes(axes, 6.5, 3.6)
    for name, model in named.items():
        source, target = _types(model, None, None)
        turns = np.tile(np.eye(source.group.dim), (len(degrees), 1, 1))
        turns[:, :2, :2] = rotations(np.radians(degrees))
        known = source.group.contains(turns)
        made.plot(degrees[known], equivariance_error(model, tensor, elements=turns[known]), label=name, marker="o", ms=3)
    made.set(xlabel="angle (degrees)", ylabel="relative error")
    if len(named) > 1:
        made.legend()
    return made
