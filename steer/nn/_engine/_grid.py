"""The check of sizes of all layers that sample space, and the warning where one loses a symmetry of the grid."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import torch

from ..._values import as_tuple, is_count, outside, require_flag
from ...errors import FieldTypeError, GridWarning, ShapeError, SteerError
from ._network_sizes import network_loss
from ._sampling import AxisSampling, GridLoss, by, loss_of, settings

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


def grid_loss(layer: torch.nn.Module, space: tuple[int, ...]) -> GridLoss | None:
    """What a layer or network loses of the exact symmetries of the grid on maps of one size, by stride and padding.

    Quarter turns and flips of a map permute its samples. A layer that samples with a stride keeps those of them under
    which the samples that it takes are mapped to themselves, which depends on the size: along each axis that is turned
    round they must lie symmetrically about its centre. For a window that is so when (size + 2 padding - dilation
    (kernel_size - 1) - 1) is a multiple of the stride. The rule is exact: of layers with generic weights, the
    symmetries that are not lost are those with an error of round-off.

    Of a layer with a `spacing` the symmetries are those of the spaced grid: no turn that exchanges axes of different
    spacing is one.

    Of a network the layers of `steer.nn` inside are looked at, on the sizes that reach them; the sizes that are found
    keep the symmetries in all of them at once. It is run in evaluation on tensors without data, for which torch loads
    its compiler once, and neither its weights nor its modes change. Torch's own layers inside are not looked at.

    Of the group only what maps the square (cubic) grid to itself counts: where that is the identity alone, as of C3,
    nothing can be lost.

    Args:
        layer: a module of `steer.nn`, or a `torch.nn.Module` whose first module of `steer.nn` takes its input.
        space: the size ([z,] y, x) of its input.

    Returns:
        A `GridLoss`, whose print says what is lost and what would keep it; None if nothing is.

    Raises:
        FieldTypeError: `layer` is no module of `steer.nn` and has none inside.
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
    inner = layer.modules() if isinstance(layer, torch.nn.Module) else ()
    first: Any = next((part for part in inner if hasattr(part, "sampling")), None)
    if first is None:
        raise FieldTypeError(f"layer: expected a module of steer.nn, got {layer!r}")
    found: tuple[int, ...] = as_tuple("space", space, ShapeError, "a size for each axis")
    if not all(is_count(n, 0) for n in found):
        raise ShapeError(f"space: expected integers >= 0, got {space!r}")
    axes = getattr(layer, "sampling", ())
    if not axes:
        return network_loss(layer, first.in_type, found) if _samples(layer) and found else None
    if len(found) != len(axes):
        raise ShapeError(f"space: expected {len(axes)} sizes, got {found}")
    require_size(first, found)
    return loss_of(first.in_type.group, axes, found, first.spacing)


def _samples(network: torch.nn.Module) -> bool:
    """Whether some layer inside samples space."""
    return any(getattr(part, "sampling", ()) for part in network.modules())


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


def check_size(layer: "Module", x: torch.Tensor, sampling: tuple[AxisSampling, ...] | None = None) -> None:
    """Warn once per layer and size where a symmetry of the grid is lost; not of tensors that stand for others.

    Under `torch.compile` that is done while the graph is made, once for each size that it is made for: nothing of it is
    in the graph. Of sizes that the graph leaves open nothing is known, and nothing said.

    Args:
        layer: the layer.
        x: its input.
        sampling: how it reads the axes in this call, if not as always; compilers are not told.
    """
    # no generator: this runs in graphs, too
    if torch.compiler.is_dynamo_compiling():
        if torch.compiler.is_exporting() or sampling is not None or not layer._strides:
            return
        from torch.fx.experimental.symbolic_shapes import has_static_value  # what compiles has loaded it

        for n in x.shape[2:]:
            if not has_static_value(n):
                return
        _warn_of_loss(layer, tuple(x.shape[2:]))
    elif not torch.compiler.is_compiling() and not _is_traced(x.shape[2:]):
        _warn_of_loss(layer, tuple(x.shape[2:]), sampling)


def _at_trace_time(function: Callable[..., bool]) -> Callable[..., bool]:
    """As `torch.compiler.assume_constant_result`: called when a graph is made, not in it; loads no compiler."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@_at_trace_time
def _warn_of_loss(layer: "Module", space: tuple[int, ...], sampling: tuple[AxisSampling, ...] | None = None) -> bool:
    """Warn, if it was not done; True, since a constant has a value."""
    axes = layer.sampling if sampling is None else sampling
    met = space if sampling is None else (*space, *(axis.samples(n) for axis, n in zip(axes, space, strict=True)))
    if not _SETTING["warn"] or met in layer._met:
        return True
    layer._met |= {met}
    loss = loss_of(layer.in_type.group, axes, space, layer.spacing)
    if loss is not None:
        name = f"{type(layer).__name__}({settings(axes)}) of {layer.in_type.group.name}"
        warnings.warn(
            f"{name}: {loss}. Sizes that keep them in a whole network: steer.nn.grid_loss(network, size).sizes. This "
            f"is said once per layer and size; steer.nn.set_grid_warnings(False) silences it",
            GridWarning,
            stacklevel=outside(),
        )
    return True


def _is_traced(space: torch.Size) -> bool:
    """Whether a pass is recorded instead of run: by torch.jit, or by a mode that sees every operation."""
    symbolic = any(not isinstance(n, int) for n in space)
    return symbolic or torch._C._get_tracing_state() is not None or torch._C._len_torch_dispatch_stack() > 0
