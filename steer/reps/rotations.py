"""Rotations of space as matrices, quaternions, rotation vectors and Euler angles; arrays and torch tensors.

Arrays and nested lists give float64; tensors keep their dtype and device and have gradients, finite everywhere.
"""

from typing import Any

import numpy as np

from .._values import as_numbers, torch_of
from ..errors import ShapeError

__all__ = ["from_angles", "from_axis_angle", "from_quaternion", "to_angles", "to_axis_angle", "to_quaternion"]

SMALL = 1e-4
"""Squares of angles below this are taken from series, of which the terms left out are below rounding."""


def from_angles(angles: Any) -> Any:
    """The rotations R = Rz(a) Ry(b) Rz(c) of Euler angles: Rz turns x towards y, Ry turns z towards x.

    Args:
        angles: (..., 3), (a, b, c) in radians. SciPy's ``Rotation.from_euler("ZYZ", angles)`` is the same.

    Returns:
        (..., 3, 3).

    Raises:
        ShapeError: the last axis is not of length 3, or a tensor is not of floating point.

    Example:
        >>> import numpy as np, steer
        >>> R = steer.reps.rotations.from_angles([0.0, np.pi / 2, 0.0])  # turns z to x
        >>> (R @ [0.0, 0.0, 1.0]).round(12).tolist()
        [1.0, 0.0, 0.0]
    """
    xp, given = _read(angles, "angles", (3,))
    (ca, cb, cc), (sa, sb, sc) = (_last(f(given)) for f in (xp.cos, xp.sin))
    return _matrix(
        xp,
        [
            [ca * cb * cc - sa * sc, -ca * cb * sc - sa * cc, ca * sb],
            [sa * cb * cc + ca * sc, -sa * cb * sc + ca * cc, sa * sb],
            [-sb * cc, sb * sc, cb],
        ],
    )


def to_angles(matrices: Any) -> Any:
    """The Euler angles (a, b, c) of rotations, as `from_angles` takes them: 0 <= b <= pi, |a| <= pi, |c| <= pi.

    At the poles (b = 0 or pi) only the turn as a whole is determined: a is 0 there.

    Args:
        matrices: (..., 3, 3), rotations.

    Returns:
        (..., 3). At the poles a has no derivative; its gradient is set to 0.

    Raises:
        ShapeError: the last axes are not (3, 3), or a tensor is not of floating point.
    """
    xp, r = _read(matrices, "matrices", (3, 3))
    x, y = r[..., 0, 2], r[..., 1, 2]
    pole = x * x + y * y == 0
    a = xp.arctan2(xp.where(pole, 0.0, y), xp.where(pole, 1.0, x))
    cos, sin = xp.cos(a), xp.sin(a)
    # b and c are read off Rz(-a) R for the very a that was found, so that the product is R also near the poles
    b = xp.arctan2(cos * x + sin * y, r[..., 2, 2])
    c = xp.arctan2(cos * r[..., 1, 0] - sin * r[..., 0, 0], cos * r[..., 1, 1] - sin * r[..., 0, 1])
    return xp.stack([a, b, c], -1)


def from_quaternion(quaternions: Any) -> Any:
    """The rotations of quaternions (x, y, z, w), the scalar last as in SciPy; of any length but 0.

    Args:
        quaternions: (..., 4); q and -q are one rotation.

    Returns:
        (..., 3, 3).

    Raises:
        ShapeError: the last axis is not of length 4, or a tensor is not of floating point.
    """
    xp, q = _read(quaternions, "quaternions", (4,))
    x, y, z, w = _last(q / xp.sqrt((q * q).sum(-1))[..., None])
    return _matrix(
        xp,
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
    )


def to_quaternion(matrices: Any) -> Any:
    """The unit quaternions (x, y, z, w) of rotations, the scalar last and not negative.

    Args:
        matrices: (..., 3, 3), rotations.

    Returns:
        (..., 4).

    Raises:
        ShapeError: the last axes are not (3, 3), or a tensor is not of floating point.

    Source:
        Shepperd, J. Guidance and Control 1 (1978) 223: of the four rows 4 q_i q, the longest.
    """
    xp, r = _read(matrices, "matrices", (3, 3))
    (a, b, c), (d, e, f), (g, h, i) = (_last(row) for row in (r[..., k, :] for k in range(3)))
    rows = _matrix(
        xp,
        [
            [1 + a - e - i, b + d, c + g, h - f],
            [b + d, 1 - a + e - i, f + h, c - g],
            [c + g, f + h, 1 - a - e + i, d - b],
            [h - f, c - g, d - b, 1 + a + e + i],
        ],
    )
    squares = xp.stack([rows[..., k, k] for k in range(4)], -1)
    best = xp.argmax(squares, -1)
    q = sum(xp.where((best == k)[..., None], rows[..., k, :], 0.0) for k in range(4))
    q = q / xp.sqrt((q * q).sum(-1))[..., None]
    return xp.where(q[..., 3:] < 0, -q, q)


def from_axis_angle(vectors: Any) -> Any:
    """The rotations about axes, right-handed, by angles in radians: of rotation vectors, axis times angle.

    Args:
        vectors: (..., 3); 0 is the identity.

    Returns:
        (..., 3, 3).

    Raises:
        ShapeError: the last axis is not of length 3, or a tensor is not of floating point.

    Example:
        >>> import numpy as np, steer
        >>> float(steer.reps.rotations.from_axis_angle([0.0, 0.0, np.pi / 2])[1, 0])  # x to y
        1.0
    """
    xp, v = _read(vectors, "vectors", (3,))
    square = (v * v).sum(-1)
    small = square < SMALL
    safe = xp.where(small, 1.0, square)
    angle = xp.sqrt(safe)
    s = square
    sine = xp.where(small, 1 - s / 6 * (1 - s / 20 * (1 - s / 42)), xp.sin(angle) / angle)
    half = xp.sin(angle / 2)
    cosine = xp.where(small, (1 - s / 12 * (1 - s / 30 * (1 - s / 56))) / 2, 2 * half * half / safe)
    x, y, z = _last(v)
    return _matrix(
        xp,
        [
            [1 - cosine * (y * y + z * z), cosine * x * y - sine * z, cosine * x * z + sine * y],
            [cosine * x * y + sine * z, 1 - cosine * (x * x + z * z), cosine * y * z - sine * x],
            [cosine * x * z - sine * y, cosine * y * z + sine * x, 1 - cosine * (x * x + y * y)],
        ],
    )


def to_axis_angle(matrices: Any) -> Any:
    """The rotation vectors of rotations, axis times angle, of length up to pi.

    Args:
        matrices: (..., 3, 3), rotations.

    Returns:
        (..., 3). Of a half turn, either of the two.

    Raises:
        ShapeError: the last axes are not (3, 3), or a tensor is not of floating point.
    """
    xp, r = _read(matrices, "matrices", (3, 3))
    q = to_quaternion(r)
    w = q[..., 3]
    square = (q[..., :3] * q[..., :3]).sum(-1)
    small = square < SMALL / 4
    length = xp.sqrt(xp.where(small, 1.0, square))
    ratio = square / xp.where(small, w * w, 1.0)  # of the square of the tangent, where it is small
    series = 2 * (1 - ratio * (1 / 3 - ratio * (1 / 5 - ratio * (1 / 7 - ratio / 9)))) / xp.where(small, w, 1.0)
    factor = xp.where(small, series, 2 * xp.arctan2(length, w) / length)
    return factor[..., None] * q[..., :3]


def _read(value: Any, argument: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The module to compute with, and what is given as an array of it."""
    torch = torch_of(value)
    if torch is None and hasattr(value, "as_matrix") and shape == (3, 3):
        value = value.as_matrix()
    x: Any = as_numbers(argument, value, ShapeError) if torch is None else value
    if tuple(x.shape[-len(shape) :]) != shape:
        wanted = ", ".join(str(size) for size in shape)
        raise ShapeError(f"{argument}: expected shape (..., {wanted}), got {tuple(x.shape)}")
    if torch is not None and not x.is_floating_point():
        raise ShapeError(f"{argument}: expected a tensor of a floating-point dtype, got {x.dtype}")
    return torch or np, x


def _last(x: Any) -> tuple[Any, ...]:
    """The components along the last axis."""
    return tuple(x[..., k] for k in range(x.shape[-1]))


def _matrix(xp: Any, rows: list[list[Any]]) -> Any:
    return xp.stack([xp.stack(row, -1) for row in rows], -2)
