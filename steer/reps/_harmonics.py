"""Real circular harmonics: the angular parts of kernels in the plane."""

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ._linalg import Array


def harmonics(points: npt.ArrayLike, degree: int) -> Array:
    """Real harmonics of one degree at the directions of points in the plane.

    Degree 0 is 1; degree m > 0 is sqrt(2) cos(m t), sqrt(2) sin(m t) with t the angle from x towards y. They are orthonormal
    on the circle with normalised measure. Under an orthogonal matrix g, Y(g x) = D(g) Y(x) with D = `Group.harmonic(degree)`.

    Args:
        points: (..., 2); only the direction counts. At the origin, degree 0 is 1 and every other degree 0.
        degree: m >= 0.

    Returns:
        (..., 1) for degree 0, (..., 2) above.

    Raises:
        ShapeError: the points are not planar or the degree is negative.
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ShapeError(f"points: expected shape (..., 2), got {x.shape}")
    if degree < 0:
        raise ShapeError(f"degree: expected an integer >= 0, got {degree}")
    if degree == 0:
        return np.ones((*x.shape[:-1], 1))
    radius = np.hypot(x[..., 0], x[..., 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(radius > 0, (x[..., 0] + 1j * x[..., 1]) / radius, 0.0)
    power = z**degree  # powers keep the symmetries of the square exact, angles would not
    return np.sqrt(2) * np.stack([power.real, power.imag], axis=-1)


def harmonic_size(dim: int, degree: int) -> int:
    """Number of harmonics of a degree on the unit sphere of R^dim."""
    if dim == 2:
        return 1 if degree == 0 else 2
    return 2 * degree + 1
