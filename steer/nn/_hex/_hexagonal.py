"""Layers on hexagonal maps, exactly equivariant under D6 and its subgroups.

What such a map is: `_fields/_hexagons.py`.
"""

import functools
from collections.abc import Iterator

import torch

from ..._values import is_count, is_one_of
from ...errors import KernelError, ShapeError
from ...kernels import Grid, ScalarFunctions
from ...kernels.bases._selection import BasisFilter
from .._engine._module import Module, require_permutation
from .._fields._hexagons import hexagon, masked, require_hexagon
from .._fields._types import FieldType
from .._linear._conv import Conv2d

KINDS = ("avg", "max")


class HexConv2d(Conv2d):
    """Steerable convolution of hexagonal maps in axial coordinates, exactly equivariant under D6.

    The layer commutes exactly with all elements of its group that lie in D6: turns by multiples of 60 degrees and the
    reflections that go with x -> (x, -y). Input outside the hexagon is not read, and output there is zero.

    With the regular representation and pixels it is the group convolution of Hoogeboom, Peters, Cohen, Welling 2018,
    "HexaConv", eq. 4 and 7.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: 2k + 1, the diameter of the hexagonal kernel, which has 3k(k + 1) + 1 samples.
        stride: step of the output lattice.
        padding: rings of zeros added around the map: an integer, "same" (for stride 1) or "valid".
        dilation: step of the kernel's lattice.
        groups: as of `Conv2d`.
        bias: as of `Conv2d`.
        basis: what kernels are made of: "rings", "pixel" or a value of `steer.kernels.ScalarFunctions`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Shape:
        (batch, in_type.size, 2R + 1, 2R + 1) -> (batch, out_type.size, 2R' + 1, 2R' + 1) with R' = (R + padding -
        dilation k) / stride, k the radius of the kernel, kernel_size = 2k + 1; the division must leave no rest, so that
        the centre stays a sample.

    Raises:
        FieldTypeError: types of two groups, types that are not planar, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: on an input that is no hexagonal map, or whose radius the stride does not fit.
    """

    lattice = "hexagonal"

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        basis: str | ScalarFunctions = "rings",
        max_frequency: int | None = None,
        unreached: str = "warn",
        basis_filter: BasisFilter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _require_window(kernel_size, stride)
        for name, value, least in (("dilation", dilation, 1), ("padding", padding, 0)):
            if not isinstance(value, str):
                _require_count(name, value, least)
        super().__init__(
            in_type,
            out_type,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            basis=basis,
            max_frequency=max_frequency,
            unreached=unreached,
            basis_filter=basis_filter,
            device=device,
            dtype=dtype,
        )

    def _check(self, x: torch.Tensor) -> None:
        self.in_type.check(x)
        reach = self.dilation[0] * (self.kernel_size[0] // 2)
        _require_fit(x, reach, self.stride[0], self.padding[0])  # what is no hexagon is not warned of, but refused
        super()._check(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return masked(super()._compute(masked(x)))

    def _export(self) -> torch.nn.Module:
        ends = HexMask(self.in_type), HexMask(self.out_type)
        return torch.nn.Sequential(ends[0]._export(), super()._export(), ends[1]._export())


class HexMask(Module):
    """Zeros outside the hexagon of a hexagonal map, for any type.

    Convolutions and pooling on the hexagonal lattice do it themselves. What lies outside may be nonzero after a layer
    that gives something for zero (a bias, batch normalisation, Sigmoid); put this between it and a mean over space.

    Args:
        in_type: type of the input and output.

    Shape:
        (batch, in_type.size, 2R + 1, 2R + 1) -> the same.

    Raises:
        KernelError: the group does not act on the plane.
        ShapeError: on an input that is no hexagonal map.
    """

    lattice = "hexagonal"

    def __init__(self, in_type: FieldType) -> None:
        super().__init__(in_type, in_type)
        _require_planar(in_type)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        require_hexagon(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return masked(x)


class HexPool(Module):
    """Mean or maximum over hexagonal windows of a hexagonal map, for each channel.

    Exact under D6. Only samples inside the hexagon count, in the mean too.

    Args:
        in_type: type of the input and output.
        kernel_size: 2k + 1, the diameter of a window: 3 for a sample and its six neighbours.
        stride: step between windows.
        padding: rings added around the map, at most k; they hold no samples.
        kind: "avg", or "max" for fields that the group permutes.

    Shape:
        (batch, in_type.size, 2R + 1, 2R + 1) -> (batch, in_type.size, 2R' + 1, 2R' + 1) with R' = (R + padding - k) /
        stride, k the radius of a window, kernel_size = 2k + 1; the division must leave no rest.

    Raises:
        FieldTypeError: kind "max" and a field that is not a permutation representation.
        KernelError: a bad size or kind, or a group that does not act on the plane.
        ShapeError: on an input that is no hexagonal map, or whose radius the stride does not fit.
    """

    def __init__(
        self, in_type: FieldType, kernel_size: int = 3, stride: int = 2, padding: int = 0, kind: str = "avg"
    ) -> None:
        super().__init__(in_type, in_type)
        _require_planar(in_type)
        _require_window(kernel_size, stride)
        _require_count("padding", padding, 0)
        if padding > kernel_size // 2:
            raise KernelError(f"padding: expected at most {kernel_size // 2}, the radius of a window, got {padding}")
        if not is_one_of(kind, KINDS):
            raise KernelError(f"kind: expected {' or '.join(map(repr, KINDS))}, got {kind!r}")
        if kind == "max":
            require_permutation(in_type, "HexPool of kind 'max'", "use kind='avg', which is linear")
        self.kernel_size, self.stride, self.padding, self.kind = kernel_size, stride, padding, kind
        index = Grid((kernel_size, kernel_size), self.lattice).index
        assert index is not None, "hexagons do not fill their tensor"
        self._offsets = [divmod(int(entry), kernel_size) for entry in index]

    lattice = "hexagonal"

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        _require_fit(x, self.kernel_size // 2, self.stride, self.padding)

    def _views(self, x: torch.Tensor, outside: float) -> Iterator[torch.Tensor]:
        """For each place in a window, what all windows have there."""
        padded = torch.nn.functional.pad(x, 4 * [self.padding], value=outside)
        last = padded.shape[-1] - self.kernel_size + 1
        for row, column in self._offsets:
            yield padded[..., row : row + last : self.stride, column : column + last : self.stride]

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        inside = hexagon(x)
        if self.kind == "max":
            lowest = float("-inf")
            out = functools.reduce(torch.maximum, self._views(x.masked_fill(~inside, lowest), lowest))
        else:
            total = functools.reduce(torch.add, self._views(x.masked_fill(~inside, 0.0), 0.0))
            count = functools.reduce(torch.add, self._views(inside.to(x.dtype), 0.0))
            out = total / count.clamp(min=1)  # windows about places outside the hexagon may be empty
        return masked(out)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return (
            f"{super().extra_repr()}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"kind={self.kind!r}"
        )


def _require_planar(in_type: FieldType) -> None:
    if in_type.group.dim != 2:
        raise KernelError(f"in_type: the hexagonal lattice lies in the plane, got a type of {in_type.group!r}")


def _require_count(name: str, value: object, least: int) -> None:
    if not is_count(value, least):
        raise KernelError(f"{name}: expected one integer >= {least} on the hexagonal lattice, got {value!r}")


def _require_window(kernel_size: int, stride: int) -> None:
    if not is_count(kernel_size, 1) or kernel_size % 2 == 0:
        raise KernelError(f"kernel_size: a hexagon needs one odd integer, 2k + 1 for radius k, got {kernel_size!r}")
    _require_count("stride", stride, 1)


def _require_fit(x: torch.Tensor, reach: int, stride: int, padding: int) -> None:
    """Raise a `ShapeError` unless x is a hexagonal map whose windows fit."""
    radius = require_hexagon(x)
    rest = radius + padding - reach
    if rest < 0 or rest % stride:
        raise ShapeError(
            f"x: the radius {radius} of the map, plus padding {padding}, less {reach} of the window, is {rest}; it "
            f"must be 0 or a positive multiple of the stride {stride}, so that the centre stays a sample"
        )
