"""Where a group of space stands: its axes, as one canonical frame of all those that give the same matrices."""

import functools
import math
import numbers
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..._values import MEMBERSHIP, Array, Frozen, frozen
from ...errors import GroupError
from ._planar import canonical_turn, cos_sin, rotation_matrix


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


@dataclass(frozen=True, eq=False)
class Setting(Frozen):
    """A frame: the rotation `matrix` that takes the standard axes to those of the group. Angles are fractions of pi.

    z goes to the direction with angle `polar` from z and `azimuth` from x towards y; `turn` is that of the rotation
    about z that goes before the smallest rotation from z to that direction. Two settings are equal when their frames
    differ by less than 1e-9, because one group can be reached along several ways with other rounding errors.
    """

    polar: Fraction = Fraction(0)
    azimuth: Fraction = Fraction(0)
    turn: Fraction = Fraction(0)

    @functools.cached_property
    def direction(self) -> Array:
        """(3,): the image of z, a unit vector."""
        (c, s), (cos, sin) = cos_sin(self.polar), cos_sin(self.azimuth)
        return frozen([s * cos, s * sin, c])

    @functools.cached_property
    def axis(self) -> tuple[float, float, float]:
        """The image of z, its largest component 1 or -1, with no more decimals than it takes to give the setting."""
        exact = self.direction / np.abs(self.direction).max()
        for digits in range(1, 17):
            rounded = np.round(exact, digits) + 0.0
            same = _toward(rounded / np.linalg.norm(rounded))
            if (same.polar, same.azimuth) == (self.polar, self.azimuth):
                break
        x, y, z = rounded.tolist()
        return x, y, z

    @functools.cached_property
    def matrix(self) -> Array:
        """(3, 3): the frame, a rotation."""
        return frozen(tilt(self.direction) @ about_z(self.turn))

    @property
    def is_standard(self) -> bool:
        """Whether the frame is the identity."""
        return not (self.polar or self.turn)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and bool(np.abs(self.matrix - other.matrix).max() < 1e-9)

    def __hash__(self) -> int:
        return 0  # all that a tolerance allows, since equal values must have equal hashes


STANDARD = Setting()


def _toward(axis: Array, turn: float = 0.0) -> Setting:
    """The setting whose axis is a unit vector, and whose turn is an angle in radians."""
    x, y, z = (float(value) for value in axis)
    polar = canonical_turn(Fraction(math.atan2(math.hypot(x, y), z) / math.pi))
    azimuth = canonical_turn(Fraction(math.atan2(y, x) / math.pi)) if polar else Fraction(0)
    return Setting(polar, azimuth, canonical_turn(Fraction(turn / math.pi)))


def _best(frames: Array) -> Array:
    """Of equivalent frames the one with the smallest rotation angle; of equal ones, the largest in entry order."""
    keys = np.round(np.column_stack([np.trace(frames, axis1=1, axis2=2), frames.reshape(-1, 9)]), 9)
    return np.asarray(frames[max(range(len(keys)), key=lambda i: tuple(keys[i]))])


def upward(axis: Array) -> Array:
    """`axis` or its opposite, whichever has the last component above 1e-9 in size positive: an axis has no sign."""
    leading = next(value for value in axis[::-1] if abs(value) > 1e-9)
    return axis if leading > 0 else -axis


def canonical_setting(frame: Array, equivalent: Array | None) -> Setting:
    """The setting of a group whose standard axes are turned by `frame`.

    Args:
        frame: (3, 3) rotation.
        equivalent: (n, 3, 3): the rotations that leave the standard group as it is; None when all rotations about z
            and those that reverse z do.
    """
    if equivalent is None:
        return _toward(upward(frame[:, 2]))
    best = _best(frame @ equivalent)
    rest = _toward(best[:, 2]).matrix.T @ best
    return _toward(best[:, 2], math.atan2(rest[1, 0], rest[0, 0]))


def unit_vector(name: str, value: object) -> Array:
    """`value` as a unit vector of space, or an error that names the argument."""
    letters = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}
    expected = f"{name}: expected a direction such as (0, 0, 1) or 'z', got {value!r}"
    try:
        out = np.asarray(letters.get(value, value) if isinstance(value, str) else value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GroupError(expected) from error
    if out.shape != (3,) or not np.isfinite(out).all():
        raise GroupError(expected)
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
        return np.asarray((tilt(axis) @ about_z(canonical_turn(Fraction(secondary / math.pi))))[:, 0])
    out = unit_vector("secondary", secondary)
    slope = float(out @ axis)
    if abs(slope) > MEMBERSHIP:
        raise GroupError(
            f"secondary: expected a direction perpendicular to the axis, got {secondary!r}, "
            f"{math.degrees(math.acos(min(1.0, abs(slope)))):.3g} degrees from it"
        )
    return np.asarray((out - slope * axis) / np.linalg.norm(out - slope * axis))


def frame_of(axis: Array, secondary: Array) -> Array:
    """(3, 3): the rotation that takes z to `axis` and x to `secondary`, two perpendicular unit vectors."""
    return np.stack([secondary, np.cross(axis, secondary), axis], axis=1)
