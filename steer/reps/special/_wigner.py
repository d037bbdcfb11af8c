"""Wigner matrices: how rotations of space act on the real spherical harmonics."""

import functools
import math
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ..._linalg import nearest_orthogonal
from ..._values import NEAR, NOISE, Array, are_known, as_numbers, frozen, require_count, require_room, torch_of
from ...errors import GroupError, RepresentationError, ShapeError
from ._harmonics import Tensor, harmonics, planar_powers
from ._racah import racah

NEGLIGIBLE = 1e-100
"""A sine and a cosine both below this are rounding errors of zero: their angle is arbitrary, and taken as 0."""


POINTS = 2048
"""Tensors of rotations are taken so many at a time: what is in between stays in the cache of a core."""


@overload
def wigner_d(rotations: Tensor, degree: int) -> Tensor: ...
@overload
def wigner_d(rotations: npt.ArrayLike, degree: int) -> Array: ...
def wigner_d(rotations: Any, degree: int) -> Any:
    """Matrices of rotations on the real spherical harmonics of a degree: Y(R x) = D(R) Y(x) with Y as in `harmonics`.

    They are orthogonal, and a homomorphism. Degree 0 is 1 and degree 1 is the rotation itself, in the order (x, y, z).

    Args:
        rotations: (..., 3, 3), proper rotations acting on columns. An array or nested list gives float64. A torch
            tensor gives a tensor of its dtype and device, differentiable as often as asked: its elements are
            polynomials of those of R, so no gradient is infinite at poles, half turns or the identity.
        degree: an integer >= 0.

    Returns:
        (..., 2 degree + 1, 2 degree + 1), D[..., i, j] the component i of the image of harmonic j. A rotation that is
        inexact by up to 1e-4 is taken to the nearest one first.

    Raises:
        ShapeError: the last two axes are not (3, 3), or a tensor is not of floating point.
        RepresentationError: the degree is not an integer >= 0.
        GroupError: a matrix is not a rotation to 1e-4, in the Frobenius norm of R R^T - 1 and in det R - 1.

    Source:
        Pinchon, Hoggan, J. Phys. A 40 (2007) 1597: D = Z(a) J Z(-b) J Z(c), with Z the rotations about the polar axis,
        which are sparse, and J the exchange of two axes. The three angles are found by Givens rotations that are
        removed one after another, which is stable at the poles too. Of tensors, degree by degree: D_l is the part of
        D_1 (x) D_(l-1) that `clebsch_gordan` coefficients pick out.

    Example:
        >>> import numpy as np, steer
        >>> R = steer.group("O", dim=3).elements[5]
        >>> D = steer.reps.wigner_d(R, 2)
        >>> x = np.array([0.1, -0.7, 0.4])
        >>> bool(np.allclose(steer.reps.harmonics(R @ x, 2), D @ steer.reps.harmonics(x, 2)))
        True
    """
    torch = torch_of(rotations)
    if torch is not None and torch.compiler.is_dynamo_compiling():
        return torch.compiler.disable(wigner_d)(rotations, degree)  # the coefficients are integers of any length
    matrices = rotations
    if torch is None:
        matrices = as_numbers("rotations", rotations, ShapeError, "matrices of shape (..., 3, 3)")
    if matrices.ndim < 2 or tuple(matrices.shape[-2:]) != (3, 3):
        raise ShapeError(f"rotations: expected shape (..., 3, 3), got {tuple(matrices.shape)}")
    if torch is not None and not matrices.is_floating_point():
        raise ShapeError(f"rotations: expected a tensor of a floating-point dtype, got {matrices.dtype}")
    degree = require_count("degree", degree, RepresentationError)
    count = max(1, math.prod(matrices.shape[:-2]))
    what, advice = f"matrices of degree {degree:,}", "take a lower degree, or fewer rotations at a time"
    require_room("degree", what, count * (2 * degree + 1) ** 2, advice, RepresentationError)
    if torch is None:
        distance = _distance(matrices)
        return _wigner_d(nearest_orthogonal(matrices) if distance > NOISE else matrices, degree)
    if are_known(matrices):
        _distance(as_numbers("rotations", matrices, ShapeError))
    flat = orthogonalised(matrices.reshape(-1, 3, 3))
    found = wigner_tensors(flat, degree)[degree]
    return found.to(matrices.dtype).reshape(*matrices.shape[:-2], *found.shape[1:])


def _distance(matrices: Array) -> float:
    """How far the farthest of matrices (..., 3, 3) is from a rotation, or an error where it is too far."""
    with np.errstate(invalid="ignore", over="ignore"):
        gram = matrices @ np.swapaxes(matrices, -1, -2) - np.eye(3)
        off = np.maximum(np.linalg.norm(gram, axis=(-2, -1)), np.abs(np.linalg.det(matrices) - 1))
    distance = float(np.max(off, initial=0.0))
    if not distance < NEAR:
        raise GroupError(
            f"rotations: a matrix is {distance:.3g} away from a rotation (R R^T = 1, det R = 1); "
            f"pass proper rotations, e.g. from steer.group('SO(3)', dim=3).sample(n); up to {NEAR:g} is taken for "
            f"rounding, and steer.group('SO(3)', dim=3).nearest(rotations) takes measured ones to rotations"
        )
    return distance


def orthogonalised(g: Any) -> Any:
    """(n, d, d): tensors that are orthogonal up to 1e-4 as the orthogonal ones nearest to them, of 4 bytes or more.

    Two steps of Newton, after each of which the distance is as its square before; differentiable, unlike what is
    decomposed.
    """
    found = g if g.device.type == "mps" else g.double()  # or it would add as much rounding as there is
    for _ in range(2):
        found = 1.5 * found - 0.5 * found @ (found.mT @ found)
    return found.float() if g.dtype.itemsize < 4 else found.to(g.dtype)


def wigner_tensors(rotations: Any, top: int) -> list[Any]:
    """Wigner matrices (n, size, size) of all degrees up to one at tensors (n, 3, 3), without a check."""
    torch = torch_of(rotations)
    one = rotations[:, :1, :1] ** 0  # 1 everywhere, and differentiable
    if top < 2:
        return [one, rotations][: top + 1]
    steps = [[rotations.new_tensor(side) for side in _step(degree)] for degree in range(2, top + 1)]
    parts = rotations.split(POINTS) if are_known(rotations) and rotations.device.type == "cpu" else [rotations]
    by_degree = zip(*(_degrees_above_one(torch, part, steps) for part in parts), strict=True)
    return [one, rotations, *(torch.cat(found) for found in by_degree)]


def _degrees_above_one(torch: Any, rotations: Any, steps: list[list[Any]]) -> list[Any]:
    """Degree by degree, with the rotations last while they are computed."""
    r = rotations.permute(1, 2, 0).contiguous()
    now, found = r, []
    for right, left in steps:
        size, before, count = len(left), len(now), r.shape[-1]
        once = (right @ now).view(before, 3, size, count)  # both sides of D_(l-1) (x) D_1, one after the other
        rows = [sum(r[i, j] * once[:, j] for j in range(3)) for i in range(3)]
        now = (left @ torch.stack(rows).view(3 * before, size * count)).view(size, size, count)
        found.append(now.permute(2, 0, 1).contiguous())
    return found


@functools.lru_cache(maxsize=256)
def _step(degree: int) -> tuple[Array, Array]:
    """An isometry W to degree l from the product of degrees 1 and l - 1, D_l = W (D_1 (x) D_(l-1)) W^T, l > 1.

    As (3 size, before), the index of degree 1 slowest, for W^T, and (size, 3 before) for W; size = 2 l + 1.
    """
    w = racah(1, degree - 1, degree) * math.sqrt(2 * degree + 1)
    size, _, before = w.shape
    return frozen(w.transpose(1, 0, 2).reshape(3 * size, before)), frozen(w.reshape(size, 3 * before))


def harmonic_action(g: Array, degree: int) -> Array:
    """(..., n, n): how orthogonal matrices g (..., d, d), d = 1, 2 or 3, move the harmonics of a degree."""
    sign = np.where(np.linalg.det(g) < 0, -1.0, 1.0)[..., None, None]
    if g.shape[-1] == 3:
        return np.asarray(_wigner_d(g * sign, degree) * sign**degree)
    if degree == 0:
        return np.ones((*g.shape[:-2], 1, 1))
    if g.shape[-1] == 1:
        return np.asarray(sign)
    angle = degree * np.arctan2(g[..., 1, 0], g[..., 0, 0])  # g is R(angle / degree) diag(1, sign)
    c, s, sign = np.cos(angle), np.sin(angle), sign[..., 0, 0]
    return np.stack([np.stack([c, -s * sign], -1), np.stack([s, c * sign], -1)], -2)


def _wigner_d(rotations: Array, degree: int) -> Array:
    """`wigner_d` at matrices that are known to be rotations."""
    if degree == 0:
        return np.ones((*rotations.shape[:-2], 1, 1))
    if degree == 1:
        return rotations.copy()
    # R = Rz(a) Ry(b) Rz(c), Rz turning x towards y and Ry turning z towards x. Near the poles a is ill-determined, but
    # b and c are read off Rz(-a) R for the very a that was found, so that the product is R to rounding all the same.
    cos_a, sin_a = _unit(rotations[..., 0, 2], rotations[..., 1, 2])
    cos_b, sin_b = _unit(rotations[..., 2, 2], cos_a * rotations[..., 0, 2] + sin_a * rotations[..., 1, 2])
    row = cos_a[..., None] * rotations[..., 1, :2] - sin_a[..., None] * rotations[..., 0, :2]
    cos_c, sin_c = _unit(row[..., 1], row[..., 0])
    exchange = _exchange(degree)
    # J Z(c) is the transpose of Z(-c) J. In J Z(b) J turns x towards z: hence -b.
    right = np.swapaxes(_turned(cos_c, -sin_c, exchange), -1, -2)
    return np.asarray(_turned(cos_a, sin_a, exchange) @ _turned(cos_b, -sin_b, right))


def _unit(x: Array, y: Array) -> tuple[Array, Array]:
    """Cosine and sine of the angle of (x, y), and those of 0 at the origin."""
    radius = np.hypot(x, y)
    zero = radius < NEGLIGIBLE
    radius = np.where(zero, 1.0, radius)
    return np.where(zero, 1.0, x / radius), np.where(zero, 0.0, y / radius)


def _turned(cos: Array, sin: Array, rows: Array) -> Array:
    """Z rows, for Z the rotations (...) about the polar axis of given cosine and sine, and `rows` (..., size, size).

    Z turns each pair of orders m, -m among themselves, so it is applied without being written out.
    """
    degree = rows.shape[-1] // 2
    powers = planar_powers(cos, sin, degree)
    real = np.stack([powers[abs(m)][0] for m in range(-degree, degree + 1)], -1)
    imaginary = np.stack([np.sign(-m) * powers[abs(m)][1] for m in range(-degree, degree + 1)], -1)
    return np.asarray(real[..., None] * rows + imaginary[..., None] * rows[..., ::-1, :])


@functools.lru_cache(maxsize=256)
def _exchange(degree: int) -> Array:
    """J (size, size): the exchange of y and z, Y(x, z, y) = J Y(x, y, z), for a degree above 1."""
    nodes, weights = np.polynomial.legendre.leggauss(degree + 1)  # with the angles below, exact for products of two
    angle = 2 * np.pi * np.arange(2 * degree + 1) / (2 * degree + 1)
    sine = np.sqrt(1 - nodes**2)[:, None]
    z = np.broadcast_to(nodes[:, None], (len(nodes), len(angle)))
    sphere = np.stack([sine * np.cos(angle), sine * np.sin(angle), z], -1)
    weighted = harmonics(sphere, degree) * (weights / (2 * len(angle)))[:, None, None]
    found = np.tensordot(harmonics(sphere[..., [0, 2, 1]], degree), weighted, ([0, 1], [0, 1]))
    # Harmonics that are odd in y go to those that are odd in z: the other entries are zero exactly.
    order = np.arange(-degree, degree + 1)
    odd_y, odd_z = order < 0, (degree + order) % 2 == 1
    found = np.where((odd_y[:, None] == odd_z) & (odd_z[:, None] == odd_y), found, 0.0)
    found = (found + found.T) / 2
    return frozen(found @ (3 * np.eye(len(found)) - found @ found) / 2)  # Newton's step to a square of 1
