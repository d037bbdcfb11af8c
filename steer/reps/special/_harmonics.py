"""Real circular and spherical harmonics: the angular parts of kernels in the plane and in space."""

import math
import sys
from typing import Any, Final, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..._values import MOST_VALUES, Array, as_numbers, is_count, require_count, require_room
from ...errors import RepresentationError, ShapeError

DOUBLE: Final = 4
"""Degree from which harmonics of single precision are computed in double precision."""


class _TensorLike(Protocol):
    """What tells a torch tensor from an array, for type checkers: torch itself is never imported here."""

    def is_floating_point(self) -> bool: ...


_Tensor = TypeVar("_Tensor", bound=_TensorLike)


@overload
def harmonics(points: _Tensor, degree: int) -> _Tensor: ...
@overload
def harmonics(points: npt.ArrayLike, degree: int) -> Array: ...
def harmonics(points: Any, degree: int) -> Any:
    """Real harmonics of one degree at the directions of points in the plane or in space.

    In the plane, degree 0 is 1; degree m > 0 is sqrt(2) cos(m t), sqrt(2) sin(m t) with t the angle from x towards y.

    In space, with t the angle from z and p the angle from x towards y, degree l is, for m = -l, ..., l::

        c P_l^|m|(cos t) sin(|m| p)  if m < 0,    c P_l^m(cos t) cos(m p)  if m >= 0,
        c = sqrt((2 - [m = 0]) (2l + 1) (l - |m|)! / (l + |m|)!),

    without the Condon-Shortley phase: every harmonic of order m >= 0 is positive where t and p are small. Degree 1
    alone has the order m = 1, -1, 0, so that it is sqrt(3) (x, y, z) / r.

    They are orthonormal on the circle or sphere with normalised measure. Under an orthogonal matrix g of the plane,
    Y(g x) = D(g) Y(x) with D = `Group.harmonic(degree)`; under a rotation of space, with D = `wigner_d`; and
    Y(-x) = (-1)^degree Y(x).

    Args:
        points: (..., 2) or (..., 3); only the direction counts. At the origin, degree 0 is 1 and every other degree 0.
            An array or nested list gives float64. A torch tensor gives a tensor of its dtype and device, differentiable
            everywhere but at the origin, where the gradient is set to 0.
        degree: an integer >= 0.

    Returns:
        (..., 1) for degree 0; above, (..., 2) in the plane and (..., 2 degree + 1) in space.

    Raises:
        ShapeError: the points are not of the plane or of space, or a tensor of them is not of floating point.
        RepresentationError: the degree is not an integer >= 0.

    Source:
        Varshalovich, Moskalev, Khersonskii, Quantum Theory of Angular Momentum (1988), chapter 5; recursions of
        `solid_harmonics` on the unit sphere.

    Example:
        >>> import numpy as np, steer
        >>> (steer.reps.harmonics([0.0, 0.0, 2.0], 1) / np.sqrt(3)).round(12).tolist()  # (x, y, z) / r
        [0.0, 0.0, 1.0]
    """
    xp, given = _points(points)
    degree = _checked_degree(degree, given)
    x = _wide(given, degree)
    # The largest component is divided out first: no square overflows, or vanishes, whatever the length.
    scale = xp.amax(xp.abs(x), -1)[..., None]
    origin = scale == 0
    # The origin is replaced before the division as well as after it: a masked 0/0 has a gradient that is not a number.
    x = xp.where(origin, 1.0, x / xp.where(origin, 1.0, scale))
    unit = xp.where(origin, 0.0, x / xp.sqrt((x * x).sum(-1))[..., None])
    return _as_given(_solid(xp, unit, degree), given)


@overload
def solid_harmonics(points: _Tensor, degree: int) -> _Tensor: ...
@overload
def solid_harmonics(points: npt.ArrayLike, degree: int) -> Array: ...
def solid_harmonics(points: Any, degree: int) -> Any:
    """Real solid harmonics: |x|^degree times `harmonics`, the harmonic homogeneous polynomials of one degree.

    Evaluated as polynomials in the coordinates, so they have no poles and are differentiable everywhere.

    Args:
        points: (..., 2) or (..., 3). An array or nested list gives float64. A torch tensor gives a tensor of its dtype
            and device, differentiable.
        degree: an integer >= 0.

    Returns:
        (..., 1) for degree 0; above, (..., 2) in the plane and (..., 2 degree + 1) in space; in the order and
        normalisation of `harmonics`.

    Raises:
        ShapeError: the points are not of the plane or of space, or a tensor of them is not of floating point.
        RepresentationError: the degree is not an integer >= 0.

    Source:
        Holmes, Featherstone, J. Geodesy 76 (2002) 279, eq. 11-13: the forward column recursion of the fully normalised
        associated Legendre functions, here divided by sin^m t and multiplied by r^(l - m).

    Example:
        >>> import numpy as np, steer
        >>> (steer.reps.solid_harmonics([3.0, 4.0], 2) / np.sqrt(2)).round(12).tolist()  # x^2 - y^2, 2 x y
        [-7.0, 24.0]
    """
    xp, x = _points(points)
    degree = _checked_degree(degree, x)
    return _as_given(_solid(xp, _wide(x, degree), degree), x)


def harmonic_size(dim: int, degree: int) -> int:
    """Number of harmonics of a degree on the unit sphere of R^dim.

    Args:
        dim: 2 or 3; any, for degree 0.
        degree: an integer >= 0.

    Returns:
        1 for degree 0; above, 2 in the plane and 2 degree + 1 in space.

    Raises:
        RepresentationError: another dimension, or a degree that is no integer >= 0.
    """
    degree = require_count("degree", degree, RepresentationError)
    if not is_count(dim, 0) or (degree and dim not in (2, 3)):
        raise RepresentationError(f"dim: expected 2 (the plane) or 3 (space), got {dim!r}")
    return 1 if degree == 0 else 2 if dim == 2 else 2 * degree + 1


def harmonic_orders(degree: int) -> tuple[int, ...]:
    """The orders m of the harmonics of a degree in space, as they are listed: negative ones are sines."""
    return (1, -1, 0) if degree == 1 else tuple(range(-degree, degree + 1))


def _points(points: Any) -> tuple[Any, Any]:
    """The module to compute with, and the points as an array of it."""
    torch = sys.modules.get("torch")  # who passes a tensor has imported torch
    is_tensor = torch is not None and isinstance(points, torch.Tensor)
    xp: Any = torch if is_tensor else np
    x: Any = points if is_tensor else as_numbers("points", points, ShapeError)
    if x.ndim < 1 or x.shape[-1] not in (2, 3):
        raise ShapeError(f"points: expected shape (..., 2) or (..., 3), got {tuple(x.shape)}")
    if is_tensor and not x.is_floating_point():
        raise ShapeError(f"points: expected a tensor of a floating-point dtype, got {x.dtype}")
    return xp, x


def _checked_degree(degree: object, points: Any) -> int:
    """The degree, or an error if there is no room for the harmonics at so many points, or for what they are made of."""
    found = require_count("degree", degree, RepresentationError)
    what, advice = f"harmonics of degree {found:,}", "take a lower degree, or fewer points at a time"
    require_room("degree", what, found, advice, RepresentationError, MOST_VALUES)
    size = 2 * found + 1
    numbers = size * max(math.prod(points.shape[:-1]), size if points.shape[-1] == 3 else 1)
    require_room("degree", what, numbers, advice, RepresentationError)
    return found


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


def _as_given(values: Any, points: Any) -> Any:
    return values if values.dtype == points.dtype else values.to(points.dtype)


def _solid(xp: Any, x: Any, degree: int) -> Any:
    """`solid_harmonics` with the module `xp`."""
    if degree == 0:
        return x[..., :1] ** 0  # 1 everywhere; a tensor stays differentiable
    powers = planar_powers(x[..., 0], x[..., 1], degree)
    if x.shape[-1] == 2:
        real, imaginary = powers[degree]
        return math.sqrt(2) * xp.stack([real, imaginary], -1)
    z, square = x[..., 2], (x * x).sum(-1)
    found = {0: _legendre(z, square, degree, 0)}
    for m in range(1, degree + 1):
        column = _legendre(z, square, degree, m)
        real, imaginary = powers[m]
        found[m], found[-m] = column * real, column * imaginary
    return xp.stack([found[m] for m in harmonic_orders(degree)], -1)


def planar_powers(x: Any, y: Any, degree: int) -> list[tuple[Any, Any]]:
    """Real and imaginary part of (x + iy)^m for m = 0, ..., degree.

    Products and not cos(m t): their zeros on the axes and diagonals are exact.
    """
    powers = [(x**0, 0.0 * x), (x, y)]
    for _ in range(2, degree + 1):
        real, imaginary = powers[-1]
        powers.append((real * x - imaginary * y, real * y + imaginary * x))
    return powers


def _legendre(z: Any, square: Any, degree: int, m: int) -> Any:
    """r^(l-m) c P_l^m(cos t) / sin^m t, with l the degree, z = r cos t, `square` = r^2 and c as in `harmonics`."""
    start = math.prod([(2 * k + 1) / (2 * k) for k in range(1, m + 1)])
    previous: Any = 0.0
    current: Any = math.sqrt(2 * start if m else start)
    for n in range(m + 1, degree + 1):
        rising = math.sqrt((2 * n - 1) * (2 * n + 1) / ((n - m) * (n + m)))
        falling = math.sqrt((2 * n + 1) * (n + m - 1) * (n - m - 1) / ((n - m) * (n + m) * (2 * n - 3)))
        # falling is 0 in the first step, where 2n - 3 may be negative but never 0
        previous, current = current, rising * z * current - falling * square * previous
    return current
