"""The matrices that map lattices to themselves, and what is asked of a group about its elements that move space so."""

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..._values import Array, frozen


class Moves(NamedTuple):
    """How elements of a group move space, and the moves that are sought among these.

    Attributes:
        action: from elements (n, N, N) to matrices (n, d, d), a homomorphism.
        degree: a frequency that no irrep of the action exceeds.
        targets: (t, d, d).
    """

    action: Callable[[Array], Array]
    degree: int
    targets: Array


def signed_permutations(dim: int) -> Array:
    """(2^d d!, d, d): the matrices that map the square or cubic grid to itself, the identity first."""
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=dim)))
    axes = np.array([np.eye(dim)[list(order), :] for order in itertools.permutations(range(dim))])
    moves = axes[:, None] * signs[None, :, None, :]
    return np.asarray(moves.reshape(len(axes) * len(signs), dim, dim) + 0.0)  # makes -0.0 plain


@functools.lru_cache(maxsize=8)
def lattice_moves(dim: int) -> Array:
    """(n, d, d): the matrices that map the square, cubic or hexagonal lattice to itself."""
    found = signed_permutations(dim)
    if dim != 2:
        return frozen(found)
    angle = np.arange(6) * np.pi / 3
    c, s = np.cos(angle), np.sin(angle)
    turns = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    return frozen(np.concatenate([found, turns, turns @ np.diag([1.0, -1.0])]))
