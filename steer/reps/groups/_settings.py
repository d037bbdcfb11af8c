"""Where a group of space stands: its axes, as one canonical frame of all those that give the same matrices."""

import functools
import itertools
import math
import numbers
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..._values import MEMBERSHIP, NEAR, Array, Frozen, as_numbers, frozen
from ...errors import GroupError
from ._angles import BIAS, NOISE, SHORT, canonical_turn, cos_sin, rotation_matrix


def about_z(turn: Fraction) -> Array:
    """(3, 3): the rotation by pi * turn about z, x towards y."""
    out = np.eye(3)
    out[:2, :2] = rotation_matrix(turn)
    return out


def tilt(axis: Array) -> Array:
    """(3, 3): the smallest rotation that takes z to a unit vector with axis[2] > -1 (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, 0, x], [0, 0, y], [-x, -y, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + z) + 0.0)


def snapped(g: Array) -> Array:
    """`g` with entries that are 0, 1/2 or 1 up to rounding made exactly that, and all others left alone."""
    near = np.round(2 * g) / 2
    return np.where(np.abs(g - near) < 1e-12, near, g) + 0.0


DIGITS = 8
"""Decimals of the components of an axis whose largest is 1 or -1."""

TIE = 1e-7
"""Numbers that differ by less are equal where one of several frames is chosen: more than rounding changes."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Setting(Frozen):
    """A frame: the rotation `matrix` that takes the standard axes to those of the group, known by three numbers.

    z goes to the direction of `axis`, after a rotation about z by pi * `turn` and the smallest rotation that brings z
    there. Both numbers are rounded to 1e-8, or simple fractions: settings are equal, and print, by them, so that one
    group that is reached along several ways with other rounding errors is one value. The matrix is made of `direction`
    and `exact`, which keep the digits beyond: subgroups of subgroups do not gather the errors of rounding.

    Attributes:
        axis: the image of z, its largest component 1 or -1.
        turn: a fraction of pi.
        direction: the image of z, a unit vector.
        exact: the turn.
    """

    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    turn: Fraction = Fraction(0)
    direction: tuple[float, float, float] = field(default=(0.0, 0.0, 1.0), compare=False)
    exact: Fraction = field(default=Fraction(0), compare=False)

    @functools.cached_property
    def matrix(self) -> Array:
        """(3, 3): the frame, a rotation."""
        return frozen(tilt(np.array(self.direction)) @ about_z(self.exact))

    @property
    def is_standard(self) -> bool:
        """Whether the frame is the identity."""
        return self == STANDARD


STANDARD = Setting()


def canonical_axis(vector: Array) -> tuple[Triple, Triple]:
    """The numbers that a direction is known by, and the direction itself without what noise it has, a unit vector.

    The second is what the first stand for where `vector` differs from them by noise only, or they are z, and `vector`
    elsewhere; see `canonical_turn`.
    """
    known, unit = _rounded(vector), vector / np.linalg.norm(vector)
    named = _named(known)
    decimals = np.array(known) / np.linalg.norm(known)
    noise = min(np.abs(unit - named).max(), np.abs(unit - decimals).max()) < NOISE
    a, b, c = (named if noise or known == STANDARD.axis else unit).tolist()
    return known, (a, b, c)


def _rounded(vector: Array) -> Triple:
    x, y, z = _rounded_all(vector).tolist()
    return x, y, z


def _rounded_all(vectors: Array) -> Array:
    """(..., 3): the numbers that vectors (..., 3) are known by."""
    return np.asarray(np.floor(vectors / np.abs(vectors).max(-1, keepdims=True) * 10**DIGITS + BIAS) / 10**DIGITS)


@functools.lru_cache(maxsize=4096)
def _named(known: Triple) -> Array:
    """(3,): the unit vector that rounded numbers stand for.

    It is an axis of the icosahedron, or has simple ratios, or lies in a coordinate plane at a simple fraction of pi;
    else it is what the numbers say.
    """
    if known in _icosahedral_axes():
        return _icosahedral_axes()[known]
    ratios = np.array([float(Fraction(value).limit_denominator(100)) for value in known])
    plane = [i for i in (1, 2, 0) if known[i] != 0]  # three of them outside of the coordinate planes
    if _rounded(ratios) != known and len(plane) == 2:
        angle = math.atan2(known[plane[1]], known[plane[0]])
        ratios[plane] = cos_sin(Fraction(angle / math.pi).limit_denominator(SHORT))
    exact = ratios if _rounded(ratios) == known else np.array(known)
    return frozen(exact / np.linalg.norm(exact))


@functools.lru_cache(maxsize=1)
def _icosahedral_axes() -> dict[Triple, Array]:
    """The 31 axes of the icosahedron in the standard setting, by the numbers that they are known by."""
    phi = (1 + math.sqrt(5)) / 2
    shapes = np.array([(0, 1, phi), (1, 1, 1), (0, 1 / phi, phi), (0, 0, 1), (1, phi, 1 / phi)])
    signs = np.array(list(itertools.product((1, -1), repeat=3)))
    shifts = (np.arange(3) - np.arange(3)[:, None]) % 3
    axes = (shapes[:, None] * signs)[:, :, shifts].reshape(-1, 3)
    axes = np.where(points_up(axes)[:, None], axes, -axes)
    # together: one by one they take as long as a small network
    numbers = _rounded_all(axes).tolist()
    found = dict(zip(map(tuple, numbers), axes, strict=True))
    return {known: frozen(axis / np.linalg.norm(axis)) for known, axis in found.items()}


def ranks(keys: Array) -> npt.NDArray[np.intp]:
    """(n, k): the places of the numbers of each column (n, k) among its values, numbers that differ by noise together.

    Rounding would tear apart equal numbers that lie where it jumps.
    """
    order = np.argsort(keys, axis=0)
    steps = np.zeros(keys.shape, dtype=bool)
    steps[1:] = np.diff(np.take_along_axis(keys, order, axis=0), axis=0) > TIE
    out = np.empty_like(order)
    np.put_along_axis(out, order, np.cumsum(steps, axis=0), axis=0)
    return out


def points_up(axes: Array) -> npt.NDArray[np.bool_]:
    """(...): whether the last component of vectors (..., 3) that is not 0 is positive."""
    x, y, z = np.moveaxis(axes, -1, 0)
    return np.asarray(np.where(np.abs(z) > TIE, z, np.where(np.abs(y) > TIE, y, x)) > 0)


def upward(axis: Array) -> Array:
    """`axis` or its opposite, whichever points up: an axis has no sign."""
    return axis if points_up(axis) else -axis


def canonical_setting(frame: Array, equivalent: Array | None) -> Setting:
    """The setting of a group whose standard axes are turned by `frame`.

    Of all frames that give the same group it is the one with the smallest rotation angle among those whose axis points
    up; of equal ones, the largest in entry order.

    Args:
        frame: (3, 3) rotation.
        equivalent: (n, 3, 3): the rotations that leave the standard group as it is, of which some reverse z; None when
            all rotations about z and those that reverse z do.
    """
    if equivalent is None:
        axis, direction = canonical_axis(upward(frame[:, 2]))
        return Setting(axis, direction=direction)
    frames = frame @ equivalent
    frames = frames[points_up(frames[:, :, 2])]
    keys = ranks(np.column_stack([np.trace(frames, axis1=1, axis2=2), frames.reshape(-1, 9)]))
    places = np.arange(len(keys))
    for key in keys.T:
        places = places[key[places] == key[places].max()]
    best = frames[places[0]]
    axis, direction = canonical_axis(best[:, 2])
    rest = tilt(best[:, 2]).T @ best
    turn, exact = canonical_turn(Fraction(math.atan2(rest[1, 0], rest[0, 0]) / math.pi))
    return Setting(axis, turn, direction, exact)


def unit_vector(name: str, value: object) -> Array:
    """`value` as a unit vector of space, or an error that names the argument."""
    letters = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}
    try:
        out = as_numbers(name, letters.get(value, value) if isinstance(value, str) else value, GroupError)
        if out.shape != (3,) or not np.isfinite(out).all():
            raise ValueError("not three numbers")
    except (TypeError, ValueError) as error:
        raise GroupError(f"{name}: expected a direction such as (0, 0, 1) or 'z', got {value!r}") from error
    length = float(np.linalg.norm(out))
    if length < MEMBERSHIP:
        raise GroupError(f"{name}: expected a direction, got a vector of length zero: {value!r}")
    return np.asarray(out / length)


def perpendicular(axis: Array, secondary: object) -> Array:
    """The unit vector that a `secondary` direction means beside a principal axis.

    A vector is taken as it is and must be perpendicular to the axis; a number is an angle in radians about the axis,
    from where the smallest rotation of z to the axis takes x.
    """
    if isinstance(secondary, numbers.Real):
        if not math.isfinite(secondary):
            raise GroupError(f"secondary: expected an angle in radians or a direction, got {secondary!r}")
        secondary = float(secondary)
        return np.asarray((tilt(axis) @ about_z(canonical_turn(Fraction(secondary / math.pi))[1]))[:, 0])
    out = unit_vector("secondary", secondary)
    slope = float(out @ axis)
    if abs(slope) > NEAR:
        raise GroupError(
            f"secondary: expected a direction perpendicular to the axis, got {secondary!r}, "
            f"{math.degrees(math.acos(min(1.0, abs(slope)))):.3g} degrees from it"
        )
    return np.asarray((out - slope * axis) / np.linalg.norm(out - slope * axis))


def frame_of(axis: Array, secondary: Array) -> Array:
    """(3, 3): the rotation that takes z to `axis` and x to `secondary`, two perpendicular unit vectors."""
    return np.stack([secondary, np.cross(axis, secondary), axis], axis=1)
