"""Nonlinearities on the samples of band-limited fields."""

from typing import Final

import numpy.typing as npt
import torch

from ..errors import FieldTypeError
from ..reps import Quadrature, Representation
from ..reps._linalg import Array
from ._conv import per_axis
from ._field_type import FieldType
from ._gate import named_function
from ._module import Module, traced
from ._pool import LARGEST, Size, pooled, windows
from ._samples import Grids, Samples, kinds_of

FUNCTIONS: Final[dict[str, type[torch.nn.Module]]] = {
    "relu": torch.nn.ReLU,
    "elu": torch.nn.ELU,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
    "leaky_relu": torch.nn.LeakyReLU,
    "softplus": torch.nn.Softplus,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
}


class _Sampled(Module):
    """A layer that acts on the samples of fields; subclasses say how, by `function` and `_compute`."""

    function: torch.nn.Module

    def __init__(self, in_type: FieldType, out_frequency: int | None, grid: Grids) -> None:
        layer = type(self).__name__
        if not isinstance(in_type, FieldType):
            raise FieldTypeError(f"in_type: {layer} expects a FieldType, got {in_type!r}")
        samples = Samples(in_type, kinds_of(in_type, layer, out_frequency, grid))
        super().__init__(in_type, samples.out_type)
        self.samples = samples

    @property
    def grids(self) -> dict[Representation, Quadrature]:
        """Where the fields of each band-limited representation are sampled."""
        return dict(self.samples.grids)

    def _error(
        self, elements: npt.ArrayLike | None, samples: int, seed: int, space: tuple[int, ...]
    ) -> dict[Representation, Array]:
        return self.samples.equivariance_error(self.function, elements, samples, seed, space)

    def _export(self) -> torch.nn.Module:
        return traced(self)

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        nodes = ", ".join(f"{rep.name}: {len(grid)} nodes" for rep, grid in self.grids.items())
        return ", ".join(filter(None, (super().extra_repr(), repr(self.function), nodes)))


class FourierAct(_Sampled):
    """A pointwise function of fields that are functions on a group or its cosets: c -> A f(S c).

    S evaluates the function with Fourier coefficients c at the n nodes of a grid, f acts on each value, and A takes the
    values back to coefficients up to the band limit, exactly where they are of one (Cohen et al. 2018, Spherical CNNs;
    de Haan et al. 2021, Gauge Equivariant Mesh CNNs, section 5; Cesa et al. 2022, appendix C). Both are scaled so that
    coefficients of unit variance give samples of unit variance, and A S = 1. (batch, in_type.size, ...) to
    (batch, out_type.size, ...).

    Fields are `G.band_limited(L)`, functions on G, `G.quotient(H, L)`, functions on G/H (SO(3)/Cinf is the sphere), or
    what these restrict to; and fields that the group permutes, which are their own samples: on them f acts as it is.

    A group element turns the grid, so the layer is equivariant up to the quadrature error, which the band limit of f(S
    c) decides. It is exact (to round-off) for elements that map the grid to itself, for all where f is a polynomial of
    degree p and the grid of degree p L + L_out. By default the grid of a continuous group is symmetric under what maps
    square, hexagonal or cubic lattices to themselves, under a finite group whose fields are restricted from a larger
    group it is symmetric too, and that of a finite group are all elements. Its degree is 4 (L + L_out) on groups of
    rotations about one axis, 2 (L + L_out) on spheres, 3/2 (L + L_out), at least 4, on SO(3) and O(3). The error, which
    `equivariance_error` measures, relative to the norm of the output, for random fields and group elements (rms):

    ==================================  =====  ======  ======  ======  ======
    field                               nodes  cost    relu    elu     silu
    ==================================  =====  ======  ======  ======  ======
    TABLE
    ==================================  =====  ======  ======  ======  ======

    cost: multiplications for each coefficient of a field, twice the number of nodes. A coarser grid costs less, as do
    `Gate` and `NormAct`, which are exact for every element.

    Args:
        in_type: band-limited fields, and fields that the group permutes, in any order; those of one kind cost least
            side by side.
        function: f, "relu", "elu", "silu", "gelu", "leaky_relu", "softplus", "sigmoid" or "tanh", or an elementwise
            module, e.g. ``torch.nn.Softsign()``.
        grid: the degree of the quadrature, or one of `steer.reps.quadrature` on the group (cosets) that the fields are
            functions on; or a dictionary or function from the representations of fields to these. None for the above.
        out_frequency: band limit L_out of the output, that of each field when None. A higher one keeps more of f(S c).

    Raises:
        FieldTypeError: `in_type` is no FieldType, or a field is neither band limited nor permuted.
        SteerError: unknown function, or no elementwise torch module; one that works in place, on the layer's input; an
            `out_frequency` that the group does not have; what is no grid.
        RepresentationError: a grid on another group, or with too few nodes.
    """

    def __init__(
        self,
        in_type: FieldType,
        function: str | torch.nn.Module = "relu",
        *,
        grid: Grids = None,
        out_frequency: int | None = None,
    ) -> None:
        super().__init__(in_type, out_frequency, grid)
        self.function = named_function(function, FUNCTIONS)

    def equivariance_error(
        self, elements: npt.ArrayLike | None = None, *, samples: int = 64, seed: int = 0
    ) -> dict[Representation, Array]:
        """||f(rho c) - rho f(c)|| / ||f(c)|| for each band-limited representation and group element, in float64.

        The norms are those of all `samples` fields c together, of independent normal components. Fields that the group
        permutes have no error. Equal arguments give equal numbers.

        Args:
            elements: (n, d, d), elements of the group; 16 random ones when None.
            samples: how many fields.
            seed: of the fields and elements.

        Returns:
            (n,) for each representation.

        Raises:
            GroupError: a matrix is not in the group.
            SteerError: `samples` is no integer >= 1.
        """
        return self._error(elements, samples, seed, ())

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self.samples.mapped(x, self.function)


class FourierMaxPool(_Sampled):
    """Maximum over windows of space, of fields that are functions on a group or its cosets, at each sample.

    The fields, their grids and the error are those of `FourierAct`, with the maximum in the place of f; shapes, windows
    and exactness on the grid of space are those of `MaxPool`, which does the same with fields that the group permutes.
    (batch, in_type.size, *space) to (batch, in_type.size, *smaller space).

    The error is that of a kink, as of a ReLU: for windows of 2^d and the default grids, 2^2 on SO(2) at L=3 POOL1, 2^3
    on SO(3) at L=2 POOL2.

    Args:
        in_type: band-limited fields, and fields that the group permutes.
        kernel_size: edge of the window, one integer or one for each axis ([z,] y, x).
        stride: step between windows, kernel_size when None.
        padding: minus infinity added to the samples on every side.
        dilation: step between the elements of a window.
        ceil_mode: keep windows that reach over the edge (which fit only on one side).
        grid: as for `FourierAct`.

    Raises:
        FieldTypeError: `in_type` is no FieldType, or a field is neither band limited nor permuted.
        KernelError: the group acts on no plane or space; sizes that are no positive integers, or differ between axes
            that the group mixes.
        SteerError: what is no grid.
        RepresentationError: a grid on another group, or with too few nodes.
    """

    def __init__(
        self,
        in_type: FieldType,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        *,
        grid: Grids = None,
    ) -> None:
        super().__init__(in_type, None, grid)
        window: dict[str, Size | None] = {
            "kernel_size": kernel_size,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
        }
        self.function = windows(in_type.group, LARGEST, window, ceil_mode=ceil_mode)
        # the smallest space that holds a window
        sizes, steps = (per_axis(name, window[name], in_type.group.dim, 1) for name in ("kernel_size", "dilation"))
        self.window = tuple(step * (size - 1) + 1 for size, step in zip(sizes, steps, strict=True))

    def equivariance_error(
        self, elements: npt.ArrayLike | None = None, *, samples: int = 16, seed: int = 0
    ) -> dict[Representation, Array]:
        """The error for fields of white noise in one window, each turned in place; as `FourierAct.equivariance_error`.

        Args:
            elements: (n, d, d), elements of the group; 16 random ones when None.
            samples: how many windows.
            seed: of the fields and elements.

        Returns:
            (n,) for each representation.

        Raises:
            GroupError: a matrix is not in the group.
            SteerError: `samples` is no integer >= 1.
        """
        return self._error(elements, samples, seed, self.window)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self.samples.mapped(x, self._pooled)

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        return pooled(self.function, x)
