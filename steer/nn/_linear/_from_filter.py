"""Convolutions made of dense filters, those of another network for example."""

from collections.abc import Callable
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import torch

from ...errors import FieldTypeError, ShapeError
from ...kernels.plans._project import as_array, as_filter, project_on, require_channels
from .._fields._types import FieldType
from ._steerable import Steerable


class FromFilter(Steerable):
    """A steerable layer that can be made of a dense filter, that of a module of torch for example."""

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
        for name, kind in (("in_type", in_type), ("out_type", out_type)):
            if not isinstance(kind, FieldType):
                raise FieldTypeError(f"{name}: {cls.__name__} expects a FieldType, got {kind!r}")
        dense = as_filter(filter, in_type.group.dim)
        shift = None if bias is None else as_array("bias", bias)
        if shift is not None and shift.shape != (out_type.size,):
            raise ShapeError(f"bias: expected the shape ({out_type.size},), got {shift.shape}")
        if isinstance(filter, torch.Tensor) and filter.is_floating_point():
            options = {"device": filter.device, "dtype": filter.dtype} | options
        build = cast(Callable[..., Self], cls)  # the arguments of a convolution, not those of `Steerable`
        sizes = dense.shape[2:]
        kernel_size = sizes[0] if len(set(sizes)) == 1 else sizes  # the hexagonal layer takes one number
        layer = build(in_type, out_type, kernel_size, bias=bias is not None, **options)
        require_channels(dense, layer.plan.out_size, layer.plan.in_size)
        with torch.no_grad():
            layer.weight.copy_(project_on(layer.plan, dense).weight)
            if layer.bias is not None and shift is not None:
                invariants = out_type.invariants  # orthogonal columns
                layer.bias.copy_(torch.from_numpy(shift @ invariants / np.sum(invariants**2, axis=0)))
        return layer
