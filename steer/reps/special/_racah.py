"""Coupling of real spherical harmonics: Clebsch-Gordan coefficients of SO(3) by Racah's formula, in exact integers."""

import functools
import itertools
import math

import numpy as np

from ..._linalg import fix_sign
from ..._values import Array, frozen
from ._harmonics import harmonic_orders


@functools.lru_cache(maxsize=4096)
def racah(l1: int, l2: int, l3: int) -> Array:
    """The intertwiner D_l3 <- D_l1 (x) D_l2 of rotations, in the real basis of `harmonics` (`wigner_d`).

    It is unique up to a factor, exists for |l1 - l2| <= l3 <= l1 + l2 (asserted) and obeys

        sum_ab T[c, a, b] D_l1[a, a'] D_l2[b, b'] = sum_c' D_l3[c, c'] T[c', a', b'].

    Returns:
        (2 l3 + 1, 2 l1 + 1, 2 l2 + 1), read-only, of unit Frobenius norm, with the first component (in index order)
        above 1e-6 in size positive. Each component is the float64 nearest to its exact value.

    Source:
        Racah, Phys. Rev. 62 (1942) 438, eq. 15-16; Varshalovich, Moskalev, Khersonskii, Quantum Theory of Angular
        Momentum (1988), section 8.2. Coupling of real harmonics: Homeier, Steinborn, J. Mol. Struct. (Theochem) 368
        (1996) 31.
    """
    assert abs(l1 - l2) <= l3 <= l1 + l2, f"degrees {l1}, {l2}, {l3} do not couple: they break the triangle inequality"
    # T is the one invariant of the three representations, whatever their order: real ones are their own duals.
    degrees = (l3, l1, l2)
    ascending = sorted(range(3), key=degrees.__getitem__)
    found = _invariant(*(degrees[axis] for axis in ascending)).transpose([ascending.index(axis) for axis in range(3)])
    return frozen(fix_sign(np.ascontiguousarray(found)) + 0.0)  # + 0.0 makes -0.0 plain


@functools.lru_cache(maxsize=1024)
def _invariant(l1: int, l2: int, l3: int) -> Array:
    """(2 l1 + 1, 2 l2 + 1, 2 l3 + 1): the invariant of unit norm, up to its sign.

    The cosines and sines of order |m| are the harmonics of orders m and -m times phases over sqrt(2). The complex
    coefficients of orders (m1, m2, m1 + m2) and of their negatives are equal up to a sign, so each real coefficient is
    one complex coefficient times a phase and, where no order is zero, 1 / sqrt(2). With an odd number of sines the
    phase is imaginary. Such coefficients are the only ones when l1 + l2 + l3 is odd, and vanish otherwise.
    """
    first, second, third = ({m: i for i, m in enumerate(harmonic_orders(degree))} for degree in (l1, l2, l3))
    odd = (l1 + l2 + l3) % 2
    kinds = [sines for sines in itertools.product((False, True), repeat=3) if sum(sines) % 2 == odd]
    out = np.zeros((len(first), len(second), len(third)))
    for m1 in range(l1 + 1):
        for m2 in range(-l2 if m1 else 0, l2 + 1):
            orders = (m1, m2, m1 + m2)
            if abs(m1 + m2) > l3:
                continue
            value = _coefficient(l1, l2, l3, m1, m2)
            for sines in kinds:
                if any(sine and m == 0 for sine, m in zip(sines, orders, strict=True)):
                    continue
                a, b, c = (-abs(m) if sine else abs(m) for sine, m in zip(sines, orders, strict=True))
                out[first[a], second[b], third[c]] = value * _phase(sines, orders)
    return out


def _phase(sines: tuple[bool, ...], orders: tuple[int, ...]) -> int:
    """What the change to sines and cosines multiplies a complex coefficient with; over i for an odd number of sines.

    Of the harmonic of order m, with the Condon-Shortley phase s, a cosine holds s, a sine -i s sign(m). The first two
    factors of the product are conjugated.
    """
    condon_shortley = sum(m for m in orders if m > 0)
    signs = sum(sine and m < 0 for sine, m in zip(sines, orders, strict=True))
    return -1 if (condon_shortley + signs + sum(sines) // 2 + sines[2]) % 2 else 1


def _coefficient(l1: int, l2: int, l3: int, m1: int, m2: int) -> float:
    """<l1 m1 l2 m2 | l3 m1+m2> / sqrt(2 l3 + 1), over sqrt(2) where no order is zero; rounded once.

    Racah's sum with its factorials gathered into binomials, which makes an integer of it.
    """
    m3 = m1 + m2
    a, b, c = l1 + l2 - l3, l1 + l3 - l2, l2 + l3 - l1
    terms = range(min(a, l1 - m1, l2 + m2) + 1)
    total = sum((-1) ** k * math.comb(a, k) * math.comb(b, l1 - m1 - k) * math.comb(c, l2 + m2 - k) for k in terms)
    pairs = ((l1, m1), (l2, m2), (l3, m3))
    squares = math.prod(math.factorial(degree + m) * math.factorial(degree - m) for degree, m in pairs)
    norm = math.prod(map(math.factorial, (l1 + l2 + l3 + 1, a, b, c))) * (2 if m1 and m2 and m3 else 1)
    root = _root(total**2 * squares, norm)
    return -root if total < 0 else root


def _root(numerator: int, denominator: int) -> float:
    """The float64 nearest to sqrt(numerator / denominator), at most 1."""
    shift = (denominator.bit_length() - numerator.bit_length()) // 2 + 64
    quotient, rest = divmod(numerator << 2 * shift, denominator)
    root = math.isqrt(quotient)
    inexact = rest > 0 or root * root < quotient
    # 64 bits or so, the last of them set if any are missing: so the one rounding, to 53 bits, sees which side it is on
    return math.ldexp(root | inexact, -shift)
