"""The check of sizes of all layers that sample space, and the warning where one loses a symmetry of the grid."""

import warnings
from typing import TYPE_CHECKING, Final

import torch

from ..._values import as_tuple, is_count, outside, require_flag
from ...errors import FieldTypeError, GridWarning, ShapeError, SteerError
from ._sampling import GridLoss, by, loss_of, settings

if TYPE_CHECKING:
    from ._module import Module

_SETTING: Final = {"warn": True}


def set_grid_warnings(enabled: bool) -> None:
    """Whether layers warn when the size of a map and their stride lose a symmetry of the grid; they do by default.

    The warnings are of the category `steer.errors.GridWarning`, so that filters of `warnings` know them too. This
    switch is for all layers of the process and spares the check itself.

    Args:
        enabled: False for no warnings.

    Raises:
        SteerError: neither True nor False.

    Example:
        >>> from steer import nn
        >>> nn.set_grid_warnings(False)
        >>> nn.set_grid_warnings(True)
    """
    _SETTING["warn"] = require_flag("enabled", enabled, SteerError)


def grid_loss(layer: "Module", space: tuple[int, ...]) -> GridLoss | None:
    """What a layer loses of the exact symmetries of the grid on maps of one size, by its stride and padding.

    Quarter turns and flips of a map permute its samples. A layer that samples with a stride keeps those of them under
    which the samples that it takes are mapped to themselves, which depends on the size: along each axis that is turned
    round they must lie symmetrically about its centre. For a window that is so when (size + 2 padding - dilation
    (kernel_size - 1) - 1) is a multiple of the stride. The rule is exact: of layers with generic weights, the
    symmetries that are not lost are those with an error of round-off.

    Of a layer with a `spacing` the symmetries are those of the spaced grid: no turn that exchanges axes of different
    spacing is one.

    Only the layer itself is looked at, not the layers inside of it; and of the group only what maps the square (cubic)
    grid to itself: where that is the identity alone, as of C3, nothing can be lost.

    Args:
        layer: a module of `steer.nn`.
        space: the size ([z,] y, x) of its input.

    Returns:
        A `GridLoss`, whose print says what is lost and what would keep it; None if nothing is.

    Raises:
        FieldTypeError: `layer` is no module of `steer.nn`.
        ShapeError: a map of this size is too small for the layer, or has another number of axes.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> image = nn.FieldType(G, [G.trivial])
        >>> loss = nn.grid_loss(nn.Conv2d(image, image, 3, stride=2, padding=1), (64, 64))
        >>> loss.sizes, loss.options
        (((63, 63), (65, 65)), {'kernel_size': 4})
    """
    axes = getattr(layer, "sampling", None)
    if axes is None:
        raise FieldTypeError(f"layer: expected a module of steer.nn, got {layer!r}")
    found: tuple[int, ...] = as_tuple("space", space, ShapeError, "a size for each axis")
    if not all(is_count(n, 0) for n in found):
        raise ShapeError(f"space: expected integers >= 0, got {space!r}")
    if axes and len(found) != len(axes):
        raise ShapeError(f"space: expected {len(axes)} sizes, got {found}")
    if not axes or not found:
        return None
    require_size(layer, found)
    return loss_of(layer.in_type.group, axes, found, layer.spacing)


def require_size(layer: "Module", space: tuple[int, ...]) -> None:
    """Raise a `ShapeError` unless a map of this size ([z,] y, x) is large enough for the layer."""
    # no generator: this runs in graphs, too
    for n, least in zip(space, layer._least, strict=True):
        if n < least:
            given = settings(layer.sampling)
            raise ShapeError(
                f"x: {type(layer).__name__}{' with ' if given else ''}{given} needs maps of at least "
                f"{by(layer._least)}, got {by(space)}"
            )


def warn_of_loss(layer: "Module", x: torch.Tensor) -> None:
    """Warn once per layer and size where a symmetry of the grid is lost; not of tensors that stand for others."""
    space = tuple(x.shape[2:])
    if not _SETTING["warn"] or _is_traced(space) or space in layer._met:
        return
    layer._met |= {space}
    loss = loss_of(layer.in_type.group, layer.sampling, space, layer.spacing)
    if loss is not None:
        name = f"{type(layer).__name__}({settings(layer.sampling)}) of {layer.in_type.group.name}"
        warnings.warn(
            f"{name}: {loss}. This is said once per layer and size; steer.nn.set_grid_warnings(False) silences it",
            GridWarning,
            stacklevel=outside(),
        )


def _is_traced(space: tuple[object, ...]) -> bool:
    """Whether a pass is recorded instead of run: by torch.jit, or by a mode that sees every operation."""
    symbolic = any(not isinstance(n, int) for n in space)
    return symbolic or torch._C._get_tracing_state() is not None or torch._C._len_torch_dispatch_stack() > 0
