"""What a module is tried on: a random input of its type, and what its axes after the channels are."""

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import scipy.ndimage
import torch

from .._spacing import Spacing, along_axes, as_spacing
from .._values import Array, as_tuple, is_count, is_real
from ..errors import FieldTypeError, ShapeError, SteerError
from ..kernels import Grid
from ..nn import FieldTensor, FieldType, Module
from ..nn._engine._sampling import Resize, Spread
from ..nn._fields._hexagons import masked, require_hexagon
from ._elements import require_lattice

SIDE = {1: 65, 2: 33, 3: 17}
"""Samples along each axis of the random input."""


def axes_of(x: torch.Tensor, kind: FieldType) -> Literal["grid", "points", ""]:
    """What the axes of a tensor after the channels are; "" if there are none."""
    if x.dim() == 2:
        return ""
    return "points" if x.dim() == 3 and kind.group.dim != 1 else "grid"


def types_of(
    module: torch.nn.Module, in_type: FieldType | None, out_type: FieldType | None
) -> tuple[FieldType, FieldType]:
    """The types of input and output that are given, or those of the module.

    Raises:
        FieldTypeError: there are none.
    """
    source = in_type if in_type is not None else type_of(module, "in_type")
    target = out_type if out_type is not None else type_of(module, "out_type")
    if not isinstance(source, FieldType) or not isinstance(target, FieldType):
        raise FieldTypeError(
            f"in_type, out_type: {type(module).__name__} has no field types; pass them, of what was exported as "
            f"in_type=model.in_type, out_type=model.out_type, or give a module of steer.nn, such as an nn.Sequential"
        )
    return source, target


def type_of(module: torch.nn.Module, name: str) -> object:
    """A type of the module, or of the one that it wraps, as `AveragedModel` and `DistributedDataParallel` do."""
    while not isinstance(getattr(module, name, None), FieldType):
        inner = getattr(module, "module", None)
        if not isinstance(inner, torch.nn.Module):
            return None
        module = inner
    return getattr(module, name)


def lattices_of(module: torch.nn.Module, lattice: str | tuple[str, str] | None) -> tuple[str, str]:
    """The lattices of input and output: those that are given, or that of the layers inside.

    Raises:
        SteerError: no lattice has that name.
    """
    if lattice is None:
        found = {getattr(part, "lattice", "square") for part in module.modules()}
        lattice = "hexagonal" if "hexagonal" in found else "square"
    given = lattice if isinstance(lattice, tuple) and len(lattice) == 2 else (lattice, lattice)
    return require_lattice(given[0]), require_lattice(given[1])


def spacings_of(module: torch.nn.Module, spacing: Any, dim: int) -> tuple[Spacing, Spacing]:
    """The spacings of input and output: those that are given, or those of the layers inside.

    Raises:
        SteerError: no spacing.
    """
    if spacing is None:
        layers = [part for part in module.modules() if isinstance(part, Module) and part.in_type.group.dim == dim]
        parts = [part for part in layers if part.sampling or part.spacing is not None]
        spaced = [part for part in parts if part.spacing is not None]
        return (_ends(spaced[0])[0], _ends(parts[-1])[1]) if spaced else (None, None)
    is_pair = isinstance(spacing, tuple | list) and len(spacing) == 2 and not all(map(is_real, spacing))
    given = spacing if is_pair else (spacing, spacing)
    return as_spacing(given[0], dim, SteerError), as_spacing(given[1], dim, SteerError)


def _ends(part: Module) -> tuple[Spacing, Spacing]:
    """The spacings of what a layer reads and of what it returns, one of which is its own: the finer one."""
    if not part.sampling:
        return part.spacing, part.spacing
    steps = [getattr(axis, "stride", None) or getattr(axis, "scale_factor", None) or 1 for axis in part.sampling]
    finer = isinstance(part.sampling[0], Spread) or (isinstance(part.sampling[0], Resize) and max(steps) > 1)
    factors = tuple(1 / step if step < 1 else step for step in steps)
    other = along_axes(part.spacing, factors)
    return (other, part.spacing) if finer else (part.spacing, other)


def place(module: torch.nn.Module, dtype: torch.dtype | None) -> tuple[torch.device, torch.dtype]:
    """Device and dtype of a random input for the module."""
    tensors = (
        tensor for tensor in itertools.chain(module.parameters(), module.buffers()) if tensor.is_floating_point()
    )
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise SteerError(f"dtype: expected a floating-point dtype such as torch.float64, got {dtype!r}")
    like = next(tensors, torch.zeros((), dtype=torch.float32))
    return like.device, like.dtype if dtype is None else dtype


@contextlib.contextmanager
def evaluation_mode(module: torch.nn.Module) -> Iterator[None]:
    """The module in evaluation without gradients; every part of it is then in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    with contextlib.suppress(NotImplementedError):  # of torch.export, which keep the mode that they were exported in
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def given_input(x: object, kind: FieldType, lattice: str) -> torch.Tensor:
    """The tensor of an input that is given, if it can be one.

    Raises:
        FieldTypeError: a FieldTensor of another type.
        ShapeError: it does not fit the type or the lattice, or is empty.
    """
    if isinstance(x, FieldTensor) and x.type != kind:
        raise FieldTypeError(f"x: expected a field of type {kind}, got {x.type}")
    tensor = x.tensor if isinstance(x, FieldTensor) else x
    if not isinstance(tensor, torch.Tensor):
        raise ShapeError(f"x: expected a tensor (batch, {kind.size}, ...) or a FieldTensor, got {tensor!r}")
    kind.check(tensor)
    if not tensor.numel():
        raise ShapeError(f"x: shape {tuple(tensor.shape)} holds nothing, so that nothing is compared")
    if lattice == "hexagonal" and axes_of(tensor, kind) == "grid":
        require_hexagon(tensor)
    return tensor


def random_input(
    kind: FieldType, shape: Sequence[int] | None, seed: int, smooth: bool, lattice: str, spacing: Spacing = None
) -> torch.Tensor:
    """Normal noise, in float64; low-pass and fading out towards the edge of the grid if it is to be smooth."""
    dim = kind.group.dim
    apart = spacing or dim * (1.0,)
    what = f"(batch, *space), {dim} axes of space, (batch, n) for n points, or (batch,) for features without positions"
    given = (2, *sides(apart)) if shape is None else as_tuple("shape", shape, SteerError, what)
    if not given or not all(is_count(size, 1) for size in given) or len(given) not in (1, 2, dim + 1):
        raise SteerError(f"shape: expected {what}, sizes >= 1, got {given}")
    batch, *space = given
    noise = np.random.default_rng(seed).normal(size=(batch, kind.size, *space))
    x = torch.from_numpy(noise)
    if axes_of(x, kind) != "grid":
        return x
    if smooth:
        # round in space, of two samples of the coarsest axis
        widths = [2.0 * max(apart) / step for step in apart]
        noise = scipy.ndimage.gaussian_filter(noise, sigma=(0, 0, *widths))
        fading = distances(space, lattice, spacing) / (reach(space, lattice, spacing) or 1.0)
        noise *= np.clip(np.cos(np.pi / 2 * np.clip(fading / 0.9, 0, 1)), 0, None) ** 2
        noise /= noise.std() or 1.0
        x = torch.from_numpy(noise)
    if lattice == "hexagonal":
        require_hexagon(x)
        x = masked(x)
    return x


def sides(spacing: tuple[float, ...]) -> list[int]:
    """Samples along each axis of the random input: odd, over one length, nine or more of the coarsest axis."""
    side = SIDE.get(len(spacing), 3)
    length = side if max(spacing, default=1.0) == 1 else max(side, 9 * max(spacing))
    return [2 * round((length / step - 1) / 2) + 1 for step in spacing]


def distances(space: Sequence[int], lattice: str, spacing: Spacing = None) -> Array:
    """Distance of each sample of a grid from its centre, of its shape; infinite where there are no samples."""
    if lattice == "hexagonal":
        grid = Grid(tuple(space), lattice)
        out = np.full(math.prod(space), np.inf)
        out[grid.index] = np.linalg.norm(grid.points, axis=1)
        return out.reshape(tuple(space))
    apart = spacing or len(space) * (1.0,)
    axes = [(np.arange(size) - (size - 1) / 2) * step for size, step in zip(space, apart, strict=True)]
    return np.asarray(np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij"))))


def reach(space: Sequence[int], lattice: str, spacing: Spacing = None) -> float:
    """Radius of the disk that is inscribed in the outermost samples of a grid."""
    apart = spacing or len(space) * (1.0,)
    half = min((size - 1) * step for size, step in zip(space, apart, strict=True)) / 2
    return half * math.sqrt(3) / 2 if lattice == "hexagonal" else half
