"""Normalisation of fields by statistics of the batch, as one differentiable function."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from ..._values import Array
from ...kernels.plans._recorded import inlined
from .._engine._constants import Constants
from .._engine._layout import samplewise, split, wide
from .._engine._processes import Processes
from .._engine._rows import add_rows, rows_times
from .._fields._types import FieldType


class Rows(Constants):
    """A matrix with few entries in each row, times a vector.

    In graphs the entries of each row are added up, whatever its size: they may run under autocast, which takes products
    with a matrix in half precision, and a graph has no way to forbid that.
    """

    matrix: torch.Tensor
    entries: torch.Tensor
    index: torch.Tensor

    def __init__(self, index: npt.NDArray[np.int64], entries: Array, columns: int) -> None:
        """Row r has entries[r, k] in column index[r, k]; zeros may stand anywhere."""
        super().__init__()
        add_rows(self, "matrix", index, entries, columns)
        self.dense = not hasattr(self, "matrix_index")
        self.add_constant("entries", entries)
        self.add_constant("index", index)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """(rows,) from (columns,), also under tracing."""
        if isinstance(vector, torch.Tensor):
            return rows_times(self, "matrix", vector)
        return (vector[self.index] * self.constant("entries", vector)).sum(1)  # type: ignore[unreachable]

    def along(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, rows, n) from (batch, columns, n), also under tracing."""
        if self.dense and isinstance(x, torch.Tensor):
            return torch.matmul(self.constant("matrix", x), x)
        index, entries = self.constant("index", x), self.constant("entries", x)
        return (split(x.index_select(1, index.flatten()), *self.index.shape) * entries.unsqueeze(2)).sum(2)


Entries = tuple[npt.NDArray[np.int64], Array]
"""Index and entries of the rows of a matrix, padded with zeros; see `Rows`."""


class Tables(NamedTuple):
    """Linear maps between vectors over channels, sets of fields, and the invariant vectors that a set shares.

    The s-th invariant vectors of the fields of a set add up to one vector. These are orthogonal, and the mean of the
    set is a projection on them: for a set of scalars that on (1, ..., 1), for a set of one field that on all its
    invariant vectors. They are numbered set by set.
    """

    sizes: npt.NDArray[np.int64]  # (sets,): channels of each
    taken: Array  # (sets,): share of a set's channels that its invariants, thus the mean, take away
    norms: Array  # (invariants,): squares of the invariant vectors
    means: Entries  # averages over the channels of each set
    coordinates: Entries  # of the projection on the invariant vectors
    vector: Entries  # the channels of a vector with given coordinates
    sums: Entries  # over the invariants of each set

    @classmethod
    def of(cls, in_type: FieldType, set_of_field: npt.NDArray[np.int64]) -> "Tables":
        """Those of the sets of fields that bear one number."""
        (index, values), owner = _shared(in_type, set_of_field)
        of_channel = set_of_field[in_type.field_of_channel]
        channels, invariants = in_type.size, len(owner)
        channel, slot = np.nonzero(values)
        vector, entry = index[channel, slot], values[channel, slot]
        sizes = np.bincount(of_channel)
        inside = np.arange(sizes.max()) < sizes[:, None]
        members = np.zeros(inside.shape, dtype=np.int64)
        members[inside] = np.argsort(of_channel, kind="stable")
        place = np.empty(channels, dtype=np.int64)  # of each channel in its set
        place[members[inside]] = np.nonzero(inside)[1]
        entries = np.zeros((invariants, inside.shape[1]))
        entries[vector, place[channel]] = entry
        norms = np.sum(entries**2, axis=1)
        of_set = np.bincount(owner, minlength=len(sizes))
        held = np.arange(of_set.max()) < of_set[:, None]
        first = np.cumsum(of_set) - of_set
        slots = np.where(held, first[:, None] + np.arange(of_set.max()), 0)
        coordinates = np.zeros((channels, held.shape[1]))
        coordinates[channel, vector - first[of_channel[channel]]] = entry
        return cls(
            sizes,
            of_set / sizes,
            norms,
            (members, inside / sizes[:, None]),
            (members[owner], entries / norms[:, None]),
            (slots[of_channel], coordinates),
            (slots, held.astype(np.float64)),
        )


def _shared(in_type: FieldType, set_of_field: npt.NDArray[np.int64]) -> tuple[Entries, npt.NDArray[np.int64]]:
    """The invariant vectors of the sets as `FieldType.invariant_rows`, and (invariants,) the set of each."""
    index, values = in_type.invariant_rows
    if not in_type.num_invariants:
        return (index, values), np.zeros(0, dtype=np.int64)
    channel, slot = np.nonzero(values)
    field = np.empty(in_type.num_invariants, dtype=np.int64)
    field[index[channel, slot]] = in_type.field_of_channel[channel]  # an invariant vector lies in one field
    first = np.searchsorted(field, field)  # they are numbered field by field
    keys = np.stack([set_of_field[field], np.arange(len(field)) - first], axis=1)
    found, position = np.unique(keys, axis=0, return_inverse=True)
    return (position.reshape(-1)[index], values), found[:, 0]


class Statistics(Constants):
    """Linear maps between vectors over channels, fields and invariant vectors; no loop over fields.

    `field_means` averages over the channels of each field. `coordinates` gives those of the projection on the invariant
    vectors, `vector` the channels of a vector with given coordinates, and `mean_squares` its mean square over each
    field, from the squares of the coordinates.
    """

    field_of_channel: torch.Tensor
    sizes: torch.Tensor  # (fields,): of each
    taken: torch.Tensor  # (fields,): share of a field's components that its invariants, thus the mean, take away
    norms: torch.Tensor  # (invariants,): squares of the invariant vectors
    zero: torch.Tensor  # (channels,)
    one: torch.Tensor

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        tables = Tables.of(in_type, np.arange(len(in_type)))
        channels, invariants, sizes = in_type.size, len(tables.norms), tables.sizes
        self.field_means = Rows(*tables.means, channels)
        self.coordinates = Rows(*tables.coordinates, channels)
        self.vector = Rows(*tables.vector, invariants)
        slots, held = tables.sums
        shares = held * tables.norms[slots] if invariants else held
        self.mean_squares = Rows(slots, shares / sizes[:, None], invariants)
        self.has_whole = bool(np.any(tables.taken == 1))  # whether all components of some field are invariant
        self.add_constant("field_of_channel", in_type.field_of_channel)
        self.add_constant("sizes", sizes.astype(np.float64))
        self.add_constant("taken", tables.taken)
        self.add_constant("norms", tables.norms)
        self.add_constant("zero", np.zeros(channels))
        self.add_constant("one", np.ones(channels))

    def spread(self, fields: torch.Tensor) -> torch.Tensor:
        """(channels,) from one value (fields,) for each field."""
        return fields.index_select(0, self.constant("field_of_channel", fields))

    def affine(self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """Scale x + shift by channel, in one pass whatever the dtypes."""
        none, one = self.constant("zero", scale), self.constant("one", scale)
        return F.batch_norm(x, none, one, scale, shift, False, 0.0, 0.0)


class Moments(NamedTuple):
    """The statistics of a batch."""

    coordinates: torch.Tensor  # (invariants,) of the mean's projection mu
    centre: torch.Tensor  # (channels,): mu
    var: torch.Tensor  # (fields,): mean of (x - mu)^2 over each field
    inverse: torch.Tensor  # (fields,): 1 / sqrt(var + eps)
    total: int | torch.Tensor  # values in a mean, of each component


def normalize(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    statistics: Statistics,
    eps: float,
    processes: Processes | None = None,
) -> tuple[torch.Tensor, Moments]:
    """Fields x (batch, channels, ...) to weight (x - mu) / sqrt(var + eps) + bias, over batch and space; the moments.

    Args:
        x: fields, also of half precision; statistics are then taken in float32.
        weight: (fields,).
        bias: (invariants,): coordinates.
        statistics: of the type.
        eps: added to the variance.
        processes: those that hold the batch together, each some samples, maybe none; None for this process alone.
    """
    if inlined():
        moments = _moments(x, statistics, eps, processes)
        return _scale(x, weight, bias, moments.centre, moments.inverse, statistics), moments
    with torch.no_grad():
        moments = _moments(x, statistics, eps, processes)
    out: torch.Tensor = _Normalize.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, moments.centre, moments.inverse, statistics, eps, processes, moments.total
    )
    return out, moments


def _moments(x: torch.Tensor, statistics: Statistics, eps: float, processes: Processes | None) -> Moments:
    values, dims, count = wide(x), _dims(x), x.numel() // x.shape[1]
    coordinates = statistics.coordinates(values.mean(dims))
    centre = statistics.vector(coordinates)
    (squares,) = samplewise(lambda part: (_over_space((part - _like(centre, x)).square()),), values)
    var = statistics.field_means(squares.sum(0) / count)
    if processes is not None:
        return _together(coordinates, var, count, statistics, eps, processes)
    return Moments(coordinates, centre, var, (var + eps).rsqrt(), count)


def _together(
    coordinates: torch.Tensor, var: torch.Tensor, count: int, statistics: Statistics, eps: float, processes: Processes
) -> Moments:
    """The moments of the batch of all processes from those of this one, in one exchange.

    The variance of all is the mean of the variances within the processes and of the squared distances between their
    means and that of all; see Chan, Golub, LeVeque 1983, equation 2.1.
    """
    own = torch.cat([coordinates, var])
    if not count:
        own = own.nan_to_num()  # means of nothing, with weight 0
    rows = processes.rows(torch.cat([own, own.new_full((1,), count)]))
    counts = rows[:, -1:].detach()
    total = counts.sum().clamp_min(1)
    means, within = rows[:, : len(coordinates)], rows[:, len(coordinates) : -1]
    mean = (counts * means).sum(0) / total
    between = statistics.mean_squares((counts * (means - mean).square()).sum(0) / total)
    var = (counts * within).sum(0) / total + between
    return Moments(mean, statistics.vector(mean), var, (var + eps).rsqrt(), total)


def _scale(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    centre: torch.Tensor,
    inverse: torch.Tensor,
    statistics: Statistics,
) -> torch.Tensor:
    scale = statistics.spread(inverse * weight)
    return statistics.affine(x, scale, torch.addcmul(statistics.vector(bias), centre, scale, value=-1))


class _Normalize(torch.autograd.Function):
    """`_scale` by the moments of x, with the derivative of Ioffe, Szegedy 2015, section 3, for sums over fields.

    mu is a projection of the mean, so the variance is stationary in it and the gradient gets no term of that. Plain
    operations keep x - mu as well as x, and take twice as long. Where several processes hold the batch, the sums that x
    is to get a gradient of are over all of them; weight and bias get those of this process, as with any layer.
    """

    @staticmethod
    def forward(x: torch.Tensor, *inputs: Any) -> torch.Tensor:
        return _scale(x, *inputs[:5])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        *tensors, ctx.statistics, ctx.eps, ctx.processes, ctx.total = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, bias, centre, inverse = ctx.saved_tensors
        statistics: Statistics = ctx.statistics
        values, slope, dims = wide(x), wide(grads[0]), _dims(x)
        if torch.is_grad_enabled():  # for second derivatives: the statistics as functions of x
            _, centre, _, inverse, _ = _moments(x, statistics, ctx.eps, ctx.processes)
        if torch.is_grad_enabled() or not x.numel():  # operations that autograd knows, and that take nothing
            moments, sums = (slope * (values - _like(centre, x))).sum(dims), slope.sum(dims)
        else:  # the same in one pass
            one = statistics.constant("one", centre)
            _, moments, sums = torch.ops.aten.native_batch_norm_backward(
                slope, values, one, centre, one, None, None, False, 0.0, [False, True, True]
            )
        moments = statistics.field_means(moments)
        scale = statistics.spread(inverse * weight)
        by_weight = moments * statistics.constant("sizes", moments) * inverse
        along = statistics.coordinates(scale * sums)
        if ctx.processes is not None:
            moments, along = ctx.processes.sum(torch.cat([moments, along])).split([len(moments), len(along)])
        pull = statistics.spread(moments * weight * inverse.pow(3)) / -ctx.total
        shift = statistics.vector(along) / -ctx.total - pull * centre
        by_bias = statistics.coordinates(sums) * statistics.constant("norms", sums)
        (found,) = samplewise(
            lambda a, b: (torch.addcmul(statistics.affine(a, pull, shift), b, _like(scale, x)),), values, slope
        )
        return found.to(x.dtype), by_weight.to(weight.dtype), by_bias.to(bias.dtype), *6 * [None]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[torch.Tensor, int]:
        *tensors, statistics, eps, processes, _ = inputs

        def one(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
            _, centre, _, inverse, _ = _moments(x, statistics, eps, processes)
            return _scale(x, weight, bias, centre, inverse, statistics)

        return torch.vmap(one, in_dims[:3])(*tensors[:3]), 0


def _over_space(x: torch.Tensor) -> torch.Tensor:
    """(batch, channels): sums over space."""
    return x.sum(list(range(2, x.dim()))) if x.dim() > 2 else x


def _dims(x: torch.Tensor) -> list[int]:
    return [0, *range(2, x.dim())]


def _like(channels: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return channels.reshape(-1, *(x.dim() - 2) * [1])
