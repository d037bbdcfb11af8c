"""Initialisation of layers with coefficients, in place, by torch's generator: the counterpart of `torch.nn.init`."""

import dataclasses
import math
import warnings
from typing import Final

import numpy as np
import torch

from .._values import Array, is_real, outside
from ..errors import BasisWarning, FieldTypeError, KernelError, ShapeError
from ..kernels import Projection, Rings
from ..kernels import compile as compile_plan
from ._engine._hooked import require_own
from ._linear._steerable import Steerable

__all__ = ["dirac_", "normal_", "orthogonal_"]

_BLUR: Final = 1e-6
"""Part of an identity that is lost or off the centre, up to which it is exact."""

_NARROW: Final = 0.15
"""Width of a ring that is below 1e-9 one pixel from its centre."""


def normal_(layer: Steerable, gain: float = 1.0) -> torch.Tensor:
    """Draw independent normal coefficients that keep the second moment of features, as a fresh layer has with gain 1.

    With inputs of independent components of variance 1, every output field has variance gain^2, on average over its
    components (He et al. 2015, for steerable bases: Weiler, Cesa 2019, appendix). See `KernelPlan.scales`.

    Args:
        layer: a convolution or a linear map.
        gain: factor of all coefficients; `torch.nn.init.calculate_gain` has those of nonlinearities.

    Returns:
        The coefficients, `layer.weight` (num_weights,).

    Raises:
        FieldTypeError: the layer has no coefficients.
        ShapeError: the gain is not a positive number.
    """
    _require(layer, gain)
    with torch.no_grad():
        scales = torch.from_numpy(layer._scales() * gain).to(layer.weight)
        return layer.weight.normal_().mul_(scales)


def orthogonal_(layer: Steerable, gain: float = 1.0) -> torch.Tensor:
    """Draw a random isometry at the centre of the kernel ("delta-orthogonal").

    The matrix is a partial isometry that commutes with the group, uniformly distributed: the polar factor of a random
    equivariant matrix. It keeps the lengths of the isotypic parts that fit into the output. A convolution has it at the
    centre pixel, or in equal parts at the 2^d pixels around the centre of an even kernel, as nearly as its basis can
    in the sense of least squares, and scaled so that the sum of squares of the filter is that of gain times the matrix.
    With basis="pixel" and with `Linear` this is exact.

    Args:
        layer: a convolution or a linear map; with `groups` each group has a matrix of its own.
        gain: factor of the matrix.

    Returns:
        The coefficients, `layer.weight` (num_weights,).

    Raises:
        FieldTypeError: the layer has no coefficients.
        KernelError: an output field is no image of the input under matrices that commute with the group.
        ShapeError: the gain is not a positive number.

    Source:
        Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks"; Xiao
        et al. 2018, "Dynamical isometry and a mean field theory of CNNs", algorithm 1.
    """
    _require(layer, gain)
    plan = layer.plan
    in_reps, out_reps = plan.in_reps, plan.out_reps
    try:
        maps = compile_plan(in_reps, out_reps, (1,) * in_reps[0].group.dim, radial=Rings.point(), unreached="error")
    except KernelError as error:
        raise KernelError(
            f"layer: an isometry needs an equivariant matrix to every output field, and {layer.in_type} -> "
            f"{layer.out_type} has one without; use nn.init.normal_ ({error})"
        ) from error
    drawn = torch.empty(maps.num_weights, dtype=layer.weight.dtype, device=layer.weight.device).normal_()
    matrix = maps.expand(drawn.detach().cpu().double()).flatten(1).numpy()
    isometry = _polar(matrix, getattr(layer, "groups", 1))
    found = _at_centre(layer, isometry)
    return _set(layer, found, gain * float(np.linalg.norm(isometry)) / float(found.filter.norm()))


def dirac_(layer: Steerable) -> torch.Tensor:
    """Set the identity at the centre of the kernel, as nearly as the basis can, as `torch.nn.init.dirac_` does.

    Least squares, scaled so that constant features pass unchanged. With basis="pixel" and with `Linear`, all features
    do. The default rings are as wide as 0.6 pixels and blur them: some 0.08 of the centre is on each of its neighbours.
    A `BasisWarning` says how much there is off the centre, and names rings of which it is exact: the first one so
    narrow that it reaches no neighbour. Even kernels have no sample at the centre, and average those about it.

    Args:
        layer: a convolution or a linear map of one type; with `groups`, each group passes its fields.

    Returns:
        The coefficients, `layer.weight` (num_weights,).

    Raises:
        FieldTypeError: the layer has no coefficients, or its types differ.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("SO(2)", dim=2)
        >>> t = nn.FieldType(G, [G.trivial, G.vector])
        >>> rings = steer.kernels.Rings(radii=(0.0, 1.0, 2.0), widths=(0.15, 0.6, 0.45), limits=(0, 2, 3))
        >>> conv = nn.Conv2d(t, t, 5, padding=2, basis=rings)
        >>> _ = nn.init.dirac_(conv)
        >>> x = torch.randn(1, 3, 9, 9)
        >>> torch.allclose(conv(x), x, atol=1e-5)
        True
    """
    _require(layer, 1.0)
    if layer.in_type != layer.out_type:
        raise FieldTypeError(
            f"layer: the identity needs one type, got {layer.in_type} -> {layer.out_type}; use nn.init.orthogonal_"
        )
    copies = layer.plan.out_size // layer.plan.in_size
    identity = np.tile(np.eye(layer.plan.in_size), (copies, 1))
    found = _at_centre(layer, identity)
    if found.residual > _BLUR:
        _warn_of_blur(layer, found)
    sums = found.filter.flatten(2).sum(2).numpy()
    return _set(layer, found, float(np.sum(identity) / np.sum(identity * sums)))


def _warn_of_blur(layer: Steerable, found: Projection) -> None:
    functions = layer.plan.functions
    exact = "basis='pixel' for groups that map the grid to itself"
    if isinstance(functions, Rings) and 0.0 in functions.radii and all(size % 2 for size in layer.plan.grid.shape):
        rings = zip(functions.radii, functions.widths, strict=True)
        narrow = dataclasses.replace(functions, widths=tuple(width if radius else _NARROW for radius, width in rings))
        exact += f", and basis={narrow!r} for all"
    warnings.warn(
        f"layer: its basis has no identity: {found.residual:.2f} of it, in root mean square, is lost or off the "
        f"centre, which blurs features; exact are {exact}",
        BasisWarning,
        stacklevel=outside(),
    )


def _require(layer: Steerable, gain: float) -> None:
    if not isinstance(layer, Steerable):
        raise FieldTypeError(
            f"layer: expected a layer with coefficients such as nn.Conv2d, got {type(layer).__name__}; "
            f"apply it to those of a network with model.apply and isinstance"
        )
    if not is_real(gain) or not 0 < gain < math.inf:
        raise ShapeError(f"gain: expected a positive number, got {gain!r}")
    require_own(layer, "weight")


def _polar(matrix: Array, groups: int) -> Array:
    """The nearest partial isometry of the rows of each group; it commutes with whatever the matrix does."""
    found = []
    for rows in np.split(matrix, groups):
        left, sizes, right = np.linalg.svd(rows, full_matrices=False)
        rank = int(np.sum(sizes > 1e-9 * sizes[0]))
        found.append(left[:, :rank] @ right[:rank])
    return np.concatenate(found)


def _at_centre(layer: Steerable, matrix: Array) -> Projection:
    """The filter that is nearest to a matrix at the centre of the kernel."""
    shape = layer.plan.grid.shape
    dense = np.zeros((*matrix.shape, *shape))
    middle = [slice((size - 1) // 2, size // 2 + 1) for size in shape]
    dense[:, :, *middle] = matrix.reshape(*matrix.shape, *(1,) * len(shape))
    return layer.plan.project(dense)


def _set(layer: Steerable, found: Projection, factor: float) -> torch.Tensor:
    with torch.no_grad():
        return layer.weight.copy_(found.weight * factor)


def __dir__() -> list[str]:
    return sorted(__all__)
