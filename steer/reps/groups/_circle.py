"""Of groups made of circles and of copies of SO(3): the elements that move space as a lattice is moved to itself."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..._values import MEMBERSHIP, Array
from ..theory._lattice import Moves
from ._angles import canonical_turn


def turned(angle: Array) -> Array:
    """(n, 2, 2): the rotations of the plane by angles (n,)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def on_circles(rotation: Callable[[Array], Array], components: Array, moves: Moves) -> Array:
    """(n, N, N): elements that move space by one of the targets, one for each target and component that has any.

    All of them, but for what fixes every point; where rotations move nothing, one in each component.

    Args:
        rotation: from angles (n,) to the rotations by these, (n, N, N).
        components: (n, N, N), one element of each component.
        moves: what is sought; the action has up to three components, so that rotations act by one frequency at most.
    """
    count = 2 * moves.degree + 1
    angles = 2 * np.pi * np.arange(count) / count
    sampled = moves.action(rotation(angles))
    still, plane, across = sampled.mean(0), np.zeros_like(sampled[0]), np.zeros_like(sampled[0])
    frequency = 0
    for k in range(1, moves.degree + 1):
        cosine, sine = (2 * np.tensordot(f(k * angles), sampled, 1) / count for f in (np.cos, np.sin))
        if np.linalg.norm(cosine) > 0.5:
            frequency, plane, across = k, cosine, sine
    found = []
    for component, move in zip(components, moves.action(components), strict=True):
        wanted = move.T @ moves.targets  # of the rotation beside the component
        phase = np.arctan2(np.sum(wanted * across, (1, 2)), np.sum(wanted * plane, (1, 2)))
        cosine, sine = (f(phase)[:, None, None] for f in (np.cos, np.sin))
        away = np.abs(still + cosine * plane + sine * across - wanted).max(axis=(1, 2), initial=0.0)
        fitting = phase[away < MEMBERSHIP] if frequency else np.zeros(int((away < MEMBERSHIP).any()))
        whole = 2 * np.pi * np.arange(max(frequency, 1))
        found.append(component @ rotation(((fitting[:, None] + whole) / max(frequency, 1)).ravel()))
    return np.concatenate(found)


def dihedral(parts: Array) -> tuple[int, Fraction | None]:
    """The smallest group of the plane that contains given elements: its number of rotations, the axis of a reflection.

    Args:
        parts: (n, 2, 2), of a finite group.

    Returns:
        n and the direction of an axis as a fraction of pi, None where there is no reflection.
    """
    turns = [canonical_turn(Fraction(math.atan2(p[1, 0], p[0, 0]) / math.pi))[1] for p in parts]
    proper = np.linalg.det(parts) > 0
    flips = [turn for turn, is_proper in zip(turns, proper, strict=True) if not is_proper]
    steps = [turn for turn, is_proper in zip(turns, proper, strict=True) if is_proper]
    steps += [turn - flips[0] for turn in flips]
    count = math.lcm(*((turn / 2).limit_denominator(1000).denominator for turn in steps))
    return count, flips[0] / 2 if flips else None


def vector_frame(rotations: Array, weights: Array, moves: Moves) -> Array | None:
    """The rotation R (3, 3) with action(g) = R^T g R for rotations g of space; None where these move nothing.

    Args:
        rotations: (n, 3, 3), nodes of a quadrature of SO(3) of degree 2.
        weights: (n,).
        moves: the action.
    """
    maps = np.einsum("g,gij,gkl->jlik", weights, moves.action(rotations), rotations)  # intertwiners, by Schur's lemma
    if maps.shape[2] != 3:
        return None
    found = max(maps.reshape(9, 3, 3), key=lambda basis: float(np.linalg.norm(basis)))
    length = float(np.linalg.norm(found))
    if length < MEMBERSHIP:
        return None
    basis = found * math.sqrt(3) / length
    return np.asarray(basis.T * np.linalg.det(basis).round())
