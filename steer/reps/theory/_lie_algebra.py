"""Derivatives of representations at the identity: generators of continuous groups, and their matrices."""

import numpy as np

from ..._values import Array, frozen
from ...errors import GroupError
from ._group import Group
from ._representation import Representation


def lie_algebra(of: Group | Representation) -> Array:
    """Generators X of the connected part of a continuous group, or their matrices dR(X) in a representation R.

    Every element of that part is exp(sum_i theta_i X_i), and its matrix is exp(sum_i theta_i dR(X_i)): of SO(3) and
    O(3), X are the turns about x, y and z, so that theta is the axis times the angle (right-handed) and
    [X_x, X_y] = X_z; of SO(2) and O(2) the turn of x towards y; of axial groups the turn about their axis. They are
    real and antisymmetric; physicists' Hermitian ones are i times these.

    Args:
        of: a group, or a representation of one.

    Returns:
        (n, size, size), with size that of the elements or of the representation; n = 0 for a finite group. Read-only.

    Raises:
        GroupError: `of` is neither, or is of a group whose connected part is no circle and no SO(3), a product of two
            continuous groups: take the generators of its factors.

    Source:
        Exact up to rounding: R at the turns by equidistant angles is a trigonometric polynomial of a known degree.

    Example:
        >>> import numpy as np, scipy.linalg, steer
        >>> SO3 = steer.group("SO(3)", dim=3)
        >>> X, dR = steer.reps.lie_algebra(SO3), steer.reps.lie_algebra(SO3.irrep("2"))
        >>> theta = np.array([0.3, -1.0, 0.5])
        >>> R, D = (scipy.linalg.expm(np.tensordot(theta, x, 1)) for x in (X, dR))
        >>> bool(np.allclose(SO3.irrep("2")(R), D))
        True
    """
    if isinstance(of, Group):
        return frozen(_generators(of))
    if not isinstance(of, Representation):
        raise GroupError(f"of: expected a group or a representation, got {of!r}")
    found = [_derivative(of, generator) for generator in _generators(of.group)]
    return frozen(np.array(found).reshape(-1, of.size, of.size))


def _generators(group: Group) -> Array:
    """(n, d, d): each turns by one radian in unit time."""
    if group._is_solid:
        about_z = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 0]])
        return np.stack([np.roll(about_z, (k, k), (0, 1)) for k in (1, 2, 0)])
    if group.is_finite:
        return np.zeros((0, group.element_size, group.element_size))
    if group._connected is None or len(group.identity_component) != 1:
        raise GroupError(f"of: {group!r} is neither a circle nor SO(3); take the generators of its factors")
    turn = group.identity_component[0]
    skew = turn - turn.T
    return np.asarray(skew / np.linalg.norm(skew) * np.sqrt(2))[None]


def _derivative(rep: Representation, generator: Array) -> Array:
    """D at t = 0 of rep(exp(t generator)), a sum of cosines and sines up to the degree."""
    top = rep._degree
    angle = 2 * np.pi * np.arange(2 * top + 1) / (2 * top + 1)
    wave = angle[:, None, None]
    turns = np.eye(len(generator)) + np.sin(wave) * generator + (1 - np.cos(wave)) * generator @ generator
    order = np.arange(1, top + 1)
    weights = 2 / len(angle) * (np.sin(angle[:, None] * order) @ order.astype(np.float64))
    found = np.tensordot(weights, rep._matrices(turns), 1)
    return np.asarray(found - found.T) / 2
