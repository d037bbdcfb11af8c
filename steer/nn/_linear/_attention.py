"""Self-attention whose scores are invariant and whose values are fields."""

import copy
import functools
import math
from typing import Any, overload

import numpy as np
import torch

from ..._values import require_count
from ...errors import FieldTypeError, ShapeError, SteerError
from .._engine._arguments import require_probability
from .._engine._constants import Constants
from .._engine._module import Module, traced
from .._fields._tensor import require_tensor
from .._fields._types import FieldTensor, FieldType, require_map, require_types
from ._dot_product import attend
from ._linear import Linear


class SelfAttention(Module):
    """Multi-head self-attention between all positions of a grid or all points of a set.

    Queries q, keys k and values v are equivariant linear maps of the feature at each position, and of one field type
    for each head, so that <rho(g) q, rho(g) k> = <q, k>: representations are orthogonal. The attention::

        a(x, y) = softmax_y(<q(x), k(y)> / sqrt(c) + b(|x - y|)),    h(x) = sum_y a(x, y) v(y)

    with c the channels of a head is then invariant and h a field of the type of the head; the fields of all heads
    together go through an equivariant linear map to `out_type`. Invariant scores of equivariant queries and keys are
    those of Fuchs et al. 2020, SE(3)-Transformers (section 3.2); their values depend on x - y, here positions enter the
    scores alone. Romero and Cordonnier 2021, Group Equivariant Stand-Alone Self-Attention, move encodings of x - y by
    the group instead. For the trivial group and without distances it is `torch.nn.MultiheadAttention`.

    Without b positions are not seen: the layer commutes with all permutations of them. With `distances` as a number of
    radial functions, b is learned for each head::

        b(r) = sum_k weight[head, k] exp(-r^2 / 2 s_k^2),    s_k = 2^(k - 1) = 1/2, 1, 2, 4, ...,

    zero at first; s_k is in pixels on grids and in the unit of `positions` on point sets, where neighbours should be
    about 1 apart. Take so many that the last s_k is about the size of the grid: 6 for 32 pixels. Rotations, reflections
    and translations keep distances, so the layer is exactly equivariant under symmetries of the grid, and on points
    under all of O(d) and translations. The attention of n positions takes n^2 steps, and with distances n^2 memory.

    A network that `steer.export` makes takes x alone, with distances on a grid; `torch.export` keeps the keywords.
    Second derivatives and `torch.vmap` on CPU need the backend of torch that has them: ``with
    torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)``.

    Args:
        in_type: type of the input.
        out_type: type of the output; that of the input when None.
        num_heads: number of heads.
        head_type: type of the queries, keys and values of one head; the fields of `in_type`, each kind divided evenly
            among the heads, when None.
        bias: whether the linear maps have a bias, in the invariant vectors of their outputs.
        dropout: probability to drop an entry of the attention in training.
        distances: number of radial functions of the bias by distance; None for none.
        device: of the parameters.
        dtype: of the parameters.

    Shape:
        (batch, in_type.size, *space) -> (batch, out_type.size, *space), or the same with (n,) points for space.

    Raises:
        FieldTypeError: types of two groups, a kind of field that cannot be divided among the heads, a field of
            `head_type` that shares no irrep with `in_type`, or one of `out_type` that shares none with `head_type`.
        SteerError: a number of heads, of distances or a probability out of range.
        ShapeError: at run time, a tensor, a mask or positions of the wrong shape or dtype.
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType | None = None,
        num_heads: int = 1,
        *,
        head_type: FieldType | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        distances: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_type, in_type if out_type is None else out_type)
        require_map("SelfAttention", in_type, self.out_type)
        self.num_heads = require_count("num_heads", num_heads, SteerError, 1)
        self.dropout = require_probability("dropout", dropout)
        self.distances = None if distances is None else require_count("distances", distances, SteerError, 1)
        if self.distances and not in_type.group.dim:
            raise SteerError(f"distances: {in_type.group!r} acts on no space, so that there are none; pass None")
        self.head_type = _divided(in_type, self.num_heads) if head_type is None else _require_head(head_type, in_type)
        _require_fed("out_type", self.out_type, "head_type", self.head_type)
        heads = self.num_heads * self.head_type.representations
        self.in_proj = Linear(in_type, FieldType(in_type.group, 3 * heads), bias, device, dtype)
        self.out_proj = Linear(FieldType(in_type.group, heads), self.out_type, bias, device, dtype)
        self.distance_bias = DistanceBias(self.num_heads, self.distances, device, dtype) if self.distances else None

    @overload
    def forward(
        self, x: torch.Tensor, *, mask: torch.Tensor | None = None, positions: torch.Tensor | None = None
    ) -> torch.Tensor: ...
    @overload
    def forward(
        self, x: FieldTensor, *, mask: torch.Tensor | None = None, positions: torch.Tensor | None = None
    ) -> FieldTensor: ...
    def forward(
        self,
        x: torch.Tensor | FieldTensor,
        *,
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> torch.Tensor | FieldTensor:
        """Apply the layer.

        Args:
            x: (batch, in_type.size, *space) or (batch, in_type.size, n), a tensor or a `FieldTensor` of `in_type`.
            mask: (batch, *space) or (batch, n), bool, True where a position is valid; what stands at others has no
                influence and the output is zero there.
            positions: (batch, n, dim), coordinates (x, y[, z]) of points; needed with distances on point sets.

        Returns:
            (batch, out_type.size, ...), a tensor or a `FieldTensor` of `out_type`, as the input.

        Raises:
            FieldTypeError: a FieldTensor of another type.
            ShapeError: a tensor, a mask or positions of the wrong shape or dtype.
        """
        if isinstance(x, FieldTensor):
            self._require_field(x)
            return FieldTensor(self.forward(x.tensor, mask=mask, positions=positions), self.out_type)
        self._check(x)
        self._check_mask(x, mask)
        self._check_positions(x, positions)
        return self._attend(x, mask, positions)

    def _keywords(self) -> frozenset[str]:
        return frozenset({"mask", "positions"} if self.distances else {"mask"})

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        if x.dim() < 3:
            raise ShapeError(
                f"x: SelfAttention expects (batch, {self.in_type.size}, n) or (batch, {self.in_type.size}, *space), "
                f"got {tuple(x.shape)}, which has no positions to attend to"
            )

    def _check_mask(self, x: torch.Tensor, mask: torch.Tensor | None) -> None:
        if mask is None:
            return
        require_tensor("mask", mask)
        if mask.dtype != torch.bool or mask.dim() != x.dim() - 1:
            raise ShapeError(
                f"mask: expected a bool tensor (batch, {'n' if x.dim() == 3 else '*space'}) for x of shape "
                f"{tuple(x.shape)}, True where a position is valid, got {tuple(mask.shape)} of {mask.dtype}"
            )
        if mask.shape[0] != x.shape[0] or mask.shape[1:] != x.shape[2:]:
            raise ShapeError(
                f"mask: expected shape {(x.shape[0], *x.shape[2:])} for x of shape {tuple(x.shape)}, "
                f"got {tuple(mask.shape)}"
            )

    def _check_positions(self, x: torch.Tensor, positions: torch.Tensor | None) -> None:
        dim = self.in_type.group.dim
        if positions is None:
            if self.distances and x.dim() != dim + 2:
                raise ShapeError(
                    f"x: SelfAttention with distances expects (batch, {self.in_type.size}) and {dim} axes of space, or "
                    f"points (batch, {self.in_type.size}, n) with positions=, got {tuple(x.shape)} without positions"
                )
            return
        if not self.distances:
            raise ShapeError("positions: this SelfAttention sees none; build it with distances=6, or another number")
        if not positions.is_floating_point() or positions.dim() != 3 or x.dim() != 3:
            raise ShapeError(
                f"positions: expected a floating-point tensor (batch, n, {dim}) beside x (batch, "
                f"{self.in_type.size}, n), got {tuple(positions.shape)} of {positions.dtype} and x of "
                f"{tuple(x.shape)}"
            )
        if positions.shape[0] != x.shape[0] or positions.shape[1] != x.shape[2] or positions.shape[2] != dim:
            raise ShapeError(
                f"positions: expected shape {(x.shape[0], x.shape[2], dim)} for x of shape {tuple(x.shape)}, "
                f"got {tuple(positions.shape)}"
            )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self._attend(x, None, None)

    def _attend(self, x: torch.Tensor, mask: torch.Tensor | None, positions: torch.Tensor | None) -> torch.Tensor:
        points = x.flatten(2).transpose(1, 2)  # (batch, n, channels)
        if mask is not None:
            padded = mask.logical_not().flatten(1).unsqueeze(2)
            points = points.masked_fill(padded, 0)  # 0 times NaN would be NaN
            positions = None if positions is None else positions.masked_fill(padded, 0)
        found: Any = self.in_proj(points.flatten(0, 1))
        heads = found.unflatten(1, (3, self.num_heads, self.head_type.size)).unflatten(0, points.shape[:2])
        parts = heads.permute(2, 0, 3, 1, 4).unbind(0)
        query, key, value = parts[0], parts[1], parts[2]  # (batch, heads, n, channels of a head)
        scores = self._bias(x, positions, query)
        if mask is not None:
            scores = query.new_zeros(1) if scores is None else scores
            # finite, so that a sample without valid points gives no NaN
            scores = scores.masked_fill(padded.unsqueeze(1).transpose(2, 3), torch.finfo(query.dtype).min)
        drop = self.dropout if self.training else 0.0
        read = attend(query, key, value, scores, drop)
        # torch.export decomposes attention into what has other strides, so that flatten must not count on being a view
        joined = read.transpose(1, 2).clone(memory_format=torch.contiguous_format).flatten(2)
        out_rows: Any = self.out_proj(joined.flatten(0, 1))
        mixed = out_rows.unflatten(0, points.shape[:2])
        if mask is not None:
            mixed = mixed.masked_fill(padded, 0)
        out: torch.Tensor = mixed.transpose(1, 2).unflatten(2, x.shape[2:])
        # channels last stay so; a tracer does not know
        return out.contiguous() if isinstance(x, torch.Tensor) and x.is_contiguous() else out

    def _bias(self, x: torch.Tensor, positions: torch.Tensor | None, query: torch.Tensor) -> torch.Tensor | None:
        """(batch or 1, heads, n, n): what the distances add to the scores."""
        if self.distance_bias is None:
            return None
        if positions is None:
            bias: torch.Tensor = self.distance_bias(x, self.in_type.group.dim).unsqueeze(0)
        else:
            bias = self.distance_bias(positions, None)
        return bias.type_as(query)

    def _export(self) -> torch.nn.Module:
        plain = copy.copy(self)
        plain._modules = dict(self._modules)  # not those of this layer
        plain.in_proj, plain.out_proj = self.in_proj._plain_linear(), self.out_proj._plain_linear()  # type: ignore[assignment]
        return traced(plain)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return (
            f"{super().extra_repr()}, num_heads={self.num_heads}, head_type={self.head_type}, "
            f"dropout={self.dropout:g}, distances={self.distances}"
        )


class DistanceBias(Constants):
    """One bias b(|x - y|) for each head and each pair of positions: b(r) = sum_k weight[head, k] exp(-r^2 / 2 s_k^2).

    The widths are s_k = 2^(k - 1) = 1/2, 1, 2, ..., in pixels on grids and in the unit of the positions of points. The
    functions are smooth in r^2, so that gradients for positions exist also where two of them meet. Orthogonal maps and
    translations keep distances, hence the bias. It starts at zero.

    Args:
        num_heads: number of heads.
        count: number of Gaussians.
        device: of the weight.
        dtype: of the weight.
    """

    inverse_widths: torch.Tensor

    def __init__(
        self, num_heads: int, count: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.weight = torch.nn.Parameter(torch.zeros(num_heads, count, device=device, dtype=dtype))
        self.add_constant("inverse_widths", 2.0 ** (1 - np.arange(count)))
        self.to(self.weight)  # the constants too

    def _scales(self, like: torch.Tensor) -> torch.Tensor:
        """(count,): 1 / s_k, in float64 or float32: squares of half-precision distances overflow."""
        inverse_widths = self.constant("inverse_widths", like)  # powers of two, exact in any dtype
        return (inverse_widths + inverse_widths.float()) / 2

    def forward(self, x: torch.Tensor, dim: int | None) -> torch.Tensor:
        """The bias of the pixels of feature maps over `dim` axes, or of points at positions x if that is None."""
        return self.between(x) if dim is None else self.on_grid(x, dim)

    def on_grid(self, x: torch.Tensor, dim: int) -> torch.Tensor:
        """(num_heads, n, n): the bias of the n pixels of feature maps x (batch, channels, *space).

        Gaussians are products over the axes, so that no tensor (count, n, n) is made.
        """
        scales = self._scales(x).reshape(-1, 1, 1)
        factors = []
        for axis in range(2, dim + 2):
            index = x.new_ones(x.shape[axis : axis + 1], dtype=torch.int64).cumsum(0)  # a tracer does not see arange
            offsets = (index.unsqueeze(1) - index) * scales
            factors.append((offsets.square() / -2).exp().flatten(1))  # (count, size^2)
        left = self.weight.type_as(factors[0]).unsqueeze(2)
        for factor in factors[:-1]:
            left = (left.unsqueeze(3) * factor.unsqueeze(1)).flatten(2)
        pairs = left.transpose(1, 2) @ factors[-1]  # the axes (y, y', x, x'), in space (z, z', y, y', x, x')
        sizes = [x.shape[axis] for axis in range(2, dim + 2) for _ in range(2)]
        order = [0, *range(1, 2 * dim, 2), *range(2, 2 * dim + 1, 2)]
        return pairs.reshape(self.num_heads, *sizes).permute(order).flatten(dim + 1).flatten(1, dim)

    def between(self, positions: torch.Tensor) -> torch.Tensor:
        """(batch, num_heads, n, n): the bias of points at positions (batch, n, dim)."""
        scales = self._scales(positions)
        coordinates = (positions * scales[:1]).unbind(2)  # in units of s_0, and no narrower than float32
        squares = functools.reduce(torch.add, [(c.unsqueeze(2) - c.unsqueeze(1)).square() for c in coordinates])
        rates = (scales / scales[:1]).square().reshape(-1, 1, 1) / -2
        gaussians = (squares.unsqueeze(1) * rates).exp()  # (batch, count, n, n)
        weight = self.weight.type_as(gaussians)
        batch, count = squares.shape[:2]
        return (weight @ gaussians.flatten(2)).reshape(batch, self.num_heads, count, count)


def _divided(in_type: FieldType, num_heads: int) -> FieldType:
    """The fields of one head: of each kind, the first of `num_heads` equal shares."""
    counts = in_type.multiplicities
    for rep, count in counts.items():
        if count % num_heads:
            most = math.gcd(*counts.values())
            divisors = " or ".join(str(number) for number in range(1, most + 1) if most % number == 0)
            raise FieldTypeError(
                f"num_heads: {num_heads} heads cannot share the fields {count} x {rep.name} of in_type ({in_type}) "
                f"evenly; use {divisors} heads, {num_heads} or a multiple of fields of each kind, or pass head_type="
            )
    first = sorted(index for where in in_type.kinds.values() for index in where[: len(where) // num_heads])
    return FieldType(in_type.group, [in_type[index] for index in first])


def _require_head(head_type: FieldType, in_type: FieldType) -> FieldType:
    require_types("SelfAttention", head_type=head_type)
    if head_type.group != in_type.group:
        raise FieldTypeError(
            f"head_type: SelfAttention needs types of one group, got in_type of {in_type.group!r} and head_type of "
            f"{head_type.group!r}"
        )
    _require_fed("head_type", head_type, "in_type", in_type)
    return head_type


def _require_fed(argument: str, fields: FieldType, source_name: str, source: FieldType) -> None:
    """Refuse fields that linear maps from the source leave zero."""
    known = {psi for rep in source for psi in rep.irreps}
    for index, rep in enumerate(fields):
        if not all(known.intersection(part.irreps) for part in rep.summands):
            raise FieldTypeError(
                f"{argument}: field {index} ({rep.name} of {rep.group.name}) would be zero, because it, or a part of "
                f"it, shares no irrep with {source_name} ({source}); leave it out, or add to {source_name}"
            )
