"""The Clebsch-Gordan nonlinearity: products of fields, split into irreps."""

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement, product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..._values import Array, require_count, require_flag
from ...errors import FieldTypeError, RepresentationError, SteerError
from ...kernels.plans._recorded import inlined
from ...reps import Coupling, Irrep, Representation, coupling, square_coupling
from .._engine._kindwise import KindwiseMap
from .._engine._layout import channels_of, samplewise
from .._engine._module import Module
from .._fields._types import FieldType, require_types

_ZERO = 1e-12  # coefficients below are round-off


class _Part(NamedTuple):
    """An irrep of a field, and its first channel in the basis of the irreps."""

    psi: Irrep
    start: int


class _Bilinear(Module):
    """Irreps z_k = sum_ij C[k, i, j] x_i y_j of pairs of irreps x and y of the input.

    Every field is taken to the basis of its irreps, where the coefficients are few. Products of two channels are made
    once each, all at one time; then one small matrix a kind of pair acts on them.

    Args:
        in_type: type of the input.
        pairs: those to couple; a square where both are the same part.
        max_frequency: the highest frequency of z; None for everything in the products.
        keep_input: whether the output starts with the input.

    Raises:
        FieldTypeError: no irrep is left.
    """

    left: torch.Tensor
    right: torch.Tensor

    def __init__(
        self, in_type: FieldType, pairs: Iterable[tuple[_Part, _Part]], max_frequency: int | None, keep_input: bool
    ) -> None:
        by_kind: dict[tuple[Irrep, Irrep, bool], list[tuple[int, _Part, _Part]]] = {}
        for index, (x, y) in enumerate(pairs):
            by_kind.setdefault((x.psi, y.psi, x == y), []).append((index, x, y))
        couplings = {
            (psi, phi, square): square_coupling(psi, max_frequency) if square else coupling(psi, phi, max_frequency)
            for psi, phi, square in by_kind
        }
        kinds = [kind for kind in by_kind if couplings[kind].irreps]
        if not kinds:
            raise FieldTypeError(
                f"max_frequency: no irrep up to {max_frequency} is in the products of {in_type}; pass a higher one"
            )
        tables = [_table(couplings[kind], kind[2]) for kind in kinds]
        chosen = [(kind, *pair) for kind, name in enumerate(kinds) for pair in by_kind[name]]
        made = [(index, psi) for kind, index, _, _ in chosen for psi in couplings[kinds[kind]].irreps]
        order = _sorted(made)
        keep_input = require_flag("keep_input", keep_input, SteerError)
        kept = in_type.representations if keep_input else ()
        super().__init__(in_type, FieldType(in_type.group, [*kept, *(made[place][1] for place in order)]))

        self.max_frequency, self.keep_input = max_frequency, keep_input
        self.add_constant("left", np.concatenate([x.start + tables[kind].left for kind, _, x, _ in chosen]))
        self.add_constant("right", np.concatenate([y.start + tables[kind].right for kind, _, _, y in chosen]))
        channels = channels_of([psi.size for _, psi in made], order)
        self.couple = KindwiseMap([kind for kind, *_ in chosen], [table.matrix for table in tables], channels)
        self.turn = KindwiseMap(in_type.kind_of_field, [rep.change_of_basis.T for rep in in_type.kinds])

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        plain = inlined() or not isinstance(x, torch.Tensor)
        out = self._products(x) if plain else _Products.apply(x, self)  # type: ignore[no-untyped-call]
        return torch.cat([x, out], 1) if self.keep_input else out

    def _products(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.turn.mapped(x)
        left, right = self.constant("left", parts), self.constant("right", parts)
        return self.couple.mapped(parts.index_select(1, left) * parts.index_select(1, right))

    def _slopes(self, x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        """The gradient of x for that of the irreps z."""
        parts, slope = self.turn.mapped(x), self.couple.transposed(slope)
        found = torch.zeros_like(parts)
        left, right = self.constant("left", parts), self.constant("right", parts)
        for one, other in ((left, right), (right, left)):
            found = found.index_add(1, one, (slope * parts.index_select(1, other)).to(parts.dtype))
        return self.turn.transposed(found).to(x.dtype)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, max_frequency={self.max_frequency}, keep_input={self.keep_input}"


class _Products(torch.autograd.Function):
    """`_Bilinear` with the derivative written out: the products of channels are made again, and not kept."""

    @staticmethod
    def forward(x: torch.Tensor, layer: _Bilinear) -> torch.Tensor:
        return samplewise(lambda part: (layer._products(part),), x)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, ctx.layer = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        return samplewise(lambda part, slope: (ctx.layer._slopes(part, slope),), x, grads[0])[0], None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[torch.Tensor, int]:
        x, layer = inputs
        return torch.vmap(layer._products, in_dims[:1])(x), 0


class TensorSquare(_Bilinear):
    """Every field times itself: x (x) x split into irreps, the Clebsch-Gordan nonlinearity; without weights.

    z_k = sum_ij C[k, i, j] x_i x_j with the Clebsch-Gordan coefficients C of the symmetric square (Kondor, Lin and
    Trivedi 2018, Clebsch-Gordan Nets; Thomas et al. 2018, Tensor Field Networks). Polynomials alias less than other
    nonlinearities, and no direction of a field is special.

    The antisymmetric part of x (x) x vanishes, so that irreps of the symmetric square alone are put out: degrees 0 and
    2 of a vector field in space, not its cross product with itself. Fields are coupled with themselves only. What
    shall be coupled goes into one field, e.g. a sum of irreps or `G.band_limited(2)`; a sum of k irreps costs k (k + 1)
    / 2 products of them. The layer doubles the frequencies, unless `max_frequency` bounds them, and mixes no fields:
    the layer after it does both, and should come before a normalisation::

        hidden = nn.FieldType(G, 8 * [G.band_limited(2)])
        square = nn.TensorSquare(hidden, max_frequency=2)
        net = nn.Sequential(nn.Conv3d(image, hidden, 5, padding=2),
                            nn.BatchNorm(hidden),
                            square,
                            nn.Conv3d(square.out_type, hidden, 1))

    Normalisation: where the components of x are independent and standard normal, each component of the output has
    second moment 1 (the rows of C have norm 1 / sqrt(2) then, and 1 / sqrt(n + 2) for the square of the length of an
    irrep with n components).

    `out_type`: fields sorted by irrep, in the order of `G.irreps`. Copies of an irrep are in the order of the fields
    that they come from, and those of one field in the order of the pairs of its irreps: (0, 0), (0, 1), ..., (1, 1).
    An irrep of complex or quaternionic type is there once for each copy; its endomorphisms are left to later weights.

    Args:
        in_type: type of the input, any representations.
        max_frequency: the highest frequency of the irreps to keep; None for everything in the product.
        keep_input: whether the output is (x, z), with `out_type` in_type and then the irreps, instead of z.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: `in_type` is no FieldType.
        RepresentationError: `max_frequency` is no integer >= 0.
    """

    def __init__(self, in_type: FieldType, max_frequency: int | None = None, keep_input: bool = False) -> None:
        require_types(type(self).__name__, in_type=in_type)
        _require_frequency(max_frequency)
        parts = [_parts(rep, start) for rep, start in zip(in_type, in_type.offsets, strict=False)]
        pairs = [pair for own in parts for pair in combinations_with_replacement(own, 2)]
        super().__init__(in_type, pairs, max_frequency, keep_input)


class TensorProduct(_Bilinear):
    """Field i of one type times field i of another: x (x) y split into irreps; without weights.

    z_k = sum_ij C[k, i, j] x_i y_j with Clebsch-Gordan coefficients C, orthonormal in k. `in_type` is `first` and after
    it `second`: the layer before computes both, as it does the gates of `Gate`::

        pair = nn.TensorProduct(hidden, hidden, max_frequency=2)
        net = nn.Sequential(nn.Conv3d(image, pair.in_type, 5, padding=2),
                            pair,
                            nn.Conv3d(pair.out_type, hidden, 1))  # mixes the products; the layer has no weights

    As the two factors differ, antisymmetric parts do not vanish: of vectors in space it has the dot product, the cross
    product and degree 2. Normalisation: where all components of the input are independent and standard normal, each
    component of the output has second moment 1. Sources and costs are those of `TensorSquare`.

    `out_type`: fields sorted by irrep, in the order of `G.irreps`. Copies of an irrep are in the order of the pairs of
    fields that they come from, and those of one pair in the order of the pairs of its irreps, that of x slowest.

    Args:
        first: type of the fields x.
        second: type of the fields y, as many.
        max_frequency: the highest frequency of the irreps to keep; None for everything in the products.
        keep_input: whether the output is (x, y, z), with `out_type` first, second and then the irreps, instead of z.

    Shape:
        (batch, first.size + second.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: no FieldTypes, of two groups, or of different numbers of fields; no irrep is left.
        RepresentationError: `max_frequency` is no integer >= 0.
    """

    def __init__(
        self, first: FieldType, second: FieldType, max_frequency: int | None = None, keep_input: bool = False
    ) -> None:
        name = type(self).__name__
        require_types(name, first=first, second=second)
        if first.group != second.group:
            raise FieldTypeError(
                f"second: {name} needs two types of one group, got {first.group!r} and {second.group!r}"
            )
        if len(first) != len(second):
            raise FieldTypeError(
                f"second: {name} multiplies field i of the first type by field i of the second, so it needs as many, "
                f"got {len(first)} and {len(second)} fields"
            )
        _require_frequency(max_frequency)
        in_type = first + second
        parts = [_parts(rep, start) for rep, start in zip(in_type, in_type.offsets, strict=False)]
        pairs = [pair for x, y in zip(parts, parts[len(first) :], strict=False) for pair in product(x, y)]
        super().__init__(in_type, pairs, max_frequency, keep_input)


class _Table(NamedTuple):
    """A coupling as a matrix (k, products), and the components i and j of the products that it needs."""

    matrix: Array
    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]


def _table(found: Coupling, square: bool) -> _Table:
    _, rows, columns = found.coefficients.shape
    i, j = np.triu_indices(rows) if square else (index.ravel() for index in np.indices((rows, columns)))
    # both orders of two components of a square are one product
    matrix = found.coefficients[:, i, j] * np.where(square & (i != j), 2, 1)
    needed = np.abs(matrix).max(axis=0) > _ZERO
    return _Table(matrix[:, needed], i[needed], j[needed])


def _parts(rep: Representation, start: int) -> list[_Part]:
    """The irreps of the field that starts at a channel."""
    return [_Part(psi, start + first) for psi, first in zip(rep.irreps, rep.decomposition.starts, strict=True)]


def _sorted(made: Sequence[tuple[int, Irrep]]) -> list[int]:
    """The places of (index of a pair, irrep) in the order of the group's irreps, and then of the pairs."""
    group = made[0][1].group
    highest = None if group.is_finite else max(psi.frequency for _, psi in made)
    rank = {psi: index for index, psi in enumerate(group.irreps(highest))}
    return sorted(range(len(made)), key=lambda place: (rank[made[place][1]], made[place][0]))


def _require_frequency(value: object) -> None:
    if value is not None:
        require_count("max_frequency", value, RepresentationError)
