"""The Clebsch-Gordan nonlinearity: products of fields, split into irreps."""

from collections.abc import Sequence

import numpy as np
import torch

from ..errors import FieldTypeError, RepresentationError
from ..reps._coupling import Coupling, coupling, square_coupling
from ..reps._group import require_count
from ..reps._linalg import Array
from ._field_type import FieldType
from ._kindwise import KindwiseMap
from ._module import Module, traced

_ZERO = 1e-12  # coefficients below are round-off


class _Bilinear(Module):
    """Fields z_k = sum_ij C[k, i, j] x_i y_j of pairs of fields x and y among the channels of the input.

    Products of two channels are made once each, all at one time; then one matrix a kind of pair acts on them.

    Args:
        in_type: type of the input.
        couplings: one for each kind of pair.
        kinds: of each pair, an index of `couplings`.
        first: of each pair, the first channel of x.
        second: of each pair, the first channel of y; None where y is x.
        keep_input: whether the output starts with the input.
    """

    left: torch.Tensor
    right: torch.Tensor

    def __init__(
        self,
        in_type: FieldType,
        couplings: Sequence[Coupling],
        kinds: Sequence[int],
        first: Sequence[int],
        second: Sequence[int] | None,
        keep_input: bool,
    ) -> None:
        pairs = [pair for pair in np.argsort(kinds, kind="stable") if couplings[kinds[pair]].irreps]
        made = [(pair, psi) for pair in pairs for psi in couplings[kinds[pair]].irreps]
        group = in_type.group
        highest = None if group.is_finite else max(psi.frequency for _, psi in made)
        place = {psi: index for index, psi in enumerate(group.irreps(highest))}
        order = sorted(range(len(made)), key=lambda index: (place[made[index][1]], made[index][0]))
        irreps = [made[index][1] for index in order]
        kept = in_type.representations if keep_input else ()
        super().__init__(in_type, FieldType(group, [*kept, *irreps]))

        self.keep_input = keep_input
        sizes = [psi.size for _, psi in made]
        fibres = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        tables = [_table(found.coefficients, second is None) for found in couplings]
        self.add_constant("left", np.concatenate([first[pair] + tables[kinds[pair]][1] for pair in pairs]))
        starts = first if second is None else second
        self.add_constant("right", np.concatenate([starts[pair] + tables[kinds[pair]][2] for pair in pairs]))
        matrices = [matrix for matrix, _, _ in tables]
        channels = np.concatenate([fibres[index] for index in order])
        self.couple = KindwiseMap([kinds[pair] for pair in pairs], matrices, channels)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        out = self.couple.mapped(x.index_select(1, self.left) * x.index_select(1, self.right))
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
        self.max_frequency = _frequency(max_frequency)
        kinds = {rep: index for index, rep in enumerate(dict.fromkeys(fields))}
        couplings = [square_coupling(rep, self.max_frequency) for rep in kinds]
        super().__init__(fields, couplings, [kinds[rep] for rep in fields], fields.offsets, None, keep_input)

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
        self.max_frequency = _frequency(max_frequency)
        pairs = list(zip(first, second, strict=True))
        kinds = {pair: index for index, pair in enumerate(dict.fromkeys(pairs))}
        couplings = [coupling(*pair, self.max_frequency) for pair in kinds]
        if not any(found.irreps for found in couplings):
            raise FieldTypeError(
                f"max_frequency: no irrep up to {self.max_frequency} is in a product of {first} and {second}; "
                f"pass a higher one"
            )
        starts = [first.size + start for start in second.offsets]
        super().__init__(first + second, couplings, [kinds[pair] for pair in pairs], first.offsets, starts, keep_input)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        return f"{super().extra_repr()}, max_frequency={self.max_frequency}, keep_input={self.keep_input}"


def _table(coefficients: Array, square: bool) -> tuple[Array, Array, Array]:
    """The coefficients as a matrix (k, products), and the components i and j of the products that it needs."""
    _, rows, columns = coefficients.shape
    if square:
        i, j = np.triu_indices(rows)
        matrix = coefficients[:, i, j] * np.where(i == j, 1, 2)
    else:
        i, j = (index.ravel() for index in np.indices((rows, columns)))
        matrix = coefficients.reshape(len(coefficients), -1)
    needed = np.abs(matrix).max(axis=0, initial=0.0) > _ZERO
    return matrix[:, needed], i[needed], j[needed]


def _require_type(argument: str, layer: str, value: object) -> FieldType:
    if not isinstance(value, FieldType):
        raise FieldTypeError(f"{argument}: {layer} expects a FieldType, got {value!r}")
    return value


def _frequency(value: object) -> int | None:
    return None if value is None else require_count("max_frequency", value, RepresentationError)
