"""Steerable partial differential operators: kernels made of the derivatives of a Gaussian, or of finite differences.

The homogeneous polynomials of degree n in the partial derivatives are spanned by Laplacian^j Y_L(grad), n = 2 j + L,
with Y_L the solid harmonics. Y_L(grad) turns with the degree L, so operators solve the constraint as harmonics do.
Jenner, Weiler 2022, "Steerable partial differential operators for equivariant neural networks", theorem 4.
"""

import functools
import itertools
import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..._spacing import Spacing, printed
from ..._values import Array, as_numbers, frozen, is_real, require_count
from ...errors import KernelError, ShapeError
from ...reps import Group, harmonic_size, solid_harmonics
from ._angular import AngularFunctions
from ._grid import Grid, require_grid
from ._stencils import Stencils

HIGHEST_ORDER = 4
"""Order of the operators up to which kernels go by default, where their size carries it."""

WIDTH = 0.35


class Derivatives(AngularFunctions):
    """The operators Laplacian^j Y_L(grad) up to a total order: the ring of a kernel is its order n = 2 j + L.

    A layer correlates, so a kernel K stands for the operator f -> sum over x of K(x) f(p + x).
    """

    max_order: int

    @property
    def max_frequency(self) -> int:
        return self.max_order

    @functools.cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Order and degree of each group of operators, in their order."""
        orders = range(self.max_order + 1)
        return tuple((order, degree) for order in orders for degree in range(order % 2, order + 1, 2))

    @abstractmethod
    def scales(self, dim: int) -> Array:
        """The factor of each function, which applies the operator Laplacian^j Y_L(grad) times it.

        Args:
            dim: dimension of space.

        Returns:
            (count,), float64.
        """

    def require(self, group: Group) -> None:
        if group.dim not in (2, 3):
            raise KernelError(f"basis: derivatives need a plane or a space, got {group!r}; use basis='rings'")
        super().require(group)

    @property
    def reach(self) -> str:
        return f"of derivatives up to order {self.max_order}"


@dataclass(frozen=True)
class GaussianDerivatives(Derivatives):
    """Steerable derivatives of a Gaussian G of standard deviation s: (-1)^n Laplacian^j Y_L(grad) G.

    By correlation they apply Laplacian^j Y_L(grad) to the input smoothed by G. In closed form they are::

        s^-2L (-2 / s^2)^j j! P_j(u) exp(-u) Y_L(x),    u = |x|^2 / 2 s^2,

    with P_j the Laguerre polynomial of parameter L + d/2 - 1 and Y_L the solid harmonics: Hobson's theorem Y_L(grad)
    F(|x|^2) = 2^L F^(L)(|x|^2) Y_L(x), then the Laplacian of a radial function times Y_L. Each function is divided by
    its L2 norm over R^d, as for `Rings`, which depends on n only. Units are pixels.

    Args:
        max_order: highest total order n of the derivatives.
        width: standard deviation s.

    Raises:
        KernelError: the order is not an integer >= 0, or the width not finite and > 0.

    Source:
        Hobson, The Theory of Spherical and Ellipsoidal Harmonics (1931), section 79; Jenner, Weiler 2022, section 4.2.

    Example:
        >>> import steer
        >>> steer.kernels.GaussianDerivatives(2, 0.8).sample([[0.0, 0.0]]).shape  # 1; x, y; Laplacian, degree 2
        (6, 1)
    """

    max_order: int
    width: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_order", require_count("max_order", self.max_order, KernelError))
        if not is_real(self.width) or not 0 < self.width < math.inf:
            raise KernelError(f"width: expected a finite number > 0, got {self.width!r}")
        object.__setattr__(self, "width", float(self.width))

    @classmethod
    def for_kernel(cls, shape: tuple[int, ...], max_order: int | None = None) -> "GaussianDerivatives":
        """Derivatives that fit a kernel of that shape, of width 0.35 + k / 10 pixels with k its longest edge.

        A narrow Gaussian is undersampled, a wide one cut off by the box. On frequencies up to half the Nyquist rate the
        worst of the operators deviates from a steerable response by 4% for k = 3 (orders up to 2), 30% for k = 4 (3),
        35% for k = 5 (4), 6% for k = 7 (4) and 2% for k = 9 (4), all of them together by 3%, 13%, 13%, 3% and 1%: these
        widths are the best for k up to 5, and for larger kernels the widest of those that are nearly as good.

        Args:
            shape: kernel shape ([z,] y, x).
            max_order: highest total order; by default what the kernel carries, its smallest size less one and at most
                4.

        Returns:
            The functions.

        Raises:
            KernelError: `max_order` is not an integer from 0 to what the kernel size carries.
        """
        shape = Grid(shape).shape
        return cls(carried_order(shape, max_order), WIDTH + max(shape, default=1) / 10)

    def scales(self, dim: int) -> Array:
        sizes = [harmonic_size(dim, degree) for _, degree in self.blocks]
        return np.repeat([1 / _norm(order, self.width, dim) for order, _ in self.blocks], sizes)

    def sample(self, points: npt.ArrayLike) -> Array:
        """The functions at given points, by order, then degree, then harmonic.

        Args:
            points: (..., d), in pixels.

        Returns:
            (count, ...), float64.

        Raises:
            ShapeError: the points are not of the plane or of space.
        """
        x = as_numbers("points", points, ShapeError)
        if x.ndim == 0 or x.shape[-1] not in (1, 2, 3):
            raise ShapeError(f"points: expected an array of shape (..., d), got {x.shape}")
        dim, squared = x.shape[-1], self.width**2
        u = np.sum(x**2, axis=-1) / (2 * squared)
        gaussian = np.exp(-u) / (2 * math.pi * squared) ** (dim / 2)
        out = []
        for order, degree in self.blocks:
            j = (order - degree) // 2
            factor = squared**-degree * (-2 / squared) ** j * math.factorial(j) / _norm(order, self.width, dim)
            profile = factor * _laguerre(u, j, degree + dim / 2 - 1) * gaussian
            out.append(profile * np.moveaxis(solid_harmonics(x, degree), -1, 0))
        return np.concatenate(out)


@dataclass(frozen=True, repr=False)
class FiniteDifferences(Stencils, Derivatives):
    """Stencils on the samples of a kernel that apply Laplacian^j Y_L(grad) exactly to polynomials.

    On k samples along the shortest axis they are exact on every polynomial of total degree up to k - 1, and of all such
    stencils they have the least norm. The derivative is taken at the centre of the kernel: of an even kernel, between
    samples. The stencils of one order and degree have a common factor (`scales`), with which their mean squared norm is
    1, so that coefficients of all orders are of one size.

    The functions are defined on the samples of the kernel alone. Turned operators are combinations of the operators of
    the same order and degree, so every group turns them exactly.

    Args:
        shape: kernel shape ([z,] y, x).
        max_order: highest total order n of the derivatives, below the smallest size.
        spacing: distances of neighbouring samples, as of `Grid`; derivatives are by the coordinates of its points.

    Raises:
        KernelError: the order is not an integer >= 0, the kernel too small for it, or a spacing that is none.

    Source:
        Jenner, Weiler 2022, section 4.2; Szego, Orthogonal Polynomials (1975), section 2.8, for the Gram polynomials.
    """

    shape: tuple[int, ...]
    max_order: int
    spacing: Spacing = None

    def __post_init__(self) -> None:
        grid = Grid(self.shape, spacing=self.spacing)
        object.__setattr__(self, "shape", grid.shape)
        object.__setattr__(self, "spacing", grid.spacing)
        object.__setattr__(self, "max_order", require_count("max_order", self.max_order, KernelError))
        if len(self.shape) not in (2, 3):
            raise KernelError(f"shape: expected 2 or 3 sizes ([z,] y, x), got {self.shape}")
        if min(self.shape) <= self.max_order:
            raise KernelError(
                f"max_order: derivatives of order {self.max_order} need a kernel of size {self.max_order + 1} or more "
                f"on every axis, got {' x '.join(map(str, self.shape))}"
            )

    def __repr__(self) -> str:
        own = f"shape={self.shape}, max_order={self.max_order}"
        return f"{type(self).__qualname__}({own}{printed(self.spacing)})"

    @classmethod
    def for_grid(cls, grid: Grid, max_frequency: int | None = None) -> "FiniteDifferences":
        require_grid(grid).require_square("derivative")
        return cls(grid.shape, carried_order(grid.shape, max_frequency), grid.spacing)

    @property
    def defined_on(self) -> Grid:
        return Grid(self.shape, spacing=self.spacing)

    @property
    def exact_degree(self) -> int:
        """The highest total degree of the polynomials on which every operator is exact."""
        return min(self.shape) - 1

    def require(self, group: Group) -> None:
        super().require(group)
        if group.dim != len(self.shape):
            raise KernelError(f"shape: expected {group.dim} sizes for {group.name}, got {self.shape}")

    def scales(self, dim: int) -> Array:
        sizes = [harmonic_size(dim, degree) for _, degree in self.blocks]
        return np.repeat([1 / _size(stencil) for stencil in self._operators], sizes)

    @functools.cached_property
    def _operators(self) -> tuple[Array, ...]:
        """For each block, the stencils (harmonic, m) that apply its operators, not scaled."""
        top = self.exact_degree
        values, slopes = zip(*(_gram(size, top, self.max_order) for size in self.shape), strict=True)
        if self.spacing is not None:  # derivatives by coordinates, not by samples
            orders = np.arange(self.max_order + 1)
            slopes = tuple(table / step**orders for table, step in zip(slopes, self.spacing, strict=True))
        degrees = np.indices((top + 1,) * len(self.shape)).sum(axis=0)
        found = []
        for order, degree in self.blocks:
            spectrum = _coefficients(len(self.shape), order, degree)
            for table in slopes:  # the operator on each Gram polynomial, at the centre
                spectrum = np.tensordot(spectrum, table[:, : order + 1], axes=(1, 1))
            spectrum = np.where(degrees <= top, spectrum, 0.0)
            for table in values:
                spectrum = np.tensordot(spectrum, table, axes=(1, 0))
            found.append(frozen(spectrum.reshape(len(spectrum), -1)))
        return tuple(found)

    @functools.cached_property
    def stencils(self) -> tuple[Array, ...]:
        """For each block, its stencils (harmonic, m), of mean squared norm 1."""
        return tuple(stencil / _size(stencil) for stencil in self._operators)

    @property
    def only(self) -> tuple[str, str]:
        size = " x ".join(map(str, self.shape))
        return f"finite differences are defined on the samples of a {size} kernel", "GaussianDerivatives"


def carried_order(shape: tuple[int, ...], max_order: int | None = None) -> int:
    """`max_order`, or the highest order that a kernel carries: its smallest size less one, and at most 4.

    Raises:
        KernelError: `max_order` is not an integer from 0 to that.
    """
    highest = min(min(shape, default=1) - 1, HIGHEST_ORDER)
    order = highest if max_order is None else require_count("max_frequency", max_order, KernelError)
    if order > highest:
        size, needed = " x ".join(map(str, shape)), min(order, HIGHEST_ORDER) + 1
        raise KernelError(
            f"max_frequency: a {size} kernel carries derivatives of order 0 to {highest}, got {order}"
            + (f"; use kernel_size={needed} or more" if order <= HIGHEST_ORDER else "")
        )
    return order


def _norm(order: int, width: float, dim: int) -> float:
    """L2 norm of Laplacian^j Y_L(grad) of the normalised Gaussian, with n = 2 j + L the order.

    By Parseval's theorem it is that of the transform, |k|^n Y_L(k / |k|) exp(-width^2 k^2 / 2) in absolute value.
    """
    moment = math.gamma(order + dim / 2) / (2 * width ** (2 * order + dim))  # of k^(2n + d - 1) exp(-width^2 k^2)
    surface = 2 * math.pi ** (dim / 2) / math.gamma(dim / 2)
    return math.sqrt(surface * moment / (2 * math.pi) ** dim)


def _laguerre(u: Array, j: int, parameter: float) -> Array:
    """The generalised Laguerre polynomial of degree j, by its recursion in the degree."""
    previous, current = np.zeros_like(u), np.ones_like(u)
    for k in range(j):
        previous, current = current, ((2 * k + 1 + parameter - u) * current - (k + parameter) * previous) / (k + 1)
    return current


def _size(stencil: Array) -> float:
    """Root mean squared norm of the stencils of one block."""
    return math.sqrt(float(np.sum(stencil**2)) / len(stencil))


def _gram(size: int, top: int, order: int) -> tuple[Array, Array]:
    """Gram polynomials up to degree `top`, orthonormal on `size` centred samples: values and derivatives at 0.

    Returns:
        (top + 1, size) the values on the samples, and (top + 1, order + 1) the derivatives of each order at 0.
    """
    x = np.arange(size) - (size - 1) / 2
    values, slopes = np.zeros((top + 1, size)), np.zeros((top + 1, order + 1))
    values[0] = slopes[0, 0] = 1 / math.sqrt(size)
    before = 0.0
    for n in range(top):
        # x p_n = a_(n+1) p_(n+1) + a_n p_(n-1)
        after = (n + 1) / 2 * math.sqrt((size**2 - (n + 1) ** 2) / (4 * (n + 1) ** 2 - 1))
        values[n + 1] = (x * values[n] - before * values[n - 1]) / after
        slopes[n + 1] = -before * slopes[n - 1] / after
        slopes[n + 1, 1:] += np.arange(1, order + 1) * slopes[n, :-1] / after
        before = after
    return values, slopes


@functools.lru_cache(maxsize=64)
def _coefficients(dim: int, order: int, degree: int) -> Array:
    """(harmonic, order + 1, ...): coefficients of the monomials in |x|^(order - degree) Y_L(x), axes ([z,] y, x)."""
    powers = [power for power in itertools.product(range(order + 1), repeat=dim) if sum(power) == order]
    nodes = np.asarray(powers, dtype=np.float64)  # a homogeneous polynomial is known from its values there
    monomials = np.prod(nodes[:, None, :] ** nodes[None, :, :], axis=-1)
    x = nodes[:, ::-1]
    values = np.sum(x**2, axis=1)[:, None] ** ((order - degree) // 2) * solid_harmonics(x, degree)
    out = np.zeros((values.shape[1], *[order + 1] * dim))
    out[(slice(None), *np.asarray(powers).T)] = np.linalg.solve(monomials, values).T
    return frozen(out)
