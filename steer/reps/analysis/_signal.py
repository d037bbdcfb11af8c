"""Functions on the sphere by their coefficients of harmonics: values, samples, sums of Dirac functions, peaks."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._linalg import INDEPENDENT
from ..._values import MOST_VALUES, Array, Frozen, as_numbers, frozen, require_count, require_room, torch_of
from ...errors import RepresentationError, ShapeError
from ..groups._spatial import RotationGroup
from ..special._harmonics import harmonics
from ..theory._representation import DirectSum
from ._point_sets import fibonacci
from ._quadrature import quadrature

STEPS = 8
"""Newton's steps to a peak, the error of which is squared by each; the stencil limits it to 1e-8 or so."""


@dataclass(frozen=True)
class SphericalSignal(Frozen):
    """Real functions on the sphere up to a degree L, f(x) = sum_i c_i Y_i(x), with Y = `harmonics` (x, 0, ..., L).

    Coefficients c (..., size) are vectors of `rep`: rep(g) c are those of (g f)(x) = f(g^-1 x). Arrays give float64.
    Torch tensors give tensors of their dtype and device, differentiable; all but `peaks` are linear in them.

    Args:
        max_frequency: L, an integer >= 0.

    Attributes:
        max_frequency: L.

    Raises:
        RepresentationError: L is not an integer >= 0, or is above 1000.

    Example:
        >>> import numpy as np, steer
        >>> signal = steer.reps.SphericalSignal(6)
        >>> c = signal.diracs([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], [2.0, 1.0])
        >>> c.shape
        (49,)
        >>> positions, values = signal.peaks(c)
        >>> bool(positions[0, 2] > 0.99), bool(positions[1, 0] > 0.99)  # moved a little by the ripples of the other
        (True, True)
        >>> bool(np.allclose(signal.from_samples(signal.samples(c)), c))
        True
    """

    max_frequency: int

    def __post_init__(self) -> None:
        degree = require_count("max_frequency", self.max_frequency, RepresentationError)
        advice = "take a lower degree"
        require_room(
            "max_frequency",
            f"signals of degree {degree:,}",
            (degree + 1) ** 2,
            advice,
            RepresentationError,
            MOST_VALUES,
        )
        object.__setattr__(self, "max_frequency", degree)

    @property
    def size(self) -> int:
        """The number of coefficients, (L + 1)^2."""
        return (self.max_frequency + 1) ** 2

    @functools.cached_property
    def rep(self) -> DirectSum:
        """The representation of O(3) on the coefficients, the sum of `Group.harmonic` of the degrees."""
        group = RotationGroup(True)
        return DirectSum(tuple(group.harmonic(degree) for degree in range(self.max_frequency + 1)))

    @functools.cached_property
    def grid(self) -> Array:
        """Points (n, 3) of the sphere at which `samples` are taken, those of a product quadrature of degree 2 L."""
        return frozen(self._rule[0])

    @functools.cached_property
    def _rule(self) -> tuple[Array, Array]:
        rule = quadrature(RotationGroup(False), 2 * self.max_frequency, subgroup="Cinf")
        return rule.elements[..., 2], rule.weights

    def values(self, coefficients: Any, points: Any) -> Any:
        """Values at points.

        Args:
            coefficients: (..., size).
            points: (n, 3), of any length but 0; an array or a tensor.

        Returns:
            (..., n).

        Raises:
            ShapeError: a shape is another, or a tensor is not of floating point.
        """
        c, x = _alike(self._read("coefficients", coefficients, self.size), _points(points))
        return c @ self._harmonics(x).T

    def samples(self, coefficients: Any) -> Any:
        """Values at the points of `grid`; `from_samples` goes back.

        Args:
            coefficients: (..., size).

        Returns:
            (..., n).

        Raises:
            ShapeError: the last axis is not of length size, or a tensor is not of floating point.
        """
        return self.values(coefficients, self.grid)

    def from_samples(self, values: Any, points: Any = None) -> Any:
        """Coefficients of the function that has given values: exact for functions up to degree L.

        Args:
            values: (..., n).
            points: (n, 3), where they were taken; by default at `grid`. At others, the fit by least squares.

        Returns:
            (..., size).

        Raises:
            ShapeError: a shape is another, or a tensor is not of floating point.
            RepresentationError: the points do not tell all functions up to degree L apart.
        """
        x = _points(self.grid if points is None else points)
        found, x = _alike(self._read("values", values, len(x)), x)
        if points is not None and found.dtype.itemsize < 4:  # which is not decomposed
            return self.from_samples(found.float(), x.float()).to(found.dtype)
        basis = self._harmonics(x)
        if points is None:
            weights = self._rule[1] if isinstance(found, np.ndarray) else found.new_tensor(self._rule[1])
            return (found * weights) @ basis
        xp: Any = torch_of(found) or np
        lowest = float(xp.linalg.svdvals(basis)[-1]) if len(x) >= self.size else 0.0
        if lowest < INDEPENDENT * len(x) ** 0.5:
            raise RepresentationError(
                f"points: {len(x)} points do not tell apart the {self.size} functions up to degree "
                f"{self.max_frequency}; take more, or a lower degree"
            )
        return found @ xp.linalg.pinv(basis).T

    def diracs(self, points: Any, weights: Any = None) -> Any:
        """Coefficients of a sum of Dirac functions, cut at degree L; of one with weight w, the value at its point is w.

        Args:
            points: (..., n, 3), of any length but 0.
            weights: (..., n), 1 by default.

        Returns:
            (..., size).

        Raises:
            ShapeError: a shape is another, or a tensor is not of floating point.
        """
        x = _read("points", points)
        if x.ndim < 2 or x.shape[-1] != 3:
            raise ShapeError(f"points: expected shape (..., n, 3), got {tuple(x.shape)}")
        basis = self._harmonics(x) / self.size  # the squares of all harmonics add up to the size
        if weights is None:
            return basis.sum(-2)
        w, basis = _alike(self._read("weights", weights, x.shape[-2]), basis)
        return (w[..., None, :] @ basis)[..., 0, :]

    def peaks(self, coefficients: Any) -> tuple[Any, Any]:
        """The local maxima, the highest first.

        Maxima of a fine grid are taken to those of the function by Newton's method, to about 1e-7. The points have no
        gradient; `values` at them has one.

        Args:
            coefficients: (size,), of one function.

        Returns:
            The points (k, 3) of the sphere, and the values (k,). Of a constant function, none.

        Raises:
            ShapeError: the shape is another, or a tensor is not of floating point.
        """
        c = self._read("coefficients", coefficients, self.size)
        if c.ndim != 1:
            raise ShapeError(f"coefficients: expected shape ({self.size},), of one function, got {tuple(c.shape)}")
        positions, values = self._maxima(as_numbers("coefficients", c, ShapeError))
        if isinstance(c, np.ndarray):
            return positions, values
        return c.new_tensor(positions), c.new_tensor(values)

    def _maxima(self, c: Array) -> tuple[Array, Array]:
        spread = float(np.linalg.norm(c[1:]))
        if not spread > INDEPENDENT * float(np.linalg.norm(c)):
            return np.zeros((0, 3)), np.zeros(0)
        from scipy.spatial import cKDTree  # on first use: it takes longer to load than all of this package

        x = fibonacci(max(500, 30 * self.size), False)
        f = self.values(c, x)
        near = cKDTree(x).query(x, 7)[1]  # each with its six neighbours
        x = x[f >= f[near].max(1)]
        width = 1e-3 / max(1, self.max_frequency)
        for _ in range(STEPS):
            x = self._climbed(c, x, width)
        f = self.values(c, x)
        order = np.argsort(-f, kind="stable")
        kept: list[int] = []
        for i in order:  # some maxima of the grid climb to the same
            if all(np.linalg.norm(x[i] - x[j]) > 10 * width for j in kept):
                kept.append(int(i))
        return x[kept], f[kept]

    def _climbed(self, c: Array, x: Array, width: float) -> Array:
        """Points (k, 3) after a step of Newton's, uphill, with differences in the tangent plane for derivatives."""
        away = np.eye(3)[np.argmin(np.abs(x), axis=1)]
        u = np.cross(x, away)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        v = np.cross(x, u)
        stencil = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [1, -1], [-1, 1]]) * width
        around = x[:, None] + stencil[:, :1] * u[:, None] + stencil[:, 1:] * v[:, None]
        f = (self._harmonics(around) @ c).T
        slope = np.stack([f[1] - f[2], f[3] - f[4]], -1) / (2 * width)
        cross = (f[5] + f[6] - f[7] - f[8]) / 4
        bend = np.stack([f[1] + f[2] - 2 * f[0], cross, cross, f[3] + f[4] - 2 * f[0]], -1).reshape(-1, 2, 2) / width**2
        along, turned = np.linalg.eigh(bend)
        along = -np.maximum(np.abs(along), INDEPENDENT * np.abs(c).sum())  # downhill in no direction
        step = -np.einsum("kij,kj,klj,kl->ki", turned, 1 / along, turned, slope)
        longest = 0.5 / max(1, self.max_frequency)
        step *= np.minimum(1, longest / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-300))
        moved = x + step[:, :1] * u + step[:, 1:] * v
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))

    def _harmonics(self, x: Any) -> Any:
        return harmonics(x, range(self.max_frequency + 1))

    def _read(self, argument: str, value: Any, length: int) -> Any:
        found = _read(argument, value)
        if found.ndim < 1 or found.shape[-1] != length:
            raise ShapeError(f"{argument}: expected shape (..., {length}), got {tuple(found.shape)}")
        return found

    def __repr__(self) -> str:
        return f"steer.reps.SphericalSignal({self.max_frequency})"


def _read(argument: str, value: Any) -> Any:
    """An array of float64, or the tensor that is given."""
    if torch_of(value) is None:
        return as_numbers(argument, value, ShapeError)
    if not value.is_floating_point():
        raise ShapeError(f"{argument}: expected a tensor of a floating-point dtype, got {value.dtype}")
    return value


def _points(points: Any) -> Any:
    found = _read("points", points)
    if found.ndim != 2 or found.shape[1] != 3:
        raise ShapeError(f"points: expected shape (n, 3), got {tuple(found.shape)}")
    return found


def _alike(first: Any, second: Any) -> tuple[Any, Any]:
    """Two arrays, or tensors of the dtype and device of the first one."""
    if torch_of(first) is not None and torch_of(second) is None:
        return first, first.new_tensor(second)
    if torch_of(second) is not None and torch_of(first) is None:
        return second.new_tensor(first), second
    return first, second if torch_of(first) is None else second.to(first)
