"""Where the fields lie among the channels: reductions over each field and its inverse, without a loop over fields."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..._values import CHUNK, require_flag
from ...errors import SteerError
from ...kernels.plans._recorded import recorded
from ...reps import Induced, Representation
from .._fields._types import FieldType
from ._constants import Constants

_HALF: Final = (torch.float16, torch.bfloat16)

MOST_RUNS: Final = 12
"""Runs of equal fields that are handled one by one. Forward and backward of a gate, 12 take 0.9 times as long as four
periods of three on 144 channels of 17^3 voxels, and 1.4 times as long on 8^2 pixels; 24 take 0.95 and 2 times."""


UNROLLED: Final = 4
"""Components of a field that are added one by one."""


def split(x: torch.Tensor, fields: int, size: int, axis: int = 1) -> torch.Tensor:
    """(batch, fields, size, ...): a view of x (batch, fields * size, ...); or the same of another axis than 1."""
    if isinstance(x, torch.Tensor):  # unflatten and flatten have no rules for batches of gradients
        return x.view(*x.shape[:axis], fields, size, *x.shape[axis + 1 :])
    return x.unflatten(axis, (fields, size))  # type: ignore[unreachable] # a tracer does not know the number of axes


def merge(x: torch.Tensor, axis: int = 1) -> torch.Tensor:
    """The inverse of `split`: the axes `axis` and axis + 1 as one."""
    if isinstance(x, torch.Tensor):
        return computed(x.reshape(*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :]))
    return x.flatten(axis, axis + 1)  # type: ignore[unreachable]


def computed(x: torch.Tensor) -> torch.Tensor:
    """A view x, for `torch.compile` the result of an operation, which is fused away; elsewhere the view itself.

    Inductor orders the strides of feature maps that the backward pass is to get as the convolutions on CPU like them;
    for a view that fails where the size of the map is a symbol, for want of knowing whether 8 h w < 8. A copy it
    would drop, a product with a number it keeps.
    """
    if not isinstance(x, torch.Tensor) or x.dim() != 4 or not x.is_floating_point():
        return x
    return x * 1.0 if torch.compiler.is_compiling() and not torch.compiler.is_exporting() else x


def blocks(in_type: FieldType, per_coset: bool) -> tuple[list[Representation], list[int]]:
    """How each field falls into blocks whose norms the group permutes.

    The whole field is one block, whose norm is invariant. With `per_coset` a field Ind_H^G W has one for each coset,
    the fibre W there: rep(g) takes block j to block i, by an orthogonal matrix of W, where g maps coset j to coset i.

    Returns:
        The type of the norms, one representation for each field: trivial, or G.quotient(H). The size of a field's
        blocks, for each field.
    """
    require_flag("per_coset", per_coset, SteerError)
    fields = [rep if per_coset and isinstance(rep, Induced) else None for rep in in_type]
    norms = [in_type.group.trivial if rep is None else rep.subgroup.trivial.induce(rep.group) for rep in fields]
    sizes = [rep.size // norm.size for rep, norm in zip(in_type, norms, strict=True)]
    return norms, sizes


def wide(x: torch.Tensor) -> torch.Tensor:
    """Half precision in single: squares would overflow beyond 256, and sums lose their digits."""
    if isinstance(x, torch.Tensor):
        return x.float() if x.dtype in _HALF else x
    # a tracer's stand-in has no dtype to look at: the graph looks, since it may be cast later
    dtype = x.tracer.create_proxy("call_function", torch.promote_types, (x.dtype, torch.float32), {})  # type: ignore[unreachable]
    return x.to(dtype)


def samplewise(
    function: Callable[..., tuple[torch.Tensor, ...]], *tensors: torch.Tensor, nbytes: int | None = None
) -> tuple[torch.Tensor, ...]:
    """`function` of `tensors` (batch, ...), for some samples at a time: what it makes in between stays in the cache.

    On CPU the pages of a new tensor cost more than filling it, so one pass over small pieces is several times as fast
    as passes over the whole. Only where autograd does not look, as in the passes of an autograd function.

    Args:
        function: acts on each sample alone and returns tensors (batch, ...).
        tensors: its arguments.
        nbytes: how large a sample is; the bytes of one of the first of `tensors` when None.
    """
    if recorded() or torch.is_grad_enabled() or tensors[0].device.type != "cpu":
        return function(*tensors)
    batch = len(tensors[0])
    step = max(1, CHUNK // max(1, tensors[0][:1].nbytes if nbytes is None else nbytes))
    if batch <= step:
        return function(*tensors)
    found: tuple[torch.Tensor, ...] = ()
    for start in range(0, batch, step):
        made = function(*(tensor[start : start + step] for tensor in tensors))
        # a sample lies together in every memory format, so that the strides are those of the whole
        found = found or tuple(part.new_empty_strided((batch, *part.shape[1:]), part.stride()) for part in made)
        for whole, part in zip(found, made, strict=True):
            whole[start : start + step] = part
    return found


class Arrangement(NamedTuple):
    """How fields are walked.

    `runs` holds (number of fields, kind) of the neighbours of one kind, in one of `repeats` equal periods of the type.
    What is too irregular for that must be sorted by kind before.
    """

    runs: list[tuple[int, int]]
    repeats: int
    sorted: bool

    @classmethod
    def of(cls, kinds: Sequence[int]) -> "Arrangement":
        """That of fields of these kinds."""
        total, kinds = len(kinds), list(kinds)
        periods = (size for size in range(1, total + 1) if total % size == 0)
        period = next(size for size in periods if kinds[:size] * (total // size) == kinds)
        part = next((part for part in (kinds, kinds[:period]) if len(_runs(part)) <= MOST_RUNS), None)
        if part is None:
            return cls(_runs(sorted(kinds)), 1, True)
        return cls(_runs(part), total // len(part), False)


def channels_of(sizes: Sequence[int], order: Iterable[int]) -> npt.NDArray[np.int64]:
    """The channels of fields of these sizes, field by field in another order."""
    edges = np.cumsum([0, *sizes])
    return np.concatenate([np.arange(edges[field], edges[field + 1]) for field in order])


class FieldLayout(Constants):
    """Fields of one size are handled by one operation on a view, after a gather of the channels when sizes are mixed.

    Works for tensors (batch, channels, ...) of any rank, and under `torch.fx` tracing. With `per_coset`, what is said
    of fields below holds for the `blocks` that they fall into.
    """

    channels: torch.Tensor
    position: torch.Tensor
    fields: torch.Tensor
    position_of_field: torch.Tensor
    field_of_channel: torch.Tensor

    def __init__(self, in_type: FieldType, per_coset: bool = False) -> None:
        super().__init__()
        norms, inner = blocks(in_type, per_coset)
        sizes = np.repeat(inner, [norm.size for norm in norms]).tolist()
        self.runs, self.repeats, self.gathered = Arrangement.of(sizes)
        self._counts = [count for count, _ in self.runs]
        self._widths = [count * size for count, size in self.runs]
        if self.gathered:
            order = np.argsort(sizes, kind="stable")
            channels = channels_of(sizes, order)
            self.add_constant("channels", channels)
            self.add_constant("position", np.argsort(channels))
            self.add_constant("fields", order)
            self.add_constant("position_of_field", np.argsort(order))
        self.add_constant("field_of_channel", np.repeat(np.arange(len(sizes)), sizes))

    def fibres(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(batch, repeats, n, size, ...) for each run, from x (batch, channels, ...)."""
        if self.gathered:
            x = x.index_select(1, self.constant("channels", x))
        parts = self._parts(x, self._widths)
        return [split(part, *run, axis=2) for part, run in zip(parts, self.runs, strict=True)]

    def values(self, fields: torch.Tensor) -> list[torch.Tensor]:
        """(batch, repeats, n, 1, ...) for each run, from one value (batch, fields, ...) for each field."""
        if self.gathered:
            fields = fields.index_select(1, self.constant("fields", fields))
        return [part.unsqueeze(3) for part in self._parts(fields, self._counts)]

    def _parts(self, x: torch.Tensor, sizes: list[int]) -> list[torch.Tensor]:
        periods = split(x, self.repeats, sum(sizes))
        # one split, whose backward is one cat: that of a slice fills a tensor of the size of x
        parts = torch.split(periods, sizes, 2) if len(sizes) > 1 else [periods]
        return [parts[index] for index in range(len(sizes))]

    def reduce(self, x: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """(batch, fields, ...) from x (batch, channels, ...).

        `function` is given fields of one size, (batch, repeats, n, size, ...), and returns (batch, repeats, n, ...).
        """
        return self.joined([function(fibres) for fibres in self.fibres(x)])

    def joined(self, values: list[torch.Tensor]) -> torch.Tensor:
        """(batch, fields, ...) from (batch, repeats, n, ...) for each run."""
        out = merge(values[0] if len(values) == 1 else torch.cat(values, 2))
        return out.index_select(1, self.constant("position_of_field", out)) if self.gathered else out

    def squares(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, fields, ...): squared norm of each field; of half-precision fields in float32."""
        x = wide(x)
        return self.dot(x, x)

    def dot(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(batch, fields, ...): inner products of the fields of x and y."""
        left = self.fibres(x)
        right = left if x is y else self.fibres(y)
        return self.joined([_dot(a, b, size) for a, b, (_, size) in zip(left, right, self.runs, strict=True)])

    def scale(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """X (batch, channels, ...) times one factor (batch, fields, ...) for each field."""
        pairs = zip(self.fibres(x), self.values(factor), strict=True)
        return self.joined_channels([fibres * value for fibres, value in pairs])

    def combine(self, x: torch.Tensor, a: torch.Tensor, y: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """A x + b y for fields x and y (batch, channels, ...) and factors a and b (batch, fields, ...)."""
        terms = zip(self.fibres(x), self.values(a), self.fibres(y), self.values(b), strict=True)
        return self.joined_channels([torch.addcmul(u * v, s, t) for u, v, s, t in terms])

    def joined_channels(self, fibres: list[torch.Tensor]) -> torch.Tensor:
        """The inverse of `fibres`."""
        parts = [merge(part, 2) for part in fibres]
        out = merge(parts[0] if len(parts) == 1 else torch.cat(parts, 2))
        return out.index_select(1, self.constant("position", out)) if self.gathered else out

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """(batch, channels, ...) from one value (batch, fields, ...) for each field."""
        return values.index_select(1, self.constant("field_of_channel", values))


def _dot(a: torch.Tensor, b: torch.Tensor, size: int) -> torch.Tensor:
    """Sum of a b over axis 3, which has `size` components."""
    # on CPU a sum over an inner axis takes three times as long as its terms one by one, vector_norm 20 times
    if size > UNROLLED:
        return (a * b).sum(3)
    out = a.select(3, 0) * b.select(3, 0)
    for component in range(1, size):
        out = torch.addcmul(out, a.select(3, component), b.select(3, component))
    return out


def _runs(kinds: Sequence[int]) -> list[tuple[int, int]]:
    return [(len(list(same)), kind) for kind, same in itertools.groupby(kinds)]
