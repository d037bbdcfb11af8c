"""Steerable convolution."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
import torch

from ..._spacing import Spacing, along_axes, as_spacing
from ..._values import Array, is_one_of, require_count
from ...errors import FieldTypeError, KernelError, ShapeError
from ...kernels import Grid, ScalarFunctions, Selection, functions_for, require_symmetric
from ...kernels import compile as compile_plan
from ...kernels.bases._cut import warn_of_cut_rings
from ...kernels.bases._selection import BasisFilter
from ...kernels.plans._project import as_array, as_filter
from .._engine._hooked import renew
from .._engine._sampling import Window
from .._engine._spaced import borders, kernel_sizes, steps
from .._fields._types import FieldType, require_types
from ._steerable import Steerable

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
USUAL = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "padding_mode": "zeros", "groups": 1}


class Convolution(Steerable):
    """What convolutions and their transposes share: one filter on a grid, its plan, and the modules of torch.

    `options` names the arguments, besides types and kernel size, that the module of torch takes; each is an attribute.
    """

    dim: ClassVar[int]
    _torch_class: ClassVar[type[torch.nn.Module]]
    options: ClassVar[tuple[str, ...]]
    lattice: ClassVar[str] = "square"

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    spacing: Spacing
    basis: str | ScalarFunctions

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        basis: str | ScalarFunctions,
        max_frequency: int | None,
        unreached: str,
        basis_filter: BasisFilter | None,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        *,
        transposed: bool = False,
    ) -> None:
        settings = {name: getattr(self, name) for name in ("kernel_size", *self.options)}
        tuples = {name: value for name, value in settings.items() if isinstance(value, tuple)}
        require_symmetric(in_type.group, spacing=self.spacing, **tuples)
        ends = (("out_type", out_type), ("in_type", in_type))
        source, target = ends if transposed else ends[::-1]
        group_type = split_type(source, target, self.groups)
        grid = Grid(self.kernel_size, self.lattice, self._tap_spacing)
        functions = functions_for(basis, grid, max_frequency)
        if isinstance(basis, ScalarFunctions):
            warn_of_cut_rings(basis, grid, in_type.group)
        self.basis = basis

        super().__init__(
            in_type,
            out_type,
            # Every group of output fields reads the same type, so one plan from it to all of them holds all filters.
            lambda: compile_plan(
                group_type,
                target[1],
                grid,
                radial=functions,
                transposed=self.groups if transposed else 0,
                unreached=unreached,
                basis_filter=basis_filter,
            ),
            bias,
            device,
            dtype,
        )
        if basis_filter is not None:
            self.basis = self.plan.functions

    @classmethod
    def from_filter(
        cls,
        filter: torch.Tensor | npt.ArrayLike,  # noqa: A002 - what torch calls it
        in_type: FieldType,
        out_type: FieldType,
        *,
        bias: torch.Tensor | npt.ArrayLike | None = None,
        **options: Any,
    ) -> Self:
        """A layer whose filter is the steerable one that is nearest to a dense filter; see `steer.project`.

        Args:
            filter: (out_type.size, in_type.size / groups, *kernel), tensor or array, as the `weight` of the module of
                torch with that name; for a transposed convolution (in_type.size, out_type.size / groups, *kernel). Its
                kernel size is the layer's.
            in_type: type of the input.
            out_type: type of the output.
            bias: (out_type.size,), replaced by the nearest vector that the group fixes; without it the layer has none.
            options: further arguments of the layer. `device` and `dtype` are those of a floating-point tensor `filter`
                unless given, else torch's defaults.

        Returns:
            The layer.

        Raises:
            FieldTypeError: as for the layer.
            ShapeError: filter or bias of another shape, or entries that are not finite real numbers.
            KernelError: as for the layer.
        """
        require_types(cls.__name__, in_type=in_type, out_type=out_type)
        dense = as_filter(filter, in_type.group.dim)
        shift = None if bias is None else as_array("bias", bias)
        if shift is not None and shift.shape != (out_type.size,):
            raise ShapeError(f"bias: expected the shape ({out_type.size},), got {shift.shape}")
        if isinstance(filter, torch.Tensor) and filter.is_floating_point():
            options = {"device": filter.device, "dtype": filter.dtype} | options
        build = cast(Callable[..., Self], cls)  # the arguments of a convolution, not those of `Steerable`
        sizes = dense.shape[2:]
        kernel_size = sizes[0] if cls.lattice == "hexagonal" else sizes  # one number, which follows no spacing there
        layer = build(in_type, out_type, kernel_size, bias=bias is not None, **options)
        found = layer.plan.project(dense).weight
        with torch.no_grad():
            layer.weight.copy_(found)
            if layer.bias is not None and shift is not None:
                index, values = out_type.invariant_rows  # of orthogonal vectors
                sums = [
                    np.bincount(index.ravel(), (each * values).ravel(), out_type.num_invariants)
                    for each in (shift[:, None], values)
                ]
                layer.bias.copy_(torch.from_numpy(sums[0] / sums[1]))
        return layer

    def _require_types(self, **types: FieldType) -> None:
        """Raise a `FieldTypeError` unless the arguments are field types of this space."""
        require_types(type(self).__name__, **types)
        for label, value in types.items():
            if value.group.dim != self.dim:
                raise FieldTypeError(
                    f"{label}: {type(self).__name__} acts on {self.dim}-dimensional space, got a type of "
                    f"{value.group!r}; a group that acts on other space, or turns the channels of sequences alone, is "
                    f"made by steer.reps.with_action(G, rep), for sequences with rep=G.trivial"
                )

    def _size_by(self, spacing: object, kernel_size: object, stride: object, dilation: object) -> None:
        """Keep the spacing, and sizes that follow it where they are one number for all axes."""
        self.spacing = as_spacing(spacing, self.dim)
        self.stride = steps("stride", stride, self.dim, self.spacing)
        self.dilation = steps("dilation", dilation, self.dim, self.spacing)
        self.kernel_size = kernel_sizes(kernel_size, self.dim, self._tap_spacing)

    @property
    def _tap_spacing(self) -> Spacing:
        """The spacing of the kernel's samples; dilation alone, on samples of one spacing, stretches kernels."""
        return None if self.spacing is None else along_axes(self.spacing, self.dilation)

    @property
    def points(self) -> Array:
        """Offsets (x, y[, z]) of the filter's samples from the centre, (k^d, d), in their order.

        They are in pixels, of the smallest spacing if there is one.
        """
        grid = Grid(self.kernel_size, self.lattice)
        steps = np.asarray(self.dilation, dtype=np.float64) * (1.0 if self.spacing is None else self.spacing)
        return np.asarray(grid.points * steps[::-1])

    def filter(self) -> torch.Tensor:
        """The dense filter for torch's function, expanded from the coefficients; differentiable.

        The first channels are those of the output of a convolution, and of the input of a transposed one.

        Returns:
            (first, second / groups, *kernel).
        """
        renew(self)
        return self._expand()

    @property
    def _spans(self) -> tuple[int, ...]:
        """Pixels between the first and the last sample of the kernel along each axis."""
        return tuple(step * (size - 1) for step, size in zip(self.dilation, self.kernel_size, strict=True))

    def _export(self) -> torch.nn.Module:
        plain = self._torch_class(
            self.in_type.size,
            self.out_type.size,
            self.kernel_size,
            **{name: getattr(self, name) for name in self.options},
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        state = {"weight": self.filter()} | ({} if self.bias is None else {"bias": self._full_bias()})
        plain.load_state_dict(state)
        return plain

    def extra_repr(self) -> str:
        given = {name: getattr(self, name) for name in self.options}
        usual = {
            name: (value,) * self.dim if isinstance(given.get(name), tuple) else value for name, value in USUAL.items()
        }
        shown = [f"{name}={value!r}" for name, value in given.items() if value != usual[name]]
        shown += [f"spacing={self.spacing}"] if self.spacing is not None else []
        if isinstance(self.basis, Selection):  # of which there may be thousands
            shown += [f"basis={self.basis.functions!r}", f"basis_filter={len(self.basis.elements)} elements"]
        elif self.basis != "rings":
            shown.append(f"basis={self.basis!r}")
        return ", ".join([super().extra_repr(), f"kernel_size={self.kernel_size}", *shown])


class Conv(Convolution):
    """Convolution with steerable kernels in any dimension; use `Conv1d`, `Conv2d` or `Conv3d`."""

    _convolve: ClassVar[Callable[..., torch.Tensor]]
    options = ("stride", "padding", "dilation", "groups", "padding_mode")

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | str | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        spacing: Sequence[float] | float | None = None,
        basis: str | ScalarFunctions = "rings",
        max_frequency: int | None = None,
        unreached: str = "warn",
        basis_filter: BasisFilter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._require_types(in_type=in_type, out_type=out_type)
        if not is_one_of(padding_mode, PADDING_MODES):
            raise KernelError(f"padding_mode: expected {' or '.join(map(repr, PADDING_MODES))}, got {padding_mode!r}")
        # Settings are checked and kept before torch.nn.Module is initialised: bad ones fail before any work.
        self._size_by(spacing, kernel_size, stride, dilation)
        self.padding = self._amount(padding)
        self.padding_mode = padding_mode
        self.groups = require_count("groups", groups, FieldTypeError, 1)
        super().__init__(in_type, out_type, basis, max_frequency, unreached, basis_filter, bias, device, dtype)
        axes = zip(self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        self._sample_by(Window(*axis, padding_mode) for axis in axes)

    def _amount(self, padding: int | str | tuple[int, ...]) -> tuple[int, ...]:
        """Padding of each axis, on both sides."""
        if not isinstance(padding, str):
            return borders(padding, self._spans, self.spacing)
        if padding == "valid":
            return (0,) * self.dim
        if padding != "same":
            raise KernelError(f"padding: expected an integer, a tuple, 'same' or 'valid', got {padding!r}")
        spans = self._spans
        if any(span % 2 for span in spans) or any(step != 1 for step in self.stride):
            raise KernelError(
                f"padding: 'same' needs stride 1 and an odd kernel or even dilation, because padding one side more "
                f"than the other breaks the symmetry; got kernel_size={self.kernel_size}, stride={self.stride}, "
                f"dilation={self.dilation}"
            )
        return tuple(span // 2 for span in spans)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        padding = self.padding
        if self.padding_mode != "zeros" and any(padding):
            sides = [amount for amount in reversed(padding) for _ in range(2)]
            x, padding = torch.nn.functional.pad(x, sides, self.padding_mode), (0,) * self.dim
        filters, bias = self._filter(), self._full_bias()
        return type(self)._convolve(x, filters, bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(Conv):
    """Steerable convolution of sequences: the counterpart of `torch.nn.Conv1d`.

    For the groups of a line, `steer.group("D1", dim=1)` with the reflection x -> -x and "C1" without, and for every
    group that acts on a line through a representation: ``with_action(G, G.trivial)`` turns the channels alone, as of a
    time series of vectors (`steer.reps.with_action`). The layer commutes exactly with all of the group. With stride s
    the reflection maps the outputs to themselves when (size + 2 padding - dilation (kernel_size - 1) - 1) is a multiple
    of s.

    On a line there are harmonics of degree 0 and 1 alone, even and odd functions: the rings of a kernel span all
    steerable kernels of its size, whatever the group.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: an integer or (x,); any size, also even.
        stride: step of the output grid.
        padding: samples added on each side: an integer, (x,), "same" or "valid".
        dilation: step of the kernel's grid.
        groups: split input and output fields into this many groups, each output group sees its own input group. The
            input groups must be of one type.
        bias: whether to learn a bias in the invariant vectors of the output fields; there is none if they have none.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        spacing: as of `Conv3d`; along one axis there is one distance.
        basis: what kernels are made of, as in `Conv2d`: "rings", "pixel" or "interpolated", or a
            `steer.kernels.ScalarFunctions`.
        max_frequency: cap on the degree of the harmonics, 0 or 1; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: (num_weights,), the coefficients of the basis kernels.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, x) -> (batch, out_type.size, x') with x' = floor((x + 2 padding - dilation (kernel_size -
        1) - 1) / stride) + 1.

    Raises:
        FieldTypeError: types of two groups, types that are not of a line, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: an input that is smaller than the kernel.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> from steer.testing import assert_equivariant
        >>> SO3 = steer.group("SO(3)", dim=3)
        >>> G = steer.reps.with_action(SO3, SO3.trivial)  # turns vectors, not time
        >>> accelerations = nn.FieldType(G, [SO3.vector.restrict(G)])
        >>> hidden = nn.FieldType(G, 8 * [G.trivial] + 8 * [SO3.vector.restrict(G)])
        >>> conv = nn.Conv1d(accelerations, hidden, 5, padding=2, unreached="ignore")
        >>> conv(torch.randn(1, 3, 100)).shape
        torch.Size([1, 32, 100])
        >>> assert_equivariant(conv)
    """

    dim = 1
    _torch_class = torch.nn.Conv1d
    _convolve = torch.nn.functional.conv1d


class Conv2d(Conv):
    """Steerable convolution of planar feature maps: the counterpart of `torch.nn.Conv2d`.

    Field types stand for channel numbers. The filter is a linear combination of kernels with K(g x) = rho_out(g) K(x)
    rho_in(g)^-1 (Weiler, Cesa 2019, eq. 2), so the layer commutes exactly with every element of the group that maps the
    sampling grid to itself. With stride s the grid of outputs is mapped to itself when (size + 2 padding - dilation
    (kernel_size - 1) - 1) is a multiple of s.

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
        spacing: distances of neighbouring samples (y, x) in any unit, of which only the ratio counts; None where pixels
            are squares. See `Conv3d`.
        basis: what kernels are made of.

            "rings": Gaussian rings times circular harmonics, for every group.

            "least_aliasing": rings moved to the nearest samples that turn by angles that the grid does not have, for
            every group: about a tenth of the error of rings (`steer.kernels.LeastAliasing`).

            "pixel": all steerable kernels on the grid, for groups that map it to itself (C4, D4 and subgroups): exact,
            and for regular fields the group convolution of Cohen, Welling 2016.

            "interpolated": free pixels in a disk, turned by bilinear interpolation, between regular fields and others
            (Bekkers et al. 2018).

            "derivative": differential operators up to order 4 by finite differences (Jenner, Weiler 2022).

            Or a value of `steer.kernels.ScalarFunctions`: `Interpolated` with cubic splines, a subclass of
            `AngularFunctions` of your own, or `Rings(radii, widths, limits)` of your own, with a radius, a width and a
            largest degree for each. `Rings.leaks` tells how much of each ring the kernel cuts off; of more than half
            there is a `BasisWarning`, where the group has more elements than the grid.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: (num_weights,), the coefficients of the basis kernels.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, y, x) -> (batch, out_type.size, y', x') with y' = floor((y + 2 padding - dilation
        (kernel_size - 1) - 1) / stride) + 1, and x' alike.

    Raises:
        FieldTypeError: types of two groups, types that are not planar, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: an input that is smaller than the kernel.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> from steer.testing import assert_equivariant
        >>> G = steer.group("D4", dim=2)
        >>> image, hidden = nn.FieldType(G, 3 * [G.trivial]), nn.FieldType(G, 8 * [G.regular])
        >>> conv = nn.Conv2d(image, hidden, kernel_size=5, padding=2)
        >>> conv(torch.randn(1, 3, 33, 33)).shape
        torch.Size([1, 64, 33, 33])
        >>> assert_equivariant(conv)
    """

    dim = 2
    _torch_class = torch.nn.Conv2d
    _convolve = torch.nn.functional.conv2d


class Conv3d(Conv):
    """Steerable convolution of volumes: the counterpart of `torch.nn.Conv3d`.

    Field types stand for channel numbers. The filter is a linear combination of kernels with K(g x) = rho_out(g) K(x)
    rho_in(g)^-1: Gaussian shells times spherical harmonics (Weiler et al. 2018, "3D Steerable CNNs", for rotations;
    Cesa, Lang, Weiler 2022 for the other groups). The layer commutes exactly with every element of the group that is
    one of the 48 symmetries of the cube, because these map the sampling grid to itself. With stride s the grid of
    outputs is mapped to itself when (size + 2 padding - dilation (kernel_size - 1) - 1) is a multiple of s.

    With the other elements it commutes up to the aliasing of the sampled kernels. For kernels of 2 to 6 pixels and on
    average over fresh coefficients and random inputs, the relative error (root mean square) is below 8% if the
    frequencies of the input are below half the Nyquist rate, and below 4% if they are below a quarter of it.

    Voxels that are no cubes have a `spacing`, such as (3.0, 1.0, 1.0) for thick slices. Kernels are then sampled at
    physical coordinates, so that those of every group are steerable there, and the layer commutes exactly with the
    elements that map the spaced grid to itself: with O, quarter turns about z and half turns about x. Lengths are in
    units of the smallest spacing. One number for all axes counts samples of the finest axis, and follows the spacing: a
    kernel_size of 5 has 3 slices at 3 : 1 : 1, the smallest odd number that reaches as far from the centre; a stride or
    dilation is the nearest in length, at least 1 (2 is (1, 2, 2)); padding leaves the same border, so that 2 beside a
    kernel of 5 keeps the size. Tuples stay as given, and need be equal only on axes that the group mixes and that have
    one spacing. Between the symmetries of the grid the coarsest spacing is what counts, of which the default rings make
    their unit (`Rings.for_grid`): frequencies must be below half the Nyquist rate of that axis.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        kernel_size: an integer or (z, y, x); any size, also even. Sizes, strides, dilations and paddings must be equal
            on axes that the group mixes: a group about the z axis takes (3, 5, 5).
        stride: step of the output grid.
        padding: pixels added on each side: an integer, (z, y, x), "same" or "valid".
        dilation: step of the kernel's grid.
        groups: split input and output fields into this many groups, each output group sees its own input group. The
            input groups must be of one type.
        bias: whether to learn a bias in the invariant vectors of the output fields; there is none if they have none.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        spacing: distances of neighbouring samples (z, y, x) in any unit, of which only the ratios count; None where
            voxels are cubes.
        basis: what kernels are made of, as in `Conv2d`: "rings", Gaussian shells times spherical harmonics, for every
            group; "least_aliasing", for every group; "pixel", for subgroups of Oh; "interpolated"; "derivative"; or a
            `steer.kernels.ScalarFunctions`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.
        unreached: "warn", "error" or "ignore" where there is no steerable kernel to an output field, which then is
            zero but for the bias.
        basis_filter: which kernels to keep: a function of an element (`irrep`, `degree`, `ring`, ...; see
            `steer.kernels.Element`) that returns True or False, or some of the elements. It is asked once; `basis` is a
            `steer.kernels.Selection` then, which stores what is kept.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: (num_weights,), the coefficients of the basis kernels.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, z, y, x) -> (batch, out_type.size, z', y', x') with z' = floor((z + 2 padding - dilation
        (kernel_size - 1) - 1) / stride) + 1, and y' and x' alike.

    Raises:
        FieldTypeError: types of two groups, types that are not of space, or fields that `groups` does not divide.
        KernelError: a bad size or option; with ``unreached="error"``, an output field to which there is no kernel.
        ShapeError: an input that is smaller than the kernel.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("SO(3)", dim=3)
        >>> scalar, vector = nn.FieldType(G, [G.trivial]), nn.FieldType(G, 4 * [G.vector])
        >>> nn.Conv3d(scalar, vector, kernel_size=3)(torch.randn(1, 1, 9, 9, 9)).shape
        torch.Size([1, 12, 7, 7, 7])
    """

    dim = 3
    _torch_class = torch.nn.Conv3d
    _convolve = torch.nn.functional.conv3d


def split_type(source: tuple[str, FieldType], target: tuple[str, FieldType], groups: int) -> FieldType:
    """The type that each of the `groups` of the target reads; both types come with the names of their arguments.

    Raises:
        FieldTypeError: the fields cannot be divided into that many equal groups.
    """
    groups = require_count("groups", groups, FieldTypeError, 1)
    (label, in_type), (out_label, out_type) = source, target
    if groups == 1:
        return in_type
    for name, kind in (source, target):
        if len(kind) % groups:
            raise FieldTypeError(f"groups: {groups} does not divide the {len(kind)} fields of {name}, {kind}")
    chunks, out_chunks = _chunks(in_type, groups), _chunks(out_type, groups)
    if len(set(chunks)) > 1:
        raise FieldTypeError(
            f"groups: the {groups} groups of {label} must be of one type, got {in_type}; order its fields so that each "
            f"run of {len(in_type) // groups} is the same"
        )
    if len({chunk.size for chunk in out_chunks}) > 1:
        raise FieldTypeError(
            f"groups: the {groups} groups of {out_label} must have equal numbers of channels, got {out_type}; order "
            f"its fields so that each run of {len(out_type) // groups} has as many"
        )
    return chunks[0]


def _chunks(kind: FieldType, groups: int) -> list[FieldType]:
    count = len(kind) // groups
    return [kind[i * count : (i + 1) * count] for i in range(groups)]
