"""Real circular harmonics: the angular parts of kernels in the plane."""

import numpy as np
import numpy.typing as npt

from ..errors import RepresentationError, ShapeError
from ._group import require_count
from ._linalg import Array


def harmonics(points: npt.ArrayLike, degree: int) -> Array:
    """Real harmonics of one degree at the directions of points in the plane.

    Degree 0 is 1; degree m > 0 is sqrt(2) cos(m t), sqrt(2) sin(m t) with t the angle from x towards y. They are
    orthonormal on the circle with normalised measure. Under an orthogonal matrix g, Y(g x) = D(g) Y(x) with D =
    `Group.harmonic(degree)`.

    Args:
        points: (..., 2); only the direction counts. At the origin, degree 0 is 1 and every other degree 0.
        degree: m >= 0.

    Returns:
        (..., 1) for degree 0, (..., 2) above.

    Raises:
        ShapeError: the points are not planar.
        RepresentationError: the degree is not an integer >= 0.
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ShapeError(f"points: expected shape (..., 2), got {x.shape}")
    degree = require_count("degree", degree, RepresentationError)
    if degree == 0:
        return np.ones((*x.shape[:-1], 1))
    radius = np.hypot(x[..., 0], x[..., 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(radius > 0, (x[..., 0] + 1j * x[..., 1]) / radius, 0.0)
    power = z**degree  # its zeros on the axes and diagonals are exact, those of cos(m t) are not
    return np.asarray(np.sqrt(2) * np.stack([power.real, power.imag], axis=-1))


def harmonic_size(dim: int, degree: int) -> int:
    """Number of harmonics of a degree on the unit sphere of R^dim."""
    if dim == 2:
        return 1 if degree == 0 else 2
    return 2 * degree + 1
