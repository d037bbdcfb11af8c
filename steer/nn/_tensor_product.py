"""The Clebsch-Gordan nonlinearity: products of fields, split into irreps."""

from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..errors import FieldTypeError, RepresentationError
from ..reps import Irrep, Representation
from ..reps._coupling import Coupling, coupling, square_coupling
from ..reps._group import require_count
from ..reps._linalg import Array
from ._field_type import FieldType
from ._kindwise import KindwiseMap
from ._module import Module, traced

_ZERO = 1e-12  # coefficients below are round-off


class _Pair(NamedTuple):
    """Two irreps of the fields, or one and itself, and how they are coupled."""

    left: int  # the first channel of x, in the basis of the irreps
    right: int  # that of y
    coupling: Coupling


class _Bilinear(Module):
    """Irreps z_k = sum_ij C[k, i, j] x_i y_j of pairs of irreps x and y of the input.

    Every field is taken to the basis of its irreps, where the coefficients are few. Products of two channels are made
    once each, all at one time; then one small matrix a kind of pair acts on them.

    Args:
        in_type: type of the input.
        pairs: those to couple; a square where both channels are the same.
        keep_input: whether the output starts with the input.
    """

    left: torch.Tensor
    right: torch.Tensor

    def __init__(self, in_type: FieldType, pairs: Iterable[_Pair], keep_input: bool) -> None:
        pairs = [pair for pair in pairs if pair.coupling.irreps]
        tables: dict[tuple[Coupling, bool], _Table] = {}
        for pair in pairs:
            key = _kind(pair)
            tables[key] = tables.get(key) or _table(*key)
        kinds = [list(tables).index(_kind(pair)) for pair in pairs]
        by_kind = np.argsort(kinds, kind="stable")
        made = [(place, psi) for place in by_kind for psi in pairs[place].coupling.irreps]

        group = in_type.group
        highest = None if group.is_finite else max(psi.frequency for _, psi in made)
        rank = {psi: index for index, psi in enumerate(group.irreps(highest))}
        order = sorted(range(len(made)), key=lambda index: (rank[made[index][1]], made[index][0]))
        kept = in_type.representations if keep_input else ()
        super().__init__(in_type, FieldType(group, [*kept, *(made[index][1] for index in order)]))

        self.keep_input = keep_input
        chosen = [(pairs[place], tables[_kind(pairs[place])]) for place in by_kind]
        self.add_constant("left", np.concatenate([pair.left + table.left for pair, table in chosen]))
        self.add_constant("right", np.concatenate([pair.right + table.right for pair, table in chosen]))
        fibres = np.split(np.arange(sum(psi.size for _, psi in made)), np.cumsum([psi.size for _, psi in made])[:-1])
        channels = np.concatenate([fibres[index] for index in order])
        fields = {rep: index for index, rep in enumerate(dict.fromkeys(in_type))}
        self.turn = KindwiseMap([fields[rep] for rep in in_type], [rep.change_of_basis.T for rep in fields])
        self.couple = KindwiseMap(np.sort(kinds).tolist(), [table.matrix for table in tables.values()], channels)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.turn.mapped(x)
        out = self.couple.mapped(parts.index_select(1, self.left) * parts.index_select(1, self.right))
        return torch.cat([x, out], 1) if self.keep_input else out

    def _export(self) -> torch.nn.Module:
        return traced(self)


class TensorSquare(_Bilinear):
    """Every field times itself: x (x) x split into irreps, the Clebsch-Gordan nonlinearity; without weights.

    z_k = sum_ij C[k, i, j] x_i x_j with the Clebsch-Gordan coefficients C of the symmetric square (Kondor, Lin and
    Trivedi 2018, Clebsch-Gordan Nets; Thomas et al. 2018, Tensor Field Networks). Polynomials alias less than other
    nonlinearities, and no direction of a field is special. (batch, in_type.size, ...) to (batch, out_type.size, ...).

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

    Raises:
        FieldTypeError: `in_type` is no FieldType.
        RepresentationError: `max_frequency` is no integer >= 0.
    """

    def __init__(self, in_type: FieldType, max_frequency: int | None = None, keep_input: bool = False) -> None:
        fields = _require_type("in_type", type(self).__name__, in_type)
        _require_frequency(max_frequency)
        pairs = [
            _Pair(
                start,
                other,
                coupling(psi, phi, max_frequency) if other > start else square_coupling(psi, max_frequency),
            )
            for parts in map(_irreps, fields, fields.offsets)
            for index, (psi, start) in enumerate(parts)
            for phi, other in parts[index:]
        ]
        super().__init__(fields, pairs, keep_input)
        self.max_frequency = max_frequency

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, max_frequency={self.max_frequency}, keep_input={self.keep_input}"


class TensorProduct(_Bilinear):
    """Field i of one type times field i of another: x (x) y split into irreps; without weights.

    z_k = sum_ij C[k, i, j] x_i y_j with Clebsch-Gordan coefficients C, orthonormal in k. `in_type` is `first` and after
    it `second`: the layer before computes both, as it does the gates of `Gate`::

        pair = nn.TensorProduct(hidden, hidden, max_frequency=2)
        net = nn.Sequential(nn.Conv3d(image, pair.in_type, 5, padding=2),
                            pair,
                            nn.Conv3d(pair.out_type, hidden, 1))  # mixes the products; the layer has no weights

    (batch, first.size + second.size, ...) to (batch, out_type.size, ...). As the two factors differ, antisymmetric
    parts do not vanish: of vectors in space it has the dot product, the cross product and degree 2. Normalisation:
    where all components of the input are independent and standard normal, each component of the output has second
    moment 1. Sources and costs are those of `TensorSquare`.

    `out_type`: fields sorted by irrep, in the order of `G.irreps`. Copies of an irrep are in the order of the pairs of
    fields that they come from, and those of one pair in the order of the pairs of its irreps, that of x slowest.

    Args:
        first: type of the fields x.
        second: type of the fields y, as many.
        max_frequency: the highest frequency of the irreps to keep; None for everything in the products.
        keep_input: whether the output is (x, y, z), with `out_type` first, second and then the irreps, instead of z.

    Raises:
        FieldTypeError: no FieldTypes, of two groups, or of different numbers of fields; no irrep is left.
        RepresentationError: `max_frequency` is no integer >= 0.
    """

    def __init__(
        self, first: FieldType, second: FieldType, max_frequency: int | None = None, keep_input: bool = False
    ) -> None:
        name = type(self).__name__
        first, second = _require_type("first", name, first), _require_type("second", name, second)
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
        pairs = [
            _Pair(left, right, coupling(psi, phi, max_frequency))
            for x, y, start, other in zip(first, second, in_type.offsets, in_type.offsets[len(first) :], strict=False)
            for psi, left in _irreps(x, start)
            for phi, right in _irreps(y, other)
        ]
        if not any(pair.coupling.irreps for pair in pairs):
            raise FieldTypeError(
                f"max_frequency: no irrep up to {max_frequency} is in a product of {first} and {second}; "
                f"pass a higher one"
            )
        super().__init__(in_type, pairs, keep_input)
        self.max_frequency = max_frequency

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, max_frequency={self.max_frequency}, keep_input={self.keep_input}"


class _Table(NamedTuple):
    """A coupling as a matrix (k, products), and the components i and j of the products that it needs."""

    matrix: Array
    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]


def _kind(pair: _Pair) -> tuple[Coupling, bool]:
    return pair.coupling, pair.left == pair.right


def _table(found: Coupling, square: bool) -> _Table:
    _, rows, columns = found.coefficients.shape
    i, j = np.triu_indices(rows) if square else (index.ravel() for index in np.indices((rows, columns)))
    # both orders of two components of a square are one product
    matrix = found.coefficients[:, i, j] * np.where(square & (i != j), 2, 1)
    needed = np.abs(matrix).max(axis=0) > _ZERO
    return _Table(matrix[:, needed], i[needed], j[needed])


def _irreps(rep: Representation, start: int) -> list[tuple[Irrep, int]]:
    """The irreps of a field, each with its first channel in their basis."""
    starts = accumulate((psi.size for psi in rep.irreps), initial=start)
    return list(zip(rep.irreps, starts, strict=False))


def _require_type(argument: str, layer: str, value: object) -> FieldType:
    if not isinstance(value, FieldType):
        raise FieldTypeError(f"{argument}: {layer} expects a FieldType, got {value!r}")
    return value


def _require_frequency(value: object) -> None:
    if value is not None:
        require_count("max_frequency", value, RepresentationError)
