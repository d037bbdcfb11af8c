"""Equivariance to look at: both ways round the diagram, and the error against the angle."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from .._spacing import Spacing
from .._values import Array, as_numbers
from ..errors import FieldTypeError, ShapeError, SteerError
from ..nn import FieldTensor, FieldType, Mask
from ..reps import Group, Representation, group
from ..testing._compare import MARGIN, Comparison
from ..testing._elements import Common, common_elements, common_group, is_inexact
from ..testing._inputs import distances, evaluation_mode, lattices_of, reach, spacings_of, types_of
from ._canvas import colour_bar, make_axes, make_figure, numbers, signed
from ._fields import channels, draw, look
from ._names import given_elements, is_trivial, is_vector, names_of, rep_name, rotations

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure


def equivariance(
    model: torch.nn.Module,
    x: torch.Tensor | FieldTensor,
    elements: npt.ArrayLike | None = None,
    *,
    field: int = 0,
    lattice: str | tuple[str, str] | None = None,
    spacing: Any = None,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure":
    """Both ways round the diagram: a row for each g, with g x, model(g x), g model(x) and their difference.

    The first field of the input and one of the output are drawn, as `fields` does, in the same colours in all rows; an
    output without positions as bars. Differences have a scale of their own, the same in all rows, which a colour bar
    tells. The error is that of `steer.testing.equivariance_error`, over all fields:
    ||model(g x) - g model(x)|| / ||model(x)||. If some g does not map the grid to itself, the input is first
    cut to a disk (`steer.nn.Mask`), and outputs are compared inside the disk less 2 pixels, so that corners do not
    count. The model runs in evaluation mode without gradients, and is left in the mode it was in.

    Args:
        model: a module of steer, or any with `in_type` and `out_type`.
        x: (batch, in_type.size, *space), of which the first sample is taken.
        elements: (n, d, d), elements of the group; four besides the identity, if there are so many, when None.
        field: which field of the output to show.
        lattice: of the samples, as in `steer.testing.equivariance_error`: when None hexagonal if a layer inside is.
        spacing: of the samples ([z,] y, x), as there: when None that of the layers inside. Pixels are drawn as high
            and as wide.
        figure: where to draw, a figure or subfigure; a new figure when None.

    Returns:
        The figure, or the subfigure that was given.

    Raises:
        FieldTypeError: the model has no field types, or its output no such field.
        ShapeError: x has no space of two or three axes, or no sample.
        GroupError: a matrix is not in the group, or not in that of the output.
        SteerError: `figure` is none, nothing is left to compare, or matplotlib is missing.
    """
    source, target = types_of(model, None, None)
    shown = channels("field", target, field)
    tensor = _images(x, source.group.dim)[:1]
    lattices, spacings = lattices_of(model, lattice), spacings_of(model, spacing, source.group.dim)
    given = elements
    if given is None:
        given = _default_elements(common_group(source.group, target.group) or source.group)
    common = common_elements(source.group, target.group, given, lattices[0], True, spacings[0])
    if is_inexact(source.group, common.source, lattices[0], spacings[0]):
        tensor = _disk(tensor, source, lattices[0], spacings[0])
    with evaluation_mode(model):
        rows = list(Comparison(model, tensor, (source, target), lattices, spacings=spacings).ways(common, None))
    made = make_figure(figure, 8.6, 2.15 * len(rows) + 0.5)
    made.suptitle(f"{rep_name(source[0])} \N{RIGHTWARDS ARROW} {rep_name(target[field])} (field {field})", fontsize=11)
    panels = made.subplots(len(rows), 4, squeeze=False)
    for axes, name in zip(panels[:, 0], names_of(source.group, common.source), strict=True):
        axes.set_ylabel(f"g = {name}", fontsize=10)
    inputs = [numbers(row.moved[0, : source[0].size]) for row in rows]
    ways = [[numbers(part[0, shown]) for part in (row.there, row.back, row.difference)] for row in rows]
    style = look(source[0], inputs)
    for axes, values in zip(panels[:, 0], inputs, strict=True):
        draw(axes, values, source[0], style, False, lattices[0], spacings[0])
    _outputs(panels[:, 1:], ways, target[field], lattices[1], spacings[1])
    for axes, row in zip(panels[:, 3], rows, strict=True):
        axes.set_title(f"relative error {row.error:.1e}", fontsize=9)
    for axes, title in zip(panels[0], ("g x", "model(g x)", "g model(x)"), strict=False):
        axes.set_title(title, fontsize=10)
    return made


def _images(x: torch.Tensor | FieldTensor, dim: int) -> torch.Tensor:
    """The tensor, which must be of images or volumes."""
    tensor = x.tensor if isinstance(x, FieldTensor) else x
    if not isinstance(tensor, torch.Tensor) or dim not in (2, 3) or tensor.dim() != dim + 2 or not len(tensor):
        shape = tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else tensor
        raise ShapeError(
            f"x: expected (batch, channels) and 2 or 3 axes of space as the model's group has, got {shape}"
        )
    return tensor.detach()


def _disk(x: torch.Tensor, kind: FieldType, lattice: str, spacing: Spacing) -> torch.Tensor:
    """X in the disk that all turns keep: `steer.nn.Mask`, or the same in a hexagon."""
    if lattice == "square":
        masked: torch.Tensor = Mask(kind, spacing=spacing)(x)
        return masked
    space = tuple(x.shape[2:])
    edge = np.clip(reach(space, lattice) + 1 - distances(space, lattice), 0, 1)
    factor: torch.Tensor = torch.from_numpy(np.sin(np.pi / 2 * edge) ** 2).to(x)
    return x * factor


def _default_elements(acting: Group) -> Array:
    """Four elements besides the identity, or as many as there are; the identity of a trivial group."""
    if not acting.is_finite:
        return given_elements(acting, None, 8)[1:5]
    count = len(acting.elements)
    chosen: Array = acting.elements[np.unique(np.round(np.linspace(min(1, count - 1), count - 1, 4)).astype(int))]
    return chosen


def _outputs(panels: Any, ways: Sequence[Sequence[Array]], rep: Representation, lattice: str, spacing: Spacing) -> None:
    """Rows of a field both ways round and the difference, which has a scale of its own, told at its side."""
    style = look(rep, [part for parts in ways for part in parts[:2]])
    bounds = look(rep, [parts[2] for parts in ways])
    apart = bounds if is_vector(rep) else signed(bounds["vmax"])
    for line, parts in zip(panels, ways, strict=True):
        for axes, values, given in zip(line, parts, (style, style, apart), strict=True):
            drawn = _output(axes, values, rep, given, lattice, spacing)
    last = [line[2] for line in panels]
    if drawn is None:
        return  # bars, which have ticks
    if drawn.get_array() is None:
        last[-1].set_xlabel(f"longest arrow {bounds['vmax']:.1e}", fontsize=8)
    else:
        colour_bar(last[0].get_figure(root=False), drawn, last, bounds.get("depth", bounds["vmax"]))


def _output(
    axes: "Axes", values: Array, rep: Representation, style: dict[str, Any], lattice: str, spacing: Spacing
) -> "ScalarMappable | None":
    """One field of an output; what a colour bar tells of, if there are colours."""
    if values.ndim > 1:
        return draw(axes, values, rep, style, False, lattice, spacing)
    axes.bar(range(len(values)), values, color="#1b6ca8")
    limit = 1.1 * style["vmax"]
    axes.set(xticks=range(len(values)), yticks=[-style["vmax"], 0, style["vmax"]], ylim=(-limit, limit))
    axes.set_yticklabels([f"{tick:.1g}" for tick in axes.get_yticks()])
    axes.tick_params(labelsize=7)
    return None


def error_by_angle(
    models: Mapping[str, torch.nn.Module] | torch.nn.Module,
    x: torch.Tensor | FieldTensor,
    *,
    angles: npt.ArrayLike | None = None,
    lattice: str | None = None,
    spacing: Any = None,
    axes: "Axes | None" = None,
) -> "Axes":
    """The relative equivariance error against the angle of rotation, about z in space, a curve for each model.

    The error at an angle is ||model(g x) - g model(x)|| / ||model(x)|| over the batch, as in
    `steer.testing.equivariance_error`. The input is first cut to a disk (`steer.nn.Mask`), and outputs are compared
    inside the disk less 2 pixels, so that corners do not count. Turns that do not map the grid to itself act by cubic
    splines, the error of which is included: it is small for smooth images.

    Between the elements of a model's group, rotations are taken to leave scalars as they are and to turn vectors. Other
    fields are not defined there; such a model has only the angles of its group. The channels of a plain module without
    field types are taken for scalars. Models run in evaluation mode without gradients, and are left in the mode they
    were in.

    Args:
        models: one, or several by name.
        x: (batch, channels, *space), in the plane or in space.
        angles: (n,) in degrees, x towards y; when None every 5, those of the model's group and halfway between these.
        lattice: of the samples, "square" or "hexagonal"; when None, for each model, hexagonal if a layer inside is.
        spacing: distances of neighbouring samples ([z,] y, x); when None, for each model, that of the layers inside.
        axes: where to draw; those of a new figure when None.

    Returns:
        The axes.

    Raises:
        FieldTypeError: an angle is not in the group of a model that has fields other than scalars and vectors.
        ShapeError: x has no space of two or three axes.
        SteerError: no model, `axes` are none, or matplotlib is missing.
    """
    named = dict(models) if isinstance(models, Mapping) else {"": models}
    for model in named.values():
        if not isinstance(model, torch.nn.Module):
            raise SteerError(f"models: expected a module, or modules by their names, got {model!r}")
    if not named:
        raise SteerError("models: expected a module, or at least one by name, got none")
    given = x.tensor if isinstance(x, FieldTensor) else x
    if not isinstance(given, torch.Tensor):
        raise ShapeError(f"x: expected a tensor or a FieldTensor, got {type(given).__name__}")
    tensor = _images(given, given.dim() - 2)
    curves = {name: _curve(name, model, tensor, angles, lattice, spacing) for name, model in named.items()}
    made = make_axes(axes, 6.5, 3.6)
    from matplotlib.ticker import PercentFormatter

    for name, (degrees, errors) in curves.items():
        made.plot(degrees, errors, label=name or None, marker="o", markersize=3, linewidth=1.5)
    about = ", about z" if tensor.dim() == 5 else ""
    made.set(xlabel=f"angle of rotation (degrees{about})", ylabel="relative equivariance error")
    made.yaxis.set_major_formatter(PercentFormatter(1.0))
    made.set_ylim(bottom=0)
    made.spines[["top", "right"]].set_visible(False)
    if angles is None:
        made.set_xticks(range(0, 361, 45))
    if any(named):
        made.legend(frameon=False)
    return made


def _curve(
    name: str,
    model: torch.nn.Module,
    x: torch.Tensor,
    angles: npt.ArrayLike | None,
    lattice: str | None,
    spacing: Any,
) -> tuple[Array, Array]:
    """Angles in degrees and the errors there."""
    dim = x.dim() - 2
    found = _rotating_types(model, x)
    degrees = _all_angles(model) if angles is None else as_numbers("angles", angles, ShapeError).ravel()
    if found is None:
        found = types_of(model, None, None)
        acting = found[0].group
        inside = acting.contains(rotations(degrees, dim))
        if angles is None:
            degrees = _own_angles(acting)
        elif not inside.all():
            other = next(rep for kind in found for rep in kind if not (is_trivial(rep) or is_vector(rep)))
            raise FieldTypeError(
                f"models: {name or type(model).__name__} has {other!r}, on which a turn by {degrees[~inside][0]:g} "
                f"degrees, not in {acting!r}, does not act; end it with nn.GroupPool or nn.NormPool, or pass angles of "
                f"the group"
            )
    lattices, spacings = lattices_of(model, lattice), spacings_of(model, spacing, dim)
    turns = rotations(degrees, dim)
    disk = _disk(x, found[0], lattices[0], spacings[0])
    comparison = Comparison(model, disk, found, lattices, spacings=spacings)
    with evaluation_mode(model):
        errors = [both.error for both in comparison.ways(Common(turns, turns, None), MARGIN)]
    return degrees, np.array(errors)


def _all_angles(model: torch.nn.Module) -> Array:
    """Every 5 degrees, the angles of the group of a model that has one, and those halfway between, where it errs most.

    Those of the group alone would draw triangles between its zeros.
    """
    every = np.arange(0, 361, 5.0)
    kind = getattr(model, "in_type", None)
    if not isinstance(kind, FieldType) or not kind.group.is_finite:
        return every
    own = _own_angles(kind.group)
    return np.unique(np.round(np.concatenate([every, own, (own[1:] + own[:-1]) / 2]), 9))


def _own_angles(acting: Group) -> Array:
    """The angles of the rotations (about z) of a group, from 0 to 360 degrees; of a continuous one every 15."""
    if not acting.is_finite:
        every = np.arange(0, 361, 15.0)
        return every[acting.contains(rotations(every, acting.dim))]
    moves = acting.elements
    about = (np.linalg.det(moves[:, :2, :2]) > 0.999) & (np.linalg.det(moves) > 0)
    found = np.degrees(np.arctan2(moves[about, 1, 0], moves[about, 0, 0])) % 360
    return np.append(np.unique(np.round(found, 9) % 360), 360.0)


def _rotating_types(model: torch.nn.Module, x: torch.Tensor) -> tuple[FieldType, FieldType] | None:
    """The model's types under all rotations (about z): scalars stay, vectors turn; None if it has other fields."""
    acting = group("SO(2)", dim=2) if x.dim() == 4 else group("Cinf", dim=3)
    types = getattr(model, "in_type", None), getattr(model, "out_type", None)
    if not all(isinstance(kind, FieldType) for kind in types):
        with evaluation_mode(model):
            count = model(x[:1]).shape[1]
        return FieldType(acting, x.shape[1] * [acting.trivial]), FieldType(acting, count * [acting.trivial])
    found = []
    for kind in types:
        assert isinstance(kind, FieldType), "it was just checked"
        fields: list[Representation] = []
        for rep in kind:
            if is_trivial(rep):
                fields += rep.size * [acting.trivial]
            elif is_vector(rep) and rep.group.dim == acting.dim:
                fields.append(acting.vector)
            else:
                return None
        found.append(FieldType(acting, fields))
    return found[0], found[1]
