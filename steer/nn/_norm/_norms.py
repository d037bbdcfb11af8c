"""Normalisation of each sample by its own statistics: over space, over positions, over sets of fields."""

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from ..._values import is_count, require_flag
from ...errors import FieldTypeError, ShapeError, SteerError
from .._engine._arguments import require_eps
from .._engine._layout import computed, wide
from .._engine._module import Module, traced
from .._fields._precision import exact
from .._fields._types import FieldType, require_types
from ._normalize import Rows, Tables


class _SetNorm(Module):
    """gamma (x - mu) / sqrt(var + eps) + beta, with one mu and var for each sample and set of consecutive fields.

    Sums run over the channels of a set and, where `_over_space` says so, over space.
    """

    _over_space: ClassVar[bool] = True

    weight: torch.nn.Parameter | None
    bias: torch.nn.Parameter | None
    field_of_channel: torch.Tensor
    set_of_channel: torch.Tensor
    one: torch.Tensor
    zero: torch.Tensor

    def __init__(self, in_type: FieldType, sets: int, eps: float, affine: bool) -> None:
        super().__init__(in_type, in_type)
        fields = len(in_type)
        if not is_count(sets, 1) or fields % sets:
            fit = [count for count in range(1, fields + 1) if fields % count == 0]
            raise SteerError(
                f"num_groups: expected a divisor of the number of fields {fields}, one of "
                f"{', '.join(map(str, fit))}, got {sets!r}"
            )
        require_eps(eps)
        affine = require_flag("affine", affine, SteerError)
        self.eps, self.affine, self.sets = eps, affine, sets
        self._tabulate(np.arange(fields) // (fields // sets))
        self.weight = torch.nn.Parameter(torch.ones(fields)) if affine else None
        self.bias = torch.nn.Parameter(torch.zeros(in_type.num_invariants)) if affine else None

    def _tabulate(self, set_of_field: npt.NDArray[np.int64]) -> None:
        in_type, channels = self.in_type, self.in_type.size
        tables = Tables.of(in_type, set_of_field)
        own = Tables.of(in_type, np.arange(len(in_type)))  # a bias lies in each field by itself
        self.invariants = len(tables.norms)
        self.set_means = Rows(*tables.means, channels)
        self.coordinates = Rows(*tables.coordinates, channels)
        self.vector = Rows(*tables.vector, self.invariants)
        self.biases = Rows(*own.vector, len(own.norms))
        self.lone = _lone(own, set_of_field)
        # torch's kernel computes the same for sets of one size with the invariant (1, ..., 1) each
        ones = self.invariants == self.sets and bool(np.all(abs(tables.vector[1].sum(1) - 1) < 1e-12))
        self._of_torch = self._over_space and ones and len(set(tables.sizes)) == 1
        self.add_constant("field_of_channel", in_type.field_of_channel)
        self.add_constant("set_of_channel", set_of_field[in_type.field_of_channel])
        self.add_constant("one", np.ones(1))
        self.add_constant("zero", np.zeros(1))

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        if not isinstance(x, torch.Tensor):  # a tracer's stand-in
            return self._act(x, *self._by_channel(x))  # type: ignore[unreachable]
        if self._over_space and self.lone is not None and math.prod(x.shape[2:]) == 1:
            raise ShapeError(self._without_space(tuple(x.shape)))
        with exact(x.device):
            weight, bias = self._by_channel(x)
        if self._of_torch and x.numel():
            values = wide(x)
            weights, biases = (weight.to(values.dtype), bias.to(values.dtype)) if self.affine else (None, None)
            return F.group_norm(values, self.sets, weights, biases, self.eps).to(x.dtype)
        with exact(x.device):
            return self._act(x, weight, bias)

    def _without_space(self, shape: tuple[int, ...]) -> str:
        raise TypeError(f"{type(self).__name__} must define _without_space")

    def _by_channel(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of each channel; of one entry, as `like`, if they do nothing."""
        if self.weight is None or self.bias is None:
            return self.constant("one", like), self.constant("zero", like)
        field_of_channel = self.constant("field_of_channel", self.weight)
        return self.weight.index_select(0, field_of_channel), self.biases(self.bias)

    def _act(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        centred = _single(x)  # (batch, channels, n)
        if self.invariants:
            coordinates = self.coordinates.along(self._mean(centred))
            centred = centred - self.vector.along(coordinates)
        inverse = (self.set_means.along(self._mean(centred.square())) + self.eps).rsqrt()  # (batch, sets, n or 1)
        scale = inverse if self.sets == 1 else inverse.index_select(1, self.constant("set_of_channel", inverse))
        out = torch.addcmul(bias.unsqueeze(1), centred, scale * weight.unsqueeze(1))
        return computed(out.reshape(x.shape).to(x.dtype))

    def _mean(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(2, keepdim=True) if self._over_space else x

    def _export(self) -> torch.nn.Module:
        with torch.no_grad():
            if not self._of_torch:
                return traced(self)
            weight, bias = self._by_channel(self.one)
            out = torch.nn.GroupNorm(self.sets, self.in_type.size, self.eps, self.affine)
            out.to(device=weight.device, dtype=weight.dtype)
            if self.affine:
                out.weight.copy_(weight)
                out.bias.copy_(bias)
            return out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, eps={self.eps}, affine={self.affine}"


class InstanceNorm(_SetNorm):
    """Instance normalisation: y = gamma (x - mu) / sqrt(var + eps) + beta, by sample and field over space.

    One formula for every orthogonal representation, as in `BatchNorm`. mu is the mean over space, projected on the
    invariant vectors of the field; var is the mean of (x - mu)^2 over space and the components of the field; beta is a
    learned invariant vector. Trivial fields are treated as by `torch.nn.InstanceNorm2d` (Ulyanov et al. 2016). There
    are no running statistics: training and evaluation are the same.

    Args:
        in_type: type of the input and output.
        eps: added to the variance.
        affine: whether to learn `weight` (number of fields) and `bias` (number of invariants, coordinates in the basis
            `in_type.invariants`).

    Shape:
        (batch, in_type.size, *space) -> the same.

    Raises:
        SteerError: eps out of range.
        ShapeError: a trivial field without space, or on one position: its variance is undefined.
    """

    def __init__(self, in_type: FieldType, eps: float = 1e-5, affine: bool = False) -> None:
        require_types(type(self).__name__, in_type=in_type)
        super().__init__(in_type, len(in_type), eps, affine)

    def _without_space(self, shape: tuple[int, ...]) -> str:
        return (
            f"x: InstanceNorm needs more than one position for field {self.lone}, {self.in_type[self.lone or 0]!r}, "
            f"which is its own mean, got shape {shape}; use GroupNorm or LayerNorm, over several fields, or BatchNorm, "
            "over the batch"
        )


class GroupNorm(_SetNorm):
    """Group normalisation: y = gamma (x - mu) / sqrt(var + eps) + beta, by sample and set of fields over space.

    The fields fall into `num_groups` sets of equally many consecutive ones. The s-th invariant vectors of the fields of
    a set add up to one vector; mu is the mean over space, projected on these sums; var is the mean of (x - mu)^2 over
    space and the channels of the set; beta is a learned invariant vector of each field. So mu is one number for a set
    of trivial, regular and quotient fields, and trivial fields are treated as by `torch.nn.GroupNorm` (Wu, He 2018).
    Fields without an invariant vector have no mean, and share the variance.

    Args:
        in_type: type of the input and output.
        num_groups: number of sets, a divisor of the number of fields (not of channels).
        eps: added to the variance.
        affine: whether to learn `weight` (number of fields) and `bias` (number of invariants, coordinates in the basis
            `in_type.invariants`).

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        SteerError: `num_groups` does not divide the number of fields; eps out of range.
        ShapeError: a trivial field that alone in its set has an invariant vector, without space or on one position: it
            is its own mean.
    """

    def __init__(self, in_type: FieldType, num_groups: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(in_type, num_groups, eps, affine)
        self.num_groups = num_groups

    def _without_space(self, shape: tuple[int, ...]) -> str:
        return (
            f"x: GroupNorm needs more than one position for field {self.lone}, {self.in_type[self.lone or 0]!r}, "
            f"which alone in its set has an invariant vector and is its own mean, got shape {shape}; use fewer groups "
            f"than num_groups={self.num_groups}, or BatchNorm"
        )

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, num_groups={self.num_groups}"


class LayerNorm(_SetNorm):
    """Layer normalisation: y = gamma (x - mu) / sqrt(var + eps) + beta, by sample and position over all channels.

    The s-th invariant vectors of all fields add up to one vector; mu is the projection of x at a position on these
    sums; var is the mean of (x - mu)^2 over the channels; beta is a learned invariant vector of each field. So mu is
    one number for trivial, regular and quotient fields, and trivial fields are treated as by `torch.nn.LayerNorm` on
    the axis of channels (Ba et al. 2016). Without an invariant vector this is root-mean-square normalisation (Zhang,
    Sennrich 2019).

    Args:
        in_type: type of the input and output.
        eps: added to the variance.
        affine: whether to learn `weight` (number of fields) and `bias` (number of invariants, coordinates in the basis
            `in_type.invariants`).

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: a trivial field that alone has an invariant vector: it is its own mean.
        SteerError: eps out of range.
    """

    _over_space = False

    def __init__(self, in_type: FieldType, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(in_type, 1, eps, affine)
        if self.lone is not None:
            raise FieldTypeError(
                f"in_type: LayerNorm would map field {self.lone} of {in_type}, {in_type[self.lone]!r}, to zero, since "
                "it alone has an invariant vector and is its own mean; use BatchNorm, or InstanceNorm on feature maps"
            )


def _lone(own: Tables, set_of_field: npt.NDArray[np.int64]) -> int | None:
    """A field that equals its mean at one position: trivial, and alone in its set with an invariant vector."""
    partners = np.bincount(set_of_field[own.taken > 0], minlength=int(set_of_field.max()) + 1)
    found = np.flatnonzero((own.taken == 1) & (partners[set_of_field] == 1))
    return int(found[0]) if len(found) else None


def _single(x: torch.Tensor) -> torch.Tensor:
    """(batch, channels, n), in single precision at least."""
    if isinstance(x, torch.Tensor):
        return wide(x.reshape(*x.shape[:2], math.prod(x.shape[2:])))
    return wide(x.unsqueeze(-1).flatten(2))  # type: ignore[unreachable] # a tracer's stand-in has no axes to look at
