"""Steerable convolution."""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import numpy as np
import torch

from ..errors import FieldTypeError, KernelError
from ..kernels import Grid, ScalarFunctions
from ..kernels import compile as compile_plan
from ..kernels._bases import functions_for
from ..kernels._grid import is_count, require_symmetric
from ..reps._linalg import Array
from ._field_type import FieldType
from ._steerable import Steerable

_CONV = {2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
_PLAIN: dict[int, type[torch.nn.Conv2d | torch.nn.Conv3d]] = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Conv(Steerable):
    """Convolution with steerable kernels in any dimension; use `Conv2d`."""

    dim: ClassVar[int]

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int | tuple[int, ...],
        *,
        stride: int | tuple[int, ...] = 1,
        padding: int | str | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        basis: str | ScalarFunctions = "rings",
        max_frequency: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        name = type(self).__name__
        for label, value in (("in_type", in_type), ("out_type", out_type)):
            if not isinstance(value, FieldType):
                raise FieldTypeError(f"{label}: {name} expects a FieldType, got {value!r}")
            if value.group.dim != self.dim:
                raise FieldTypeError(
                    f"{label}: {name} acts on {self.dim}-dimensional space, got a type of {value.group!r}"
                )
        if padding_mode not in PADDING_MODES:
            raise KernelError(f"padding_mode: expected {' or '.join(map(repr, PADDING_MODES))}, got {padding_mode!r}")
        # Settings are checked and kept before torch.nn.Module is initialised: bad ones fail before any work.
        self.kernel_size = per_axis("kernel_size", kernel_size, self.dim, 1)
        self.stride = per_axis("stride", stride, self.dim, 1)
        self.dilation = per_axis("dilation", dilation, self.dim, 1)
        self.padding = self._amount(padding)
        self.padding_mode = padding_mode
        self.groups = groups
        settings = {name: getattr(self, name) for name in ("kernel_size", "stride", "dilation", "padding")}
        require_symmetric(in_type.group, **settings)
        group_type = split_type(in_type, out_type, groups)
        grid = Grid(self.kernel_size)
        functions = functions_for(basis, grid, max_frequency)

        super().__init__(
            in_type,
            out_type,
            # Every group of output fields reads the same type, so one plan from it to all of them holds all filters.
            lambda: compile_plan(group_type, out_type, grid, radial=functions),
            bias,
            device,
            dtype,
        )

    def _amount(self, padding: int | str | tuple[int, ...]) -> tuple[int, ...]:
        """Padding of each axis, on both sides."""
        if not isinstance(padding, str):
            return per_axis("padding", padding, self.dim, 0)
        if padding == "valid":
            return (0,) * self.dim
        if padding != "same":
            raise KernelError(f"padding: expected an integer, a tuple, 'same' or 'valid', got {padding!r}")
        spans = [step * (size - 1) for step, size in zip(self.dilation, self.kernel_size, strict=True)]
        if any(span % 2 for span in spans) or any(step != 1 for step in self.stride):
            raise KernelError(
                f"padding: 'same' needs stride 1 and an odd kernel or even dilation, because padding one side more "
                f"than the other breaks the symmetry; got kernel_size={self.kernel_size}, stride={self.stride}, "
                f"dilation={self.dilation}"
            )
        return tuple(span // 2 for span in spans)

    @property
    def points(self) -> Array:
        """(k^d, d): offsets (x, y[, z]) in pixels at which the filter reads its input, in the order of entries."""
        return np.asarray(Grid(self.kernel_size).points * np.asarray(self.dilation[::-1], dtype=np.float64))

    def filter(self) -> torch.Tensor:
        """The dense filter (out channels, in channels / groups, *kernel) for torch's convolution; differentiable."""
        return self._expand()

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        padding = self.padding
        if self.padding_mode != "zeros" and any(padding):
            sides = [amount for amount in reversed(padding) for _ in range(2)]
            x, padding = torch.nn.functional.pad(x, sides, self.padding_mode), (0,) * self.dim
        return _CONV[self.dim](x, self._filter(), self._full_bias(), self.stride, padding, self.dilation, self.groups)

    def _export(self) -> torch.nn.Module:
        plain = _PLAIN[self.dim](
            self.in_type.size,
            self.out_type.size,
            self.kernel_size,  # type: ignore[arg-type]
            self.stride,  # type: ignore[arg-type]
            self.padding,  # type: ignore[arg-type]
            self.dilation,  # type: ignore[arg-type]
            self.groups,
            self.bias is not None,
            cast(Literal["zeros", "reflect", "replicate", "circular"], self.padding_mode),
            self.weight.device,
            self.weight.dtype,
        )
        with torch.no_grad():
            plain.weight.copy_(self.filter())
            bias = self._full_bias()
            if plain.bias is not None and bias is not None:
                plain.bias.copy_(bias)
        return plain

    def extra_repr(self) -> str:
        given = {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
        }
        usual = {"stride": (1,) * self.dim, "padding": (0,) * self.dim, "dilation": (1,) * self.dim}
        shown = [f"{name}={value}" for name, value in given.items() if value != usual.get(name)]
        shown += [f"groups={self.groups}"] if self.groups != 1 else []
        shown += [f"padding_mode={self.padding_mode!r}"] if self.padding_mode != "zeros" else []
        return ", ".join([super().extra_repr(), *shown])


class Conv2d(Conv):
    """Steerable convolution of planar feature maps (batch, in_type.size, y, x) -> (batch, out_type.size, y', x').

    Like torch.nn.Conv2d, with field types for channel numbers. The filter is a linear combination of kernels with
    K(g x) = rho_out(g) K(x) rho_in(g)^-1 (Weiler, Cesa 2019, eq. 2), so the layer commutes exactly with every element
    of the group that maps the sampling grid to itself. With stride s the grid of outputs is mapped to itself when
    (size + 2 padding - dilation (kernel_size - 1) - 1) is a multiple of s.

    With the other elements it commutes up to the aliasing of the sampled kernels. For kernels of 2 to 9 pixels and on
    average over fresh coefficients and random inputs, the relative error (root mean square) is below 10% if the
    frequencies of the input are below half the Nyquist rate, and below 5% if they are below a quarter of it.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: an integer or (y, x); any size, also even. Sizes, strides, dilations and paddings must be equal on
            axes that the group mixes.
        stride: step of the output grid.
        padding: pixels added on each side: an integer, (y, x), "same" or "valid".
        dilation: step of the kernel's grid.
        groups: split input and output fields into this many groups, each output group sees its own input group. The
            input groups must be of one type.
        bias: whether to learn a bias in the invariant vectors of the output fields; there is none if they have none.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        basis: what kernels are made of: "rings", Gaussian rings times circular harmonics; or a value of
            `steer.kernels.ScalarFunctions`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        FieldTypeError: types of two groups, types that are not planar, or fields that `groups` does not divide.
        KernelError: a bad size or option, or an output field to which there is no steerable kernel.
    """

    dim = 2


def per_axis(name: str, value: object, dim: int, least: int) -> tuple[int, ...]:
    """An integer argument for each axis of space.

    Raises:
        KernelError: it is not one integer, or `dim` of them, of at least `least`.
    """
    values = (value,) * dim if is_count(value, least) else value
    if not isinstance(values, Sequence) or len(values) != dim or not all(is_count(v, least) for v in values):
        raise KernelError(f"{name}: expected an integer >= {least} or {dim} of them, got {value!r}")
    return tuple(map(int, values))


def split_type(in_type: FieldType, out_type: FieldType, groups: int) -> FieldType:
    """The type that each of the `groups` reads.

    Raises:
        FieldTypeError: the fields cannot be divided into that many equal groups.
    """
    if not is_count(groups, 1):
        raise FieldTypeError(f"groups: expected an integer >= 1, got {groups!r}")
    if groups == 1:
        return in_type
    for label, kind in (("in_type", in_type), ("out_type", out_type)):
        if len(kind) % groups:
            raise FieldTypeError(f"groups: {groups} does not divide the {len(kind)} fields of {label}, {kind}")
    count = len(in_type) // groups
    chunks = {in_type.representations[i * count : (i + 1) * count] for i in range(groups)}
    if len(chunks) > 1:
        raise FieldTypeError(
            f"groups: the {groups} groups of in_type must be of one type, got {in_type}; order its fields so that each "
            f"run of {count} is the same"
        )
    per_group = len(out_type) // groups
    sizes = {
        sum(rep.size for rep in out_type.representations[i * per_group : (i + 1) * per_group]) for i in range(groups)
    }
    if len(sizes) > 1:
        raise FieldTypeError(
            f"groups: the {groups} groups of out_type must have equal numbers of channels, got {out_type}; order its "
            f"fields so that each run of {per_group} has as many"
        )
    return FieldType(in_type.group, chunks.pop())
