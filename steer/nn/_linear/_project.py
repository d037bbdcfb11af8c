"""The steerable filter nearest to a dense one, without a layer."""

from collections.abc import Sequence

import numpy.typing as npt
import torch

from ..._spacing import as_spacing
from ...kernels import Grid, Projection, ScalarFunctions, functions_for, require_symmetric
from ...kernels import compile as compile_plan
from ...kernels.plans._project import as_filter
from .._fields._types import FieldType, require_map, require_types
from ._conv import split_type


def project(
    filter: torch.Tensor | npt.ArrayLike,  # noqa: A002 - what torch calls it
    in_type: FieldType,
    out_type: FieldType,
    *,
    basis: str | ScalarFunctions = "rings",
    max_frequency: int | None = None,
    groups: int = 1,
    spacing: Sequence[float] | float | None = None,
) -> Projection:
    """Project a dense filter on the steerable filters: find the nearest one in the sum of squares over all entries.

    Steerable filters K(g x) = rho_out(g) K(x) rho_in(g)^-1 (Weiler, Cesa 2019, eq. 2) in the scalar functions of a
    basis are a linear space. Its filters are returned as they are, to rounding: the residual tells how far a filter
    trained without symmetry is from it.

    Args:
        filter: (out_type.size, in_type.size / groups, *kernel), tensor or array of real numbers: a filter for
            cross-correlation, as in torch, with space axes ([z,] y, x). Gradients do not flow through it.
        in_type: type of the input.
        out_type: type of the output; of the same group.
        basis: what kernels are made of, as for the layer.
        max_frequency: as for the layer.
        groups: as for the layer.
        spacing: of the filter's samples, as for the layer.

    Returns:
        Projection (weight, residual, filter). `weight` (num_weights,) is in the layout of the `weight` of a convolution
        of these types, kernel size, basis and groups; it has the least norm of all that give the projection, if the
        basis kernels depend on each other on the grid. `residual` is ||filter - projection|| / ||filter||, in the
        Frobenius norm, and `filter` the projection. Both tensors are float64, on the device of `filter`.

    Raises:
        FieldTypeError: types of two groups, or fields that `groups` does not divide.
        ShapeError: a filter of another shape, or with entries that are not finite real numbers.
        KernelError: a basis that does not fit, or sizes that differ on axes that the group mixes.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("D4", dim=2)
        >>> t = nn.FieldType(G, 2 * [G.vector])
        >>> found = steer.project(nn.Conv2d(t, t, 5).filter(), t, t)
        >>> found.weight.shape, found.residual < 1e-6
        (torch.Size([28]), True)
    """
    require_types("project", in_type=in_type, out_type=out_type)
    require_map("project", in_type, out_type)
    group = in_type.group
    group_type = split_type(("in_type", in_type), ("out_type", out_type), groups)
    dense = as_filter(filter, group.dim)
    grid = Grid(dense.shape[2:], spacing=as_spacing(spacing, group.dim))
    require_symmetric(group, spacing=grid.spacing, kernel_size=grid.shape)
    functions = functions_for(basis, grid, max_frequency)
    plan = compile_plan(group_type, out_type, grid, radial=functions, unreached="ignore")
    weight, residual, projected = plan.project(dense)
    device = filter.device if isinstance(filter, torch.Tensor) else None
    return Projection(weight.to(device), residual, projected.to(device))
