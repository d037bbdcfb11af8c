"""Angles as fractions of pi: exact cosines, and one number for all computations of one angle."""

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..._values import Array
from ...errors import GroupError

SPACING = 367_567_200
"""Angles are told apart on a grid of this many steps to a half turn, 9e-9 radians.

All n up to 18 divide it, so that rounding commutes with the angles between the axes of those groups.
"""

SHORT = 1000
"""Fractions of pi with a denominator up to this are recognised."""

NOISE = 1e-12
"""Two computations of one number differ by less than this."""

BIAS = 0.6180339887498949
"""What is added before rounding down: no simple number is near to where the rounded value jumps, because fractions
approximate the golden ratio worse than any other number. With 1/2 it would jump at decimals that end in 5."""


FINEST = 1_000_000
"""The largest n of a name: elements that are closer than those of this n would be taken for each other."""


def require_fold(digits: str, name: str) -> int:
    """The n of a name of a group, or an error that says how large it may be."""
    if len(digits) > 4000 or not 1 <= int(digits) <= FINEST:  # more digits are no integer to Python
        least = (
            "n must be at least 1"
            if digits.strip("0") == ""
            else (
                f"n must be at most {FINEST:,}, since elements of finer groups are too close to be told apart; "
                f"beyond, take the continuous group"
            )
        )
        shown = digits if len(digits) < 30 else f"{digits[:6]}... ({len(digits)} digits)"
        raise GroupError(f"name: {name[:40]!r} has n = {shown}; {least}")
    return int(digits)


def cos_sin(turn: Fraction) -> tuple[float, float]:
    """Cosine and sine of pi * turn, exactly symmetric under the symmetries of the square: C4 is made of 0 and +-1."""
    turn = turn % 2
    quadrant, rest = divmod(turn, Fraction(1, 2))
    if rest <= Fraction(1, 4):
        c, s = math.cos(math.pi * float(rest)), math.sin(math.pi * float(rest))
    else:
        rest = Fraction(1, 2) - rest
        c, s = math.sin(math.pi * float(rest)), math.cos(math.pi * float(rest))
    if rest == Fraction(1, 4):
        c = s = math.sqrt(0.5)
    return ((c, s), (-s, c), (-c, -s), (s, -c))[int(quadrant)]


def rotation_matrix(turn: Fraction, reflected: bool = False) -> Array:
    """(2, 2): the rotation by pi * turn that turns x towards y, after the reflection y -> -y if `reflected`."""
    c, s = cos_sin(turn)
    return np.array([[c, s], [s, -c]] if reflected else [[c, -s], [s, c]]) + 0.0  # + 0.0 makes -0.0 plain


def rotation_matrices(n: int, shift: Fraction = Fraction(0), reflected: bool = False) -> Array:
    """(n, 2, 2): `rotation_matrix` at pi * (2 k / n + shift) for k = 0..n-1, with the same digits."""
    whole = math.lcm(n, shift.denominator)
    first, step = shift.numerator * (whole // shift.denominator), 2 * (whole // n)
    cosine, sine = np.empty(n), np.empty(n)
    for k in range(n):  # of integers: reduced fractions take thirty times as long
        quadrant, rest = divmod(2 * ((first + k * step) % (2 * whole)), whole)
        if 4 * rest == 2 * whole:
            c = s = math.sqrt(0.5)
        elif 2 * rest < whole:
            angle = math.pi * (rest / (2 * whole))
            c, s = math.cos(angle), math.sin(angle)
        else:
            angle = math.pi * ((whole - rest) / (2 * whole))
            c, s = math.sin(angle), math.cos(angle)
        cosine[k], sine[k] = ((c, s), (-s, c), (-c, -s), (s, -c))[quadrant]
    rows = [[cosine, sine], [sine, -cosine]] if reflected else [[cosine, -sine], [sine, cosine]]
    return np.stack([np.stack(row, -1) for row in rows], -2) + 0.0  # + 0.0 makes -0.0 plain


def _matching(g: Array, sign: float) -> tuple[Array, Array]:
    """(...): x and y of the vector whose angle is that of the R(angle) diag(1, sign) nearest to g (..., 2, 2).

    It is the matching part of g (polar decomposition); its product with (cos, sin) of any angle is the inner product
    of g with that rotation (reflection).
    """
    return g[..., 0, 0] + sign * g[..., 1, 1], g[..., 1, 0] - sign * g[..., 0, 1]


def nearest_turn(g: Array, sign: float, rotations: int, first: float = 0.0) -> tuple[npt.NDArray[np.intp], Array]:
    """(...): the k of the R(first + 2 pi k / n) diag(1, sign) nearest to g (..., 2, 2), and the inner product."""
    x, y = _matching(g, sign)
    step = 2 * np.pi / rotations
    turns = (np.arctan2(y, x) - first) / step
    k = np.round(np.where(np.isfinite(turns), turns, 0.0)).astype(np.intp) % rotations
    return k, x * np.cos(first + k * step) + y * np.sin(first + k * step)


def nearest_on_circle(g: Array, sign: float) -> tuple[Array, Array]:
    """(..., 2, 2): the R(angle) diag(1, sign) nearest to g (..., 2, 2), and (...) the inner product."""
    x, y = _matching(g, sign)
    return _on_circle(np.arctan2(y, x), sign), np.hypot(x, y)


def _on_circle(angle: Array, sign: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([c, -sign * s], -1), np.stack([s, sign * c], -1)], -2)


def angular_distance(g: Array, sign: float, rotations: int | None = None, first: float = 0.0) -> Array:
    """(...): distance of g (..., 2, 2) to the nearest R(angle) diag(1, sign): any angle, or `first` + 2 pi k / n."""
    x, y = _matching(g, sign)
    angle = np.arctan2(y, x)
    if rotations is not None:
        step = 2 * np.pi / rotations
        angle = np.round((angle - first) / step) * step + first
    return np.asarray(np.linalg.norm(g - _on_circle(angle, sign), axis=(-2, -1)))


def canonical_turn(turn: Fraction, period: Fraction | None = None) -> tuple[Fraction, Fraction]:
    """The number that an angle is known by, a fraction of pi, and the angle itself without what noise it has.

    The first is the nearest fraction with a small denominator, or else the nearest of a grid: the same for numbers that
    differ by rounding errors (but for one in about 1e7, which lie where it jumps), and its own such number. The second
    is the first where the two differ by noise only or the first is 0, and `turn` as it is elsewhere: what is derived
    from it is known by the same number whichever way it is derived.

    Args:
        turn: the angle, a fraction of pi.
        period: if given, angles that differ by it are the same, and both numbers are reduced to 0 <= x < period.
    """
    exact = turn if period is None else turn % period
    known = Fraction(math.floor(exact * SPACING + Fraction(BIAS)), SPACING)
    simple = known.limit_denominator(SHORT)
    known = simple if abs(simple - known) <= Fraction(1, SPACING) else known
    if period is not None and abs(known - period) <= Fraction(1, SPACING):
        known, exact = Fraction(0), exact - period
    return known, known if not known or abs(known - exact) < NOISE else exact


def radians(known: Fraction) -> float:
    """The first of `canonical_turn` in radians: with no more decimals than it takes to give it, if it is not simple."""
    angle = float(known) * math.pi
    if known.denominator <= SHORT:
        return angle
    near = (short for short in (round(angle, digits) for digits in range(1, 12)) if abs(short - angle) < 1e-8)
    return next((short for short in near if canonical_turn(Fraction(short / math.pi))[0] == known), angle)
