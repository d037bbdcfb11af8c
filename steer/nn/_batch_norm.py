"""Batch normalisation for fields of any orthogonal representation."""

from typing import Any

import numpy as np
import torch

from ..errors import ShapeError, SteerError
from ._field_type import FieldType
from ._layout import FieldLayout, split
from ._module import Module

_HALF = (torch.float16, torch.bfloat16)


class _MeanSquare(torch.autograd.Function):
    """(channels,): mean over the axes `dims` of (x - centre)^2, keeping x alone for the backward pass.

    `centre` gets no gradient: at a projection of the mean, the derivative in its direction, summed over a field, is
    zero for every x. It is saved with its history, for second derivatives. Plain operations would keep x - centre as
    well and take twice as long.
    """

    @staticmethod
    def forward(x: torch.Tensor, centre: torch.Tensor, dims: list[int]) -> torch.Tensor:
        out: torch.Tensor = (x - _like(centre, x)).square().mean(dims)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        x, centre = ctx.saved_tensors
        slope = grads[0] * (2 * x.shape[1] / x.numel())
        return (x - _like(centre, x)) * _like(slope, x), None, None


def _like(channels: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return channels.reshape(-1, *(x.dim() - 2) * [1])


class BatchNorm(Module):
    """Batch normalisation: y = gamma (x - mu) / sqrt(var + eps) + beta, one gamma and one var for each field.

    One formula for every orthogonal representation. mu is the mean over the batch and space, projected on the invariant
    vectors of the representation; var is the mean of (x - mu)^2 over the batch, space and the components of the field;
    beta is a learned invariant vector. So a regular or quotient field has one mean and variance over all its
    components, trivial fields are treated as by `torch.nn.BatchNorm2d`, and a non-trivial irrep has no mean but a mean
    square. Input and output (batch, in_type.size, ...).

    Args:
        in_type: type of the input and output.
        eps: added to the variance.
        momentum: weight of the newest batch in the running statistics; None for their plain average over batches.
        affine: whether to learn `weight` (number of fields) and `bias` (number of invariants, coordinates in the basis
            `in_type.invariants`).
        track_running_stats: whether to keep `running_mean` (number of invariants), `running_var` (number of fields) and
            `num_batches_tracked` and use them in evaluation mode.

    Raises:
        SteerError: eps or momentum out of range.
        ShapeError: a training batch with one value for a trivial field, whose variance is undefined.
    """

    weight: torch.nn.Parameter | None
    bias: torch.nn.Parameter | None
    running_mean: torch.Tensor | None
    running_var: torch.Tensor | None
    num_batches_tracked: torch.Tensor | None
    # (slots, channels): the s-th invariant vector of every field, the same over its squared norm, and its column in T
    vectors: torch.Tensor
    duals: torch.Tensor
    columns: torch.Tensor
    slot_of_column: torch.Tensor  # (invariants,): index into (slots, fields)
    field_of_channel: torch.Tensor
    field_sizes: torch.Tensor

    def __init__(
        self,
        in_type: FieldType,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__(in_type, in_type)
        if not eps >= 0:
            raise SteerError(f"eps: expected a number >= 0, got {eps!r}")
        if momentum is not None and not 0 <= momentum <= 1:
            raise SteerError(
                f"momentum: expected a number between 0 and 1, or None for a plain average, got {momentum!r}"
            )
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        self.layout = FieldLayout(in_type)
        self._add_invariants()
        fields, invariants = len(in_type), in_type.invariants.shape[1]
        self.weight = torch.nn.Parameter(torch.ones(fields)) if affine else None
        self.bias = torch.nn.Parameter(torch.zeros(invariants)) if affine else None
        self.register_buffer("running_mean", torch.zeros(invariants) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(fields) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track_running_stats else None)

    def _add_invariants(self) -> None:
        """The invariant vectors as (slots, channels): a field has few, so no sum over a field needs a big matrix."""
        basis = self.in_type.invariants
        field = self.in_type.field_of_channel
        owner = field[np.argmax(np.abs(basis), axis=0)] if basis.shape[1] else np.zeros(0, dtype=np.int64)
        slot = np.array([np.sum(owner[:column] == owner[column]) for column in range(len(owner))], dtype=np.int64)
        vectors = np.zeros((slot.max(initial=-1) + 1, self.in_type.size))
        columns = np.zeros(vectors.shape, dtype=np.int64)
        duals = np.zeros(vectors.shape)
        for column, (f, s) in enumerate(zip(owner, slot, strict=True)):
            inside = slice(self.in_type.offsets[f], self.in_type.offsets[f + 1])
            vectors[s, inside] = basis[inside, column]
            duals[s, inside] = basis[inside, column] / np.sum(basis[:, column] ** 2)
            columns[s, inside] = column
        sizes = np.array([rep.size for rep in self.in_type])
        free = np.bincount(owner, minlength=len(sizes))  # values that the mean takes away from each field
        self._needs_two = bool(np.any(free == sizes))
        # torch's fused kernel computes the same for fields of one size with the invariant (1, ..., 1) each
        self._fused = (
            self.layout.uniform and len(owner) == len(sizes) and bool(np.all(np.abs(basis.sum(1) - 1) < 1e-12))
        )
        self.add_constant("vectors", vectors)
        self.add_constant("duals", duals)
        self.add_constant("columns", columns)
        self.add_constant("slot_of_column", slot * len(sizes) + owner)
        self.add_constant("field_of_channel", field)
        self.add_constant("field_sizes", sizes)
        self.add_constant("free", free)

    free: torch.Tensor

    # Vectors over channels, fields and invariants --------------------------------------------------------------------

    def _coordinates(self, channels: torch.Tensor) -> torch.Tensor:
        """(invariants,): coordinates of the projection of a vector (channels,) on the invariant vectors."""
        sums = self.layout.reduce(self.duals * channels, lambda block: block.sum(2))
        return sums.flatten().index_select(0, self.slot_of_column)

    def _vector(self, coordinates: torch.Tensor) -> torch.Tensor:
        """(channels,): the invariant vector with these coordinates."""
        if coordinates.numel() == 0:
            return coordinates.new_zeros(self.in_type.size)
        return (self.vectors * coordinates[self.columns]).sum(0)

    def _per_channel(self, mean: torch.Tensor, var: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Mean, variance, weight and bias of each channel, from the mean (channels,) and the variance (fields,)."""
        weight = var.new_ones(len(self.in_type)) if self.weight is None else self.weight
        bias = torch.zeros_like(mean) if self.bias is None else self._vector(self.bias)
        field = self.field_of_channel
        return mean, var.index_select(0, field), weight.index_select(0, field), bias

    # Forward ---------------------------------------------------------------------------------------------------------

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        count = x.numel() // self.in_type.size
        by_batch = self.training or self.running_mean is None
        if by_batch and count == 1 and self._needs_two:
            raise ShapeError(
                f"x: BatchNorm needs more than one value for each trivial field in training, got shape "
                f"{tuple(x.shape)}; use a larger batch, or .eval()"
            )
        if not by_batch or count == 0:
            return x if count == 0 else self._by_running(x)
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        if self._fused and self.momentum is not None:
            mean, var = (self.running_mean, self.running_var) if self.training else (None, None)
            out = torch.nn.functional.batch_norm(
                split(x, *self.layout.blocks[0]), mean, var, self.weight, self.bias, True, self.momentum, self.eps
            )
            return out.flatten(1, 2)
        return self._by_batch(x, count)

    def _by_running(self, x: torch.Tensor) -> torch.Tensor:
        mean, var, weight, bias = self._running()
        return torch.nn.functional.batch_norm(x, mean, var, weight, bias, False, 0.0, self.eps)

    def _running(self) -> tuple[torch.Tensor, ...]:
        if self.running_mean is None or self.running_var is None:
            raise SteerError(
                "track_running_stats: this BatchNorm keeps no running statistics to export; "
                "build it with track_running_stats=True"
            )
        return self._per_channel(self._vector(self.running_mean), self.running_var)

    def _by_batch(self, x: torch.Tensor, count: int) -> torch.Tensor:
        dims = [0, *range(2, x.dim())]
        values = x.float() if x.dtype in _HALF else x
        coordinates = self._coordinates(values.mean(dims))
        mean = self._vector(coordinates)
        squares: torch.Tensor = _MeanSquare.apply(values, mean, dims)  # type: ignore[no-untyped-call]
        var = self.layout.reduce(squares[None], lambda block: block.mean(2))[0]
        if self.training:
            self._track(coordinates.detach(), var.detach(), count)
        mean, var, weight, bias = self._per_channel(mean, var)
        scale = weight * (var + self.eps).rsqrt()
        # scale x + shift in one pass, whatever the dtypes of x and of the parameters
        none, one = torch.zeros_like(scale), torch.ones_like(scale)
        return torch.nn.functional.batch_norm(x, none, one, scale, bias - mean * scale, False, 0.0, 0.0)

    @torch.no_grad()
    def _track(self, coordinates: torch.Tensor, var: torch.Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        total = self.field_sizes * count
        unbiased = var * (total / (total - self.free)).to(var.dtype)
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        for running, new in ((self.running_mean, coordinates), (self.running_var, unbiased)):
            running.add_((new.to(running.dtype) - running) * share)

    def _export(self) -> torch.nn.Module:
        kind = {2: torch.nn.BatchNorm2d, 3: torch.nn.BatchNorm3d}.get(self.in_type.group.dim, torch.nn.BatchNorm1d)
        mean, var, weight, bias = (value.detach() for value in self._running())
        out = kind(self.in_type.size, self.eps, self.momentum, self.affine).to(device=mean.device, dtype=mean.dtype)
        with torch.no_grad():
            for target, source in (
                (out.running_mean, mean),
                (out.running_var, var),
                (out.weight, weight),
                (out.bias, bias),
            ):
                if target is not None:
                    target.copy_(source)
        if out.num_batches_tracked is not None and self.num_batches_tracked is not None:
            out.num_batches_tracked.copy_(self.num_batches_tracked)
        return out

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return (
            f"{super().extra_repr()}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )
