"""Nonlinearities on the samples of band-limited fields."""

import copy
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from ..._values import Array, as_numbers, require_count
from ...errors import GroupError, SteerError
from ...reps import Quadrature, Representation
from .._engine._module import Module
from .._fields._types import FieldType, require_types
from .._space._pool import MaxPool, Size
from ._elementwise import named_function
from ._samples import Band, Grids, Samples, kinds_of

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
    """A module of torch on the samples of fields; subclasses choose which."""

    instead: str

    def __init__(
        self,
        in_type: FieldType,
        function: torch.nn.Module,
        out_frequency: Band,
        grid: Grids,
        window: tuple[int, ...] = (),
    ) -> None:
        pointwise = None if window else function
        kinds = kinds_of(in_type, type(self).__name__, self.instead, out_frequency, grid, pointwise)
        samples = Samples(in_type, kinds, not window)
        super().__init__(in_type, samples.out_type)
        self.samples = samples
        self.function = function
        self.window = window

    @property
    def grids(self) -> dict[Representation, Quadrature]:
        """The grid of each band-limited representation of `in_type`."""
        return {rep: kind.grid for rep, kind in self.samples.kinds.items() if kind.grid is not None}

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self.samples.through(x, self.function)

    def equivariance_error(self, elements: npt.ArrayLike | None = None, *, samples: int = 64, seed: int = 0) -> Array:
        """The relative error ||layer(g c) - g layer(c)|| / ||layer(c)|| for each g, of the worst representation.

        In float64, for coefficients c of independent standard normal components. The worst among the band-limited
        representations of `in_type`; 0 where there are none.

        Args:
            elements: (n, d, d), elements of the group; all of a finite group of up to 48 when None, else 16 random
                ones.
            samples: number of fields c.
            seed: seed of c and of the elements.

        Returns:
            (n,), float64.

        Raises:
            GroupError: a matrix is not in the group.
            SteerError: `samples` is not an integer >= 1.
        """
        require_count("samples", samples, SteerError, 1)
        seed = require_count("seed", seed, SteerError)
        group = self.in_type.group
        if elements is None:
            elements = group.elements if group.order <= 48 else group.sample(16, seed)
        given = group._as_matrices(as_numbers("elements", elements, GroupError)).reshape(-1, *2 * [group.element_size])
        function = copy.deepcopy(self.function).to("cpu", torch.float64).eval()
        errors = np.zeros(len(given))
        for rep in self.grids:
            kind = self.samples.kinds[rep]
            part = Samples(FieldType(group, [rep]), {rep: kind}, not self.window).double()
            fields = np.random.default_rng(seed).normal(size=(samples, rep.size, *self.window))
            with torch.no_grad():
                out = part.through(torch.from_numpy(fields), function).numpy()
                turned = np.einsum("gij,nj...->gni...", rep(given), fields)
                found = np.stack([part.through(torch.from_numpy(x), function).numpy() for x in turned])
            gap = found - np.einsum("gij,nj...->gni...", kind.out(given), out)
            norms = np.linalg.norm(gap.reshape(len(given), -1), axis=1)
            errors = np.maximum(errors, norms / (np.linalg.norm(out) or 1.0))
        return errors

    def extra_repr(self) -> str:
        """Types and options, for printing."""
        nodes = ", ".join(str(len(grid)) for grid in self.grids.values())
        return f"{super().extra_repr()}, {self.function!r}, nodes=({nodes})"


class FourierAct(_Sampled):
    """A pointwise function of band-limited fields: c' = A f(S c), samples on a grid and their Fourier coefficients.

    Each field is a function u on a group G, `group.band_limited(L)`, or on its cosets, `group.quotient(H, L)`, e.g. on
    the sphere SO(3)/Cinf; a list of irreps may stand for L, as in ``SO3.quotient("Cinf", ["0", "2"])``. S takes the
    coefficients to the values of u on a grid of group elements, A those of f(u) to coefficients up to a band limit
    (Cohen et al. 2018, Spherical CNNs; Cesa, Lang, Weiler 2022, A Program to Build E(N)-Equivariant Steerable CNNs).
    Fields that the group permutes hold samples already (a trivial field is a function
    on a point), and f acts on them as they are; also on fields that change sign, if f is odd or even, see `Pointwise`.
    So a type may mix all of these.

    `group.sections(W, L)` are fields over the cosets whose values are vectors u of a representation W of H, such as
    spins on the sphere. Where H permutes the components of u (or changes their signs, and f is odd), f acts on each;
    else on the length: u -> f(|u|) u / |u|, which is continuous where f(0) = 0. A ReLU leaves lengths as they are and
    is refused; ``torch.nn.Softshrink(b)`` is max(|u| - b, 0).

    Normalisation: components of unit variance are samples of unit variance at every node, S S^T has ones on its
    diagonal. The mean square of the components of the output is that of f(u) within the band: E f(z)^2 for standard
    normal z (1/2 for ReLU, 0.645 for ELU, 0.356 for SiLU) less what is cut off, 0.45 to 0.49 for ReLU with the grids
    below. The identity is the identity, whatever the grid.

    Equivariance: f(u) is not band limited, so the sums over the grid alias. The error is round-off for a polynomial f
    of degree p if the degree of the grid is p L + L_out or more; for every f, under the symmetries of the grid and,
    where the group is finite, altogether. Else it falls with the degree, fast for smooth f. `equivariance_error`
    measures it. With the default grids, for the worst of 16 elements:

    ==========================  ============  =====  =======  =======  =======
    fields                      coefficients  nodes  relu     elu      silu
    ==========================  ============  =====  =======  =======  =======
    SO(2) band_limited(1)       3             12     1.2e-02  1.1e-03  1.2e-06
    SO(2) band_limited(3)       7             36     7.4e-03  7.4e-04  2.9e-07
    O(2) band_limited(3)        14            72     9.0e-03  7.4e-04  5.9e-07
    Dinfh band_limited(2)       20            80     1.4e-02  1.6e-03  2.0e-05
    SO(3) quotient("Cinf", 1)   4             96     5.5e-03  9.4e-04  1.1e-04
    SO(3) quotient("Cinf", 3)   16            384    9.0e-03  1.9e-03  5.8e-04
    SO(3) band_limited(1)       10            480    7.9e-03  1.6e-03  5.4e-04
    SO(3) band_limited(2)       35            672    1.6e-02  4.8e-03  3.5e-03
    O(3) band_limited(1)        20            960    8.0e-03  1.7e-03  5.8e-04
    ==========================  ============  =====  =======  =======  =======

    A default grid is mapped to itself by all elements of G that move space by a symmetry of the square, hexagonal or
    cubic lattice, however G stands and acts: thirds of a turn about (1, 1, 1), eighths where G turns the plane twice as
    fast. Where fields of a larger group are restricted, those of the smaller one count, all of a finite one. So the
    layer is exactly equivariant under turns and flips of feature maps. A circle or sphere of elements that move nothing
    (an internal SO(2), SO(3)) is no symmetry of a grid: there it errs as in the table.

    Cost: as nodes times coefficients. On SO(3) a rule without the symmetries is cheaper and coarser: for band limit 2,
    ``grid=steer.reps.quadrature(group, 6)`` has 196 nodes and an error of 0.06 (ReLU).

    Args:
        in_type: type of the input.
        function: f, "relu", "elu", "silu", "gelu", "leaky_relu", "softplus", "sigmoid" or "tanh", or an elementwise
            module of torch or function, e.g. ``torch.nn.Softsign()``; it is tried when the layer is built, as by
            `Pointwise`.
        grid: where band-limited fields are sampled: the degree of a grid of the default kind; a `steer.reps.quadrature`
            of G/H, or of G; a dictionary or a function from representations to one of these. By default the degree
            is p L + L_out with p = 7 where G/H has one dimension, 3 where it has two, 2 where it has three (there at
            least 4). All elements of a finite group, whatever the degree.
        out_frequency: band limit L_out of the band-limited fields of `out_type`, or a list of irreps or labels that are
            kept, such as ["0", "2"]; None for that of the input. With 0, the result on SO(3) is an invariant of each
            field, the mean of f(u) over the group.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: a field is neither band limited nor permuted by the group; `NormAct` and `Gate` take any.
        SteerError: unknown function, one that is not elementwise or works in place, or that leaves lengths as they are
            where it acts on these; no such band limit; `grid` is no grid, or lacks one.
        RepresentationError: a grid that is not on this group, or that does not tell apart the functions of the band.
    """

    instead = "NormAct or Gate"

    def __init__(
        self,
        in_type: FieldType,
        function: str | torch.nn.Module | Callable[[torch.Tensor], torch.Tensor] = "relu",
        *,
        grid: Grids = None,
        out_frequency: Band = None,
    ) -> None:
        super().__init__(in_type, named_function(function, FUNCTIONS), out_frequency, grid)


class FourierMaxPool(_Sampled):
    """Maximum over windows of space for each sample of a band-limited field, as Fourier coefficients.

    What `MaxPool` is for fields that the group permutes: u(g) at a position becomes the largest u(g) in its window, for
    every node g of a grid on the group; see `FourierAct` for the fields, grids and normalisation, and for how far this
    is equivariant. In the plane and in space.

    Args:
        in_type: type of the input.
        kernel_size: edge of the window, one integer or one for each axis ([z,] y, x).
        stride: step between windows, kernel_size when None.
        padding: minus infinity added on every side.
        dilation: step between the elements of a window.
        ceil_mode: keep windows that reach over the edge (which fit only on one side).
        grid: as for `FourierAct`.
        out_frequency: as for `FourierAct`.

    Shape:
        (batch, in_type.size, *space) -> (batch, out_type.size, *smaller), as for `MaxPool`.

    Raises:
        FieldTypeError: a field is neither band limited nor permuted by the group; `AvgPool` and `BlurPool` take any.
        KernelError: the group acts on no plane or space; sizes that are no positive integers, or differ between axes
            that the group mixes.
        SteerError: no such band limit; `grid` is no grid, or lacks one.
        RepresentationError: as for `FourierAct`.
    """

    instead = "AvgPool or BlurPool"

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
        out_frequency: Band = None,
    ) -> None:
        require_types(type(self).__name__, in_type=in_type)
        scalar = FieldType(in_type.group, [in_type.group.trivial])
        single = MaxPool(scalar, kernel_size, stride, padding, dilation, ceil_mode)
        pool = single.pool
        extents = zip(pool.kernel_size, pool.dilation, strict=True)  # type: ignore[arg-type]
        window = tuple((edge - 1) * step + 1 for edge, step in extents)
        super().__init__(in_type, pool, out_frequency, grid, window)
        self._sample_by(single.sampling)

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        self._check_space(x)
