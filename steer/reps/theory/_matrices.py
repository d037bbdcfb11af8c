"""Representations of one's own, by their matrices: read, checked, made orthogonal, and kept as what they are."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..._values import Array, Frozen, as_numbers, frozen, require_count
from ...errors import RepresentationError, SteerError
from ._decomposition import Decomposition
from ._group import Group, require_group
from ._representation import Indices, Representation
from ._splitting import ORTHOGONAL, IncompleteError, Splitting, blocks, orthogonal_decomposition, split

DECIMALS = 10
"""What of matrices is kept: rounding errors, which differ between machines, must not make another representation."""

HOMOMORPHISM = 1e-6
"""How far M(g) M(h) may be from M(g h), relative to the largest entry where that is above 1: single precision."""

SINGULAR = 1e8
"""The condition number above which a matrix counts as singular."""

EVERYWHERE = 1e-5
"""The same for a function at hundreds of further elements: its values there are not kept, and rounding in single
precision, which grows with the frequency, has more chances."""

EVEN, DRAWN = 360, 200
"""At most so many elements are laid out evenly, as all whole degrees of a circle, and so many are drawn."""

CHUNK = 2**22
"""Products are checked for so many elements at a time that they hold about this many numbers."""


@dataclass(frozen=True, repr=False)
class MatrixRepresentation(Representation):
    """A representation given by its matrices, equal by their values; get one from `representation`.

    Its matrices are T M(g) T^-1, orthogonal, with M what was given and T `from_given`.

    Args:
        group: the group.
        given: M at the generators of the group, in their order, rounded to 10 decimals, as it is printed.
        max_frequency: of a continuous group, the highest frequency of the irreps.
        label: the name; it says nothing of the value, so equal matrices are equal whatever they are called.
    """

    group: Group
    given: str
    max_frequency: int | None = None
    label: str | None = field(default=None, compare=False)

    @functools.cached_property
    def _solved(self) -> "_Solved":
        return _solve(self.group, self.given, self.max_frequency)

    @property
    def size(self) -> int:
        return len(self._solved.from_given)

    @property
    def name(self) -> str:
        return f"matrices({self.size})" if self.label is None else self.label

    @property
    def from_given(self) -> Array:
        """T (size, size), from the basis of the given matrices to the orthogonal one: features x there are T x here.

        It is symmetric and positive, and the identity where the given matrices are orthogonal.
        """
        return self._solved.from_given

    @property
    def decomposition(self) -> Decomposition:  # kept for all equal values
        return self._solved.decomposition

    @property
    def _degree(self) -> int:
        return max(psi.frequency for psi in self.irreps)

    def _matrices(self, g: Array) -> Array:
        basis = self.change_of_basis
        found = np.asarray(basis @ blocks(self.irreps, g) @ basis.T)
        return np.round(found) + 0.0 if self._solved.is_signed else found  # without negative zeros

    def _character(self, g: Array) -> Array:
        return np.asarray(sum(len(where) * psi._character(g) for psi, where in self.decomposition.copies))

    @property
    def _lists_places(self) -> bool:
        return self._solved.is_permutation

    def _places(self, g: Array) -> Indices:
        return np.asarray(np.argmax(self._matrices(g), axis=-2))

    def __repr__(self) -> str:
        bound = "" if self.max_frequency is None else f", max_frequency={self.max_frequency}"
        return f"steer.reps.representation({self.group!r}, {self.given}{bound})"


@dataclass(frozen=True, eq=False)
class _Solved(Frozen):
    """What follows from given matrices."""

    decomposition: Decomposition
    from_given: Array
    is_signed: bool
    is_permutation: bool


@functools.lru_cache(maxsize=256)
def _solve(group: Group, given: str, max_frequency: int | None) -> _Solved:
    matrices, found = _read(given), _split(group, given, max_frequency)
    root, one = found.orthogonaliser, np.eye(matrices.shape[-1])
    change = frozen(one) if np.abs(root - one).max() < ORTHOGONAL else root
    moves = np.abs(matrices)
    is_signed = bool(np.isin(moves, (0, 1)).all() and (moves.sum(1) == 1).all() and (moves.sum(2) == 1).all())
    return _Solved(orthogonal_decomposition(group, found), change, is_signed, is_signed and bool((matrices >= 0).all()))


@functools.lru_cache(maxsize=16)
def _split(group: Group, given: str, max_frequency: int | None) -> Splitting:
    """`split` of printed matrices: what takes the time, once while they are checked and read."""
    return split(group, generating(group), _read(given), max_frequency)


def generating(group: Group) -> Array:
    """(k, d, d): the elements whose matrices say all of a representation: the generators, if they are not all."""
    generators = group.generators
    few = not group.is_finite or 0 < len(generators) < group.order
    return generators if few else group.elements


def _print(matrices: Array) -> str:
    """Matrices to 10 decimals, as they are printed and compared."""
    rounded = np.round(matrices, DECIMALS) + 0.0

    def plain(x: float) -> float | int:
        return int(x) if x == int(x) else x

    return json.dumps([[[plain(x) for x in row] for row in matrix] for matrix in rounded.tolist()])


def _read(given: str) -> Array:
    return np.array(json.loads(given), dtype=np.float64)


class _Given(NamedTuple):
    """What somebody passed, as matrices (n, size, size) at elements (n, d, d), and of these at generating ones."""

    elements: Array
    matrices: Array
    at_generators: Array
    residual: float | None = None  # of products, where these are known already


def representation(
    group: Group,
    matrices: npt.ArrayLike | Callable[[Array], npt.ArrayLike],
    *,
    max_frequency: int | None = None,
    name: str | None = None,
) -> MatrixRepresentation:
    """A representation of one's own, from its matrices M.

    They are checked to be a homomorphism, M(g) M(h) = M(g h), to 1e-6 (relative to the largest entry), made orthogonal
    and split into irreps once. A function on a continuous group is compared with the result at hundreds of elements,
    evenly spaced and drawn, to 1e-5; where it is wrong between these only, nothing tells. Layers take the result as
    every other representation. It is a value: equal matrices at the generators, to 10 decimals, are equal, hash, print
    and fingerprint alike, however they were given.

    Matrices that are not orthogonal are brought to the basis in which they are, T M(g) T^-1, with T the positive root
    of the average of M(g)^T M(g): `MatrixRepresentation.from_given`.

    Args:
        group: the group.
        matrices: of a finite group those of all elements (order, n, n), in the order of `group.elements`; or those of
            its generators (k, n, n), in the order of `group.generators`; or a function from an element (d, d) to its
            matrix (n, n).
        max_frequency: a bound on the frequencies of the irreps that occur. A continuous group needs one; it does not
            matter to the result how high.
        name: for printing; by default ``matrices(n)``.

    Returns:
        The representation, of size n.

    Raises:
        GroupError: `group` is none.
        RepresentationError: the matrices are no homomorphism, and by how much, or a function is none at some elements,
            and where; they are singular, not finite or not as many
            as there are elements or generators; have irreps above `max_frequency`; or a continuous group has no bound.

    Source:
        Serre, Linear Representations of Finite Groups (1977), sections 1.3 (the invariant form) and 2.2.

    Example:
        >>> import numpy as np, steer
        >>> C3 = steer.group("C3", dim=2)
        >>> cycle = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
        >>> rep = steer.reps.representation(C3, [cycle])  # C3 has one generator
        >>> [psi.label for psi in rep.irreps], rep.is_permutation
        (['A', 'E'], True)
        >>> rep == steer.reps.representation(C3, lambda g: rep(g))
        True
        >>> SO2 = steer.group("SO(2)", dim=2)
        >>> def outer(g):  # how symmetric matrices (xx, xy, yy) turn: not orthogonal in these components
        ...     (a, b), (c, d) = g
        ...     return [[a * a, 2 * a * b, b * b], [a * c, a * d + b * c, b * d], [c * c, 2 * c * d, d * d]]
        >>> rep = steer.reps.representation(SO2, outer, max_frequency=2)
        >>> [psi.label for psi in rep.irreps]
        ['0', '2']
        >>> T = rep.from_given
        >>> g = SO2.sample(1, seed=0)[0]
        >>> bool(np.allclose(rep(g), T @ outer(g) @ np.linalg.inv(T)))
        True
    """
    require_group("group", group)
    if name is not None and not isinstance(name, str):
        raise RepresentationError(f"name: expected a string, got {name!r}")
    if max_frequency is not None:
        max_frequency = require_count("max_frequency", max_frequency, RepresentationError)
    elif not group.is_finite:
        raise RepresentationError(
            f"max_frequency: {group.name} has infinitely many irreps; pass a bound on the frequencies that occur"
        )
    given = _evaluate(group, matrices) if callable(matrices) else _as_given(group, matrices)
    _require_invertible(given.at_generators)
    text = _print(given.at_generators)
    try:
        found = _split(group, text, max_frequency)
    except IncompleteError as incomplete:
        raise _refusal(group, given, max_frequency, incomplete) from None
    _require_agreement(group, given, found)
    if callable(matrices) and not group.is_finite:
        _require_everywhere(group, matrices, found)
    highest = None if group.is_finite else max(psi.frequency for psi in found.irreps)
    out = MatrixRepresentation(group, text, highest, name)
    _ = out.decomposition
    return out


# What was given -------------------------------------------------------------------------------------------------------


def _as_given(group: Group, matrices: npt.ArrayLike) -> _Given:
    """Matrices of all elements, or of the generators."""
    found = as_numbers("matrices", matrices, RepresentationError, "an array of matrices, or a function")
    points = generating(group)
    counts = f"{len(points)}, one for each of {group.name}'s generators"
    if group.is_finite:
        counts = f"{group.order}, one for each element of {group.name}" + (
            f", or {counts}" if len(points) < group.order else ""
        )
    if found.ndim != 3 or not 0 < found.shape[1] == found.shape[2]:
        raise RepresentationError(f"matrices: expected square matrices (k, n, n), k = {counts}, got {found.shape}")
    _require_finite(found)
    if group.is_finite and len(found) == group.order:
        return _Given(group.elements, found, found[group._nearest(points)])
    if len(found) != len(points):
        raise RepresentationError(
            f"matrices: expected {counts}, got {len(found)}; or pass a function from an element to its matrix"
        )
    return _Given(points, found, found)


def _evaluate(group: Group, function: Callable[[Array], npt.ArrayLike]) -> _Given:
    """A function at all elements, of a continuous group at some and at products of these."""
    points = generating(group)
    if group.is_finite:
        found = _values(function, group.elements)
        return _Given(group.elements, found, found[group._nearest(points)])
    elements = np.concatenate([points, group.components, group.sample(8, seed=0)])
    values = _values(function, elements)
    products = _values(function, elements @ np.roll(elements, 1, axis=0))
    if products.shape != values.shape:
        raise RepresentationError(
            f"matrices: expected a function that gives one size of matrices, got {products.shape}"
        )
    residual = float(np.abs(values @ np.roll(values, 1, axis=0) - products).max())
    return _Given(elements, values, values[: len(points)], residual)


def _values(function: Callable[[Array], npt.ArrayLike], elements: Array) -> Array:
    """(n, size, size): a function at elements."""
    found: list[Array] = []
    for g in elements:
        try:
            value = function(g.copy())
        except SteerError:
            raise
        except Exception as cause:  # of a function of one's own, anything may come
            raise RepresentationError(
                f"matrices: expected a function from an element, an array of shape {g.shape}, to its matrix; "
                f"it raised {type(cause).__name__}: {cause}"
            ) from cause
        matrix = as_numbers("matrices", value, RepresentationError, "a function that gives matrices")
        if matrix.ndim != 2 or not 0 < matrix.shape[0] == matrix.shape[1] or (found and matrix.shape != found[0].shape):
            sizes = "square matrices" if not found else f"a matrix of shape {found[0].shape} as of other elements"
            raise RepresentationError(f"matrices: expected a function that gives {sizes}, got shape {matrix.shape}")
        found.append(matrix)
    values = np.stack(found)
    _require_finite(values)
    return values


def _require_finite(matrices: Array) -> None:
    if not np.isfinite(matrices).all():
        index = int(np.argmin(np.isfinite(matrices).all(axis=(1, 2))))
        raise RepresentationError(f"matrices: expected finite numbers, got {matrices[index]!r} at position {index}")


def _require_invertible(matrices: Array) -> None:
    worst = np.linalg.cond(matrices)
    if not np.max(worst) < SINGULAR:
        index = int(np.argmax(worst))
        raise RepresentationError(
            f"matrices: matrices of a representation have inverses, but that of generator {index} is singular "
            f"(condition number {worst[index]:.3g}); leave out components that are always zero or depend on others"
        )


# What is wrong with it ------------------------------------------------------------------------------------------------


def _require_agreement(group: Group, given: _Given, found: Splitting) -> None:
    """Raise an error unless a homomorphism that was found from the generators is what was given at all elements."""
    size = max(1.0, float(np.abs(given.matrices).max()))
    wrong = max(
        float(np.abs(found.at(given.elements[some]) - given.matrices[some]).max())
        for some in _chunks(len(given.elements), given.matrices[0].size)
    )
    if not wrong < HOMOMORPHISM * size:
        raise _no_homomorphism(group, max(wrong, _residual(group, given) or 0.0))


def _require_everywhere(group: Group, function: Callable[[Array], npt.ArrayLike], found: Splitting) -> None:
    """Raise an error unless a function of a continuous group is what was found from the generators elsewhere, too.

    A homomorphism is determined by its generators, so its values at any further elements can be foretold.
    """
    elements = _further(group)
    values = _values(function, elements)
    if values.shape[1:] != found.basis.shape:
        raise RepresentationError(f"matrices: expected a function that gives one size of matrices, got {values.shape}")
    wrong = np.concatenate(
        [
            np.abs(found.at(elements[some]) - values[some]).max(axis=(1, 2))
            for some in _chunks(len(elements), values[0].size)
        ]
    )
    bad = ~(wrong < EVERYWHERE * max(1.0, float(np.abs(values).max())))
    if bad.any():
        worst = int(np.argmax(wrong))
        raise RepresentationError(
            f"matrices: the function is no representation of {group.name}: at {bad.sum()} of {len(bad)} elements it "
            f"differs from what its values at the generators lead to, most at {elements[worst].tolist()}, by "
            f"{wrong[worst]:.3g}; correct it there"
        )


def _further(group: Group) -> Array:
    """Elements of a continuous group at which a function of somebody's is compared."""
    even = group.components
    for degree in (1, 2, 5, 11, 22, 44, 89, 179, 359):
        nodes, _ = group.haar(degree)
        if len(nodes) > EVEN:
            break
        even = nodes
    return np.concatenate([even, group._grid_symmetries(), group.sample(DRAWN, seed=1)])


def _refusal(
    group: Group, given: _Given, max_frequency: int | None, incomplete: IncompleteError
) -> RepresentationError:
    """Why matrices do not split into irreps."""
    size = given.matrices.shape[-1]
    if incomplete.found > size:
        return RepresentationError(
            f"group: the generators of {group!r} generate a part of it only, so matrices at these do not say all; "
            f"correct its `generators`"
        )
    residual, scale = _residual(group, given), max(1.0, float(np.abs(given.matrices).max())) ** 2
    if max_frequency is None or (residual is not None and not residual < HOMOMORPHISM * scale):
        return _no_homomorphism(group, residual or 0.0)
    either = "" if residual is not None else f", or the matrices are no homomorphism (by {incomplete.miss:.3g})"
    return RepresentationError(
        f"max_frequency: {incomplete.found} of {size} components are of irreps of {group.name} up to frequency "
        f"{max_frequency}; pass a higher bound{either}"
    )


def _no_homomorphism(group: Group, residual: float) -> RepresentationError:
    return RepresentationError(
        f"matrices: they are no representation of {group.name}: M(g) M(h) differs from M(g h) by {residual:.3g}; give "
        f"those of all elements in the order of group.elements, those of the generators in the order of "
        f"group.generators, or a function from an element to its matrix"
    )


def _residual(group: Group, given: _Given) -> float | None:
    """The largest entry of M(g) M(h) - M(g h), for g that generate and all h; None if the products are not known."""
    points, at = generating(group), given.at_generators
    if given.residual is not None or not group.is_finite:
        return given.residual
    table = given.matrices if len(given.elements) == group.order else _products(group, points, at)
    worst = float(np.abs(table[0] - np.eye(table.shape[-1])).max())
    for some in _chunks(len(table), table[0].size * len(at)):
        targets = group._nearest(points[:, None] @ group.elements[some])
        worst = max(worst, float(np.abs(at[:, None] @ table[some] - table[targets]).max()))
    return worst


def _products(group: Group, points: Array, matrices: Array) -> Array:
    """(order, n, n): matrices of all elements of a finite group, as products of those at generators."""
    table = np.zeros((len(group.elements), *matrices.shape[1:]))
    table[0] = np.eye(matrices.shape[-1])
    known = np.zeros(len(table), dtype=bool)
    known[0], fresh = True, np.array([0])
    while len(fresh):
        reached = []
        for point, matrix in zip(points, matrices, strict=True):
            targets = group._nearest(point @ group.elements[fresh])
            new = np.flatnonzero(~known[targets])
            table[targets[new]], known[targets[new]] = matrix @ table[fresh[new]], True
            reached.append(targets[new])
        fresh = np.unique(np.concatenate(reached))
    return table


def _chunks(count: int, numbers: int) -> list[slice]:
    step = max(1, CHUNK // numbers)
    return [slice(start, start + step) for start in range(0, count, step)]
