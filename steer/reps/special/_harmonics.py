"""Real harmonics of the line, the plane and space: the angular parts of kernels."""

import functools
import math
import operator
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final, Literal, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..._values import (
    MOST_VALUES,
    Array,
    as_numbers,
    is_count,
    is_listing,
    is_one_of,
    require_count,
    require_room,
    torch_of,
)
from ...errors import RepresentationError, ShapeError

DOUBLE: Final = 4
"""Degree from which harmonics of single precision are computed in double precision."""

POINTS: Final = 32768
"""Points of which harmonics are computed at a time: few enough to stay in a cache, many to an operation's overhead."""

Normalization = Literal["component", "norm", "integral"]
NORMALIZATIONS: Final = ("component", "norm", "integral")


class TensorLike(Protocol):
    """What tells a torch tensor from an array, for type checkers: torch itself is never imported here."""

    def is_floating_point(self) -> bool: ...


Tensor = TypeVar("Tensor", bound=TensorLike)


@overload
def harmonics(points: Tensor, degree: int | Sequence[int], *, normalization: Normalization = "component") -> Tensor: ...
@overload
def harmonics(
    points: npt.ArrayLike, degree: int | Sequence[int], *, normalization: Normalization = "component"
) -> Array: ...
def harmonics(points: Any, degree: Any, *, normalization: str = "component") -> Any:
    """Real harmonics of one or several degrees at the directions of points on a line, in the plane or in space.

    On a line, degree 0 is 1 and degree 1 the sign of x; there are no others. In the plane, degree 0 is 1; degree m > 0
    is sqrt(2) cos(m t), sqrt(2) sin(m t) with t the angle from x towards y.

    In space, with t the angle from z and p the angle from x towards y, degree l is, for m = -l, ..., l::

        c P_l^|m|(cos t) sin(|m| p)  if m < 0,    c P_l^m(cos t) cos(m p)  if m >= 0,
        c = sqrt((2 - [m = 0]) (2l + 1) (l - |m|)! / (l + |m|)!),

    without the Condon-Shortley phase: every harmonic of order m >= 0 is positive where t and p are small. Degree 1
    alone has the order m = 1, -1, 0, so that it is sqrt(3) (x, y, z) / r.

    They are orthonormal on the sphere (a circle, two points) with normalised measure. Under an orthogonal matrix g of
    the plane, Y(g x) = D(g) Y(x) with D = `Group.harmonic(degree)`; under a rotation of space, with D = `wigner_d`; and
    Y(-x) = (-1)^degree Y(x).

    Single precision is computed as such below degree 4; where the highest degree is 4 or more all is computed in double
    precision and rounded once. The largest errors, against double precision at a million points at random, near axes
    and near planes: 3.3e-7, 9.7e-7, 1.9e-6 at degrees 1, 2, 3, and 1.2e-7 to 2.4e-7, which is rounding, from 4 to 12.

    Args:
        points: (..., 1), (..., 2) or (..., 3); only the direction counts. At the origin, degree 0 is 1 and every other
            degree 0. An array or nested list gives float64. A torch tensor gives a tensor of its dtype and device,
            differentiable everywhere but at the origin, where the gradient is set to 0.
        degree: an integer >= 0, or a list of them, whose harmonics follow each other in its order. All of them
            together take the time of the highest.
        normalization: "component": as above, so that the squares of a degree add up to its number of harmonics;
            "norm": they add up to 1; "integral": orthonormal for the measure of two points, 2, the circle, 2 pi, or
            the sphere, 4 pi.

    Returns:
        (..., 1) for degree 0 and on a line; above, (..., 2) in the plane, (..., 2 degree + 1) in space; for a list the
        sum of these, (..., (L + 1)^2) for the degrees 0, ..., L in space.

    Raises:
        ShapeError: the points are not of a line, the plane or space, or a tensor of them is not of floating point.
        RepresentationError: a degree is not an integer >= 0, or above 1 on a line, or there is no such normalisation.

    Source:
        Varshalovich, Moskalev, Khersonskii, Quantum Theory of Angular Momentum (1988), chapter 5; recursions of
        `solid_harmonics` on the unit sphere.

    Example:
        >>> import numpy as np, steer
        >>> (steer.reps.harmonics([0.0, 0.0, 2.0], 1) / np.sqrt(3)).round(12).tolist()  # (x, y, z) / r
        [0.0, 0.0, 1.0]
        >>> steer.reps.harmonics(np.ones((10, 3)), range(4), normalization="norm").shape
        (10, 16)
    """
    return _evaluated(points, degree, normalization, directions=True)


@overload
def solid_harmonics(
    points: Tensor, degree: int | Sequence[int], *, normalization: Normalization = "component"
) -> Tensor: ...
@overload
def solid_harmonics(
    points: npt.ArrayLike, degree: int | Sequence[int], *, normalization: Normalization = "component"
) -> Array: ...
def solid_harmonics(points: Any, degree: Any, *, normalization: str = "component") -> Any:
    """Real solid harmonics: |x|^degree times `harmonics`, harmonic homogeneous polynomials of one or several degrees.

    Evaluated as polynomials in the coordinates, so they have no poles and are differentiable everywhere.

    Args:
        points: (..., 1), (..., 2) or (..., 3). An array or nested list gives float64. A torch tensor gives a tensor of
            its dtype and device, differentiable.
        degree: an integer >= 0, or a list of them, whose harmonics follow each other in its order.
        normalization: "component", "norm" or "integral", as in `harmonics`.

    Returns:
        (..., 1) for degree 0 and on a line; above, (..., 2) in the plane, (..., 2 degree + 1) in space; in the order
        and normalisation of `harmonics`. For a list the sum of these.

    Raises:
        ShapeError: the points are not of a line, the plane or space, or a tensor of them is not of floating point.
        RepresentationError: a degree is not an integer >= 0, or above 1 on a line, or there is no such normalisation.

    Source:
        Holmes, Featherstone, J. Geodesy 76 (2002) 279, eq. 11-13: the forward column recursion of the fully normalised
        associated Legendre functions, here divided by sin^m t and multiplied by r^(l - m).

    Example:
        >>> import numpy as np, steer
        >>> (steer.reps.solid_harmonics([3.0, 4.0], 2) / np.sqrt(2)).round(12).tolist()  # x^2 - y^2, 2 x y
        [-7.0, 24.0]
    """
    return _evaluated(points, degree, normalization, directions=False)


def harmonic_size(dim: int, degree: int) -> int:
    """Number of harmonics of a degree on the unit sphere of R^dim.

    Args:
        dim: 1, 2 or 3; any, for degree 0.
        degree: an integer >= 0.

    Returns:
        1 for degree 0; above, 2 in the plane, 2 degree + 1 in space, and 1 for degree 1 on a line.

    Raises:
        RepresentationError: another dimension, a degree that is no integer >= 0, or one above 1 on a line.
    """
    degree = require_count("degree", degree, RepresentationError)
    if not is_count(dim, 0) or (degree and dim not in (1, 2, 3)):
        raise RepresentationError(f"dim: expected 1 (a line), 2 (the plane) or 3 (space), got {dim!r}")
    if dim == 1 and degree > 1:
        raise RepresentationError(f"degree: a line has harmonics of degree 0 and 1, got {degree}")
    return 1 if degree == 0 or dim == 1 else 2 if dim == 2 else 2 * degree + 1


def harmonic_orders(degree: int) -> tuple[int, ...]:
    """The orders m of the harmonics of a degree in space, as they are listed: negative ones are sines."""
    return (1, -1, 0) if degree == 1 else tuple(range(-degree, degree + 1))


def _points(points: Any) -> tuple[Any, Any]:
    """The module to compute with, and the points as an array of it."""
    torch = torch_of(points)
    x: Any = as_numbers("points", points, ShapeError) if torch is None else points
    if x.ndim < 1 or x.shape[-1] not in (1, 2, 3):
        raise ShapeError(f"points: expected shape (..., 1), (..., 2) or (..., 3), got {tuple(x.shape)}")
    if torch is not None and not x.is_floating_point():
        raise ShapeError(f"points: expected a tensor of a floating-point dtype, got {x.dtype}")
    return torch or np, x


def _degrees(degree: Any, points: Any) -> tuple[int, ...]:
    """The degrees, or an error if there is no room for their harmonics, or for what they are made of."""
    several = is_listing(degree) and not isinstance(degree, Set | Mapping)
    found = tuple(require_count("degree", one, RepresentationError) for one in (degree if several else [degree]))
    if not found:
        raise RepresentationError("degree: expected an integer >= 0 or a list of them, got an empty list")
    what, advice = f"harmonics of degree {max(found):,}", "take a lower degree, or fewer points at a time"
    require_room("degree", what, max(found), advice, RepresentationError, MOST_VALUES)
    harmonic_size(points.shape[-1], max(found))
    size = 2 * max(found) + 1
    count = sum(2 * one + 1 for one in found) * math.prod(points.shape[:-1])
    numbers = max(count, size * size if points.shape[-1] == 3 else size)
    require_room("degree", what, numbers, advice, RepresentationError)
    return found


def _factor(normalization: str, dim: int, degree: int) -> float:
    """What harmonics of the normalisation "component" are divided by."""
    if normalization == "norm":
        return math.sqrt(harmonic_size(dim, degree))
    return math.sqrt((2, 2 * math.pi, 4 * math.pi)[dim - 1]) if normalization == "integral" else 1.0


def _wide(x: Any, degree: int) -> Any:
    """Points in the precision to compute with, which is rounded once at the end.

    Half precision is computed in single precision, and that from degree 4 on in double precision, where there is one:
    recursions gather errors, and powers of what is near the pole leave the range of numbers.
    """
    if isinstance(x, np.ndarray) or x.dtype.itemsize > 4:
        return x
    if x.dtype.itemsize == 4 and (degree < DOUBLE or x.device.type == "mps"):
        return x
    return x.double() if degree >= DOUBLE and x.device.type != "mps" else x.float()


def _evaluated(points: Any, degree: Any, normalization: str, directions: bool) -> Any:
    """`harmonics` or `solid_harmonics`, some of the points at a time, with the points last while they are computed."""
    xp, given = _points(points)
    degrees = _degrees(degree, given)
    if not is_one_of(normalization, NORMALIZATIONS):
        raise RepresentationError(
            f"normalization: expected one of {', '.join(map(repr, NORMALIZATIONS))}, got {normalization!r}"
        )
    dim, top = given.shape[-1], max(degrees)
    factors = {one: _factor(normalization, dim, one) for one in degrees}
    flat = given.reshape(-1, dim)
    parts = []
    steps = _Recursion(xp, flat, top) if dim == 3 else (_linear, _planar)[dim - 1]
    for some in _some_at_a_time(xp, flat):
        x = _wide(some.T, top)
        x = _unit(xp, x) if directions else x
        blocks = steps(x, factors)
        values = xp.concatenate([rows for one in degrees for rows in blocks[one]])
        values = values if values.dtype == given.dtype else values.to(given.dtype)
        parts.append(values.T if xp is np else values.T.contiguous())  # to join parts that are not is slower
    whole = xp.concatenate(parts)
    return whole.reshape(*given.shape[:-1], whole.shape[-1])


def _some_at_a_time(xp: Any, points: Any) -> list[Any]:
    """The points in parts, which are all of them where each operation is seen or is run elsewhere."""
    if xp is np:
        return np.split(points, range(POINTS, len(points), POINTS))
    whole = points.device.type != "cpu" or xp.compiler.is_compiling() or xp._C._len_torch_dispatch_stack()
    return [points] if whole else list(points.split(POINTS))


def _unit(xp: Any, x: Any) -> Any:
    """Points (d, n) divided by their lengths; 0 at the origin."""
    # The largest component is divided out first: no square overflows, or vanishes, whatever the length. It is a
    # constant to derivatives, as the length of the point does not count.
    scale = functools.reduce(xp.maximum, xp.abs(x if xp is np else x.detach()))
    origin = scale == 0
    x = x / xp.where(origin, 1.0, scale)
    # The origin is replaced before the root as well as after it: a masked root of 0 has a gradient that is no number.
    length = xp.sqrt(xp.where(origin, 1.0, _square(x)))
    return x / xp.where(origin, math.inf, length)


def _square(x: Any) -> Any:
    """(n,): the squares of the lengths of points (d, n); sums over so few rows are slower in one operation."""
    return functools.reduce(operator.add, x * x)


def _linear(x: Any, factors: dict[int, float]) -> dict[int, list[Any]]:
    """Solid harmonics of degree 0 and 1, each over its factor, at points (1, n), some rows (m, n) at a time."""
    return {degree: [x**degree / factor] for degree, factor in factors.items()}


def _planar(x: Any, factors: dict[int, float]) -> dict[int, list[Any]]:
    """Solid harmonics of degrees, each over its factor, at points (2, n), some rows (m, n) at a time."""
    powers = planar_powers(x[:1], x[1:], max(factors))
    found = {}
    for degree, factor in factors.items():
        real, imaginary = powers[degree]
        found[degree] = [math.sqrt(2) / factor * part for part in (real, imaginary)] if degree else [real / factor]
    return found


def planar_powers(x: Any, y: Any, degree: int) -> list[tuple[Any, Any]]:
    """Real and imaginary part of (x + iy)^m for m = 0, ..., degree.

    Products and not cos(m t): their zeros on the axes and diagonals are exact.
    """
    powers = [(x**0, 0.0 * x), (x, y)]
    for _ in range(2, degree + 1):
        real, imaginary = powers[-1]
        powers.append((real * x - imaginary * y, real * y + imaginary * x))
    return powers


class _Recursion:
    """Solid harmonics in space of all degrees up to one: of each degree all orders at once.

    Row m of a degree l is r^(l - m) c P_l^m(cos t) / sin^m t, a polynomial in z = r cos t and r^2, with c as in
    `harmonics`. It comes from those of the two degrees before.
    """

    def __init__(self, xp: Any, like: Any, top: int) -> None:
        self.xp, self.top, self.dtype = xp, top, like.dtype
        dtype = None if xp is np else _wide(like[:0], top).dtype
        self.steps = []
        for n in range(1, top + 1):
            rising = [math.sqrt((2 * n - 1) * (2 * n + 1) / ((n - m) * (n + m))) for m in range(n)]
            falling = [
                math.sqrt((2 * n + 1) * (n + m - 1) * (n - m - 1) / ((n - m) * (n + m) * (2 * n - 3)))
                for m in range(n - 1)
            ]
            columns: list[Any] = [np.array(factors)[:, None] for factors in (rising, falling)]
            if xp is not np:
                columns = [xp.tensor(column, dtype=dtype, device=like.device) for column in columns]
            start = math.sqrt(2 * math.prod([(2 * k + 1) / (2 * k) for k in range(1, n + 1)]))
            self.steps.append((*columns, start))

    def _rounded(self, values: Any) -> Any:
        return values if values.dtype == self.dtype else values.to(self.dtype)

    def __call__(self, x: Any, factors: dict[int, float]) -> dict[int, list[Any]]:
        """The harmonics of degrees, each over its factor, at points (3, n), some rows (m, n) at a time."""
        xp, z = self.xp, x[2:]
        one = z**0  # 1 everywhere; a tensor stays differentiable
        found = {0: [self._rounded(one / factors.get(0, 1.0))]}
        if not self.top:
            return found
        square = _square(x)
        powers = planar_powers(x[:1], x[1:2], self.top)[1:]
        waves = [xp.concatenate([power[part] for power in powers]) for part in (0, 1)]
        before, now = None, one
        for degree, (rising, falling, start) in enumerate(self.steps, 1):
            parts = [rising * z * now]
            if before is not None:
                risen, last = self._split(parts[0], degree - 1)
                parts = [risen - falling * square * before, last]
            before, now = now, xp.concatenate([*parts, start * one])
            if degree in factors:
                scaled = now if factors[degree] == 1 else now / factors[degree]
                zonal, others = self._split(scaled, 1)
                cosines, sines = (self._rounded(others * wave[:degree]) for wave in waves)
                zonal = self._rounded(zonal)
                found[degree] = [xp.flip(sines, (0,)), zonal, cosines] if degree > 1 else [cosines, sines, zonal]
        return found

    def _split(self, rows: Any, count: int) -> tuple[Any, Any]:
        """The first rows and the others: the derivative of a split is one operation, those of two slices are six."""
        if self.xp is np:
            return rows[:count], rows[count:]
        return rows.split((count, len(rows) - count))  # type: ignore[no-any-return]
