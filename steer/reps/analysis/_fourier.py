"""Fourier transforms on a compact group and its cosets: coefficients of irreps <-> samples on a grid."""

import functools
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ..._linalg import INDEPENDENT
from ..._values import Array, Frozen, as_numbers, frozen, torch_of
from ...errors import RepresentationError, ShapeError
from ..special._harmonics import Tensor
from ..theory._band import Band, Kept, kept_irreps
from ..theory._cosets import columns, has_finite_index
from ..theory._group import Group, require_group
from ..theory._intertwiner import endomorphisms, intertwiners
from ..theory._representation import DirectSum, Irrep, Representation
from ..theory._tensors import as_tensor, irreps_at, require_elements
from ._quadrature import Quadrature, quadrature


@dataclass(frozen=True, repr=False)
class FourierTransform(Frozen):
    """Band-limited functions on a group G or its cosets G/H and their samples; get one from `fourier`, equal by value.

    Coefficients c (..., size) are vectors of `rep`; the function is f(h) = basis(h) @ c, invariant under h -> h k for k
    in H, and rep(g) c are the coefficients of (g f)(h) = f(g^-1 h). With `base` W the values are vectors of W, and
    f(h k) = W(k)^-1 f(h).

    Attributes:
        group: G.
        subgroup: H.
        max_frequency: irreps up to this frequency count; None for all.
        kept: the irreps that count, in the order of `Group.irreps`; None for all up to `max_frequency`.
        grid: the `Quadrature` at whose n nodes functions are sampled.
        base: W, a representation of H; None for functions with numbers as values.
    """

    group: Group
    subgroup: Group
    max_frequency: int | None
    grid: Quadrature
    kept: Kept = None
    base: Representation | None = None

    @property
    def _width(self) -> int:
        """Numbers at a node."""
        return 1 if self.base is None else self.base.size

    @functools.cached_property
    def _copies(self) -> tuple[tuple[Irrep, Array], ...]:
        """The irreps that occur, in order, each with the maps (copies, width, size) to values that make its copies."""
        group, bound = self.group, self.max_frequency
        if bound is None and not group.is_finite:
            bound = 0  # G/H is finite: H contains the identity component, so irreps with vectors fixed by H are these
        irreps = group.irreps(bound) if self.kept is None else self.kept
        found = [(psi, _generating_maps(psi, self.base or self.subgroup.trivial)) for psi in irreps]
        return tuple((psi, maps) for psi, maps in found if len(maps))

    @functools.cached_property
    def rep(self) -> Representation:
        """The representation of G on the coefficients.

        `Group.band_limited` on G, and `Group.quotient` where G/H is infinite; where it is finite, the direct sum of the
        irreps up to the frequency that occur in it, in the order of `Group.irreps`.
        """
        band = self.max_frequency if self.kept is None else self.kept
        if self.base is not None and band is not None:
            return self.group.sections(self.base, band)
        if self.kept is not None:
            return self.group.quotient(self.subgroup, self.kept)
        if self.max_frequency is not None:
            if self.subgroup == self.group.trivial_subgroup:
                return self.group.band_limited(self.max_frequency)
            if not has_finite_index(self.group, self.subgroup):
                return self.group.quotient(self.subgroup, self.max_frequency)
        return DirectSum(tuple(psi for psi, maps in self._copies for _ in maps))

    @overload
    def basis(self, elements: Tensor) -> Tensor: ...
    @overload
    def basis(self, elements: npt.ArrayLike) -> Array: ...
    def basis(self, elements: Any) -> Any:
        """The basis functions at given elements h of G.

        Copy c of an irrep psi is sqrt(psi.size) psi(h) v_c, with unit vectors v_c fixed by H, such that all U v_c with
        U in End(psi) are orthogonal. So the basis is orthonormal in L2(G), for the normalised Haar measure. With `base`
        the v_c are maps from W to psi that commute with H, of Frobenius norm 1, and the values sqrt(psi.size) v_c^T
        psi(h)^T.

        Args:
            elements: h (..., d, d). A torch tensor gives a tensor of its dtype and device, differentiable as
                `Representation.torch` is.

        Returns:
            (..., size), with `base` (..., W.size, size).

        Raises:
            GroupError: a matrix is not in the group.

        Source:
            The Peter-Weyl theorem over the reals: Bröcker, tom Dieck, Representations of Compact Lie Groups, II.6
            and III.3.
        """
        torch = torch_of(elements)
        if torch is not None:
            given = as_tensor(self.group, elements)
            require_elements(self.group, given)
            return self._basis_at(torch, given)
        found = self.group._members(elements)
        flat = found.reshape(-1, *found.shape[-2:])
        parts = []
        for psi, maps in self._copies:
            made = np.sqrt(psi.size) * columns(psi, flat, maps.reshape(-1, psi.size))
            made = made.reshape(len(flat), len(maps), self._width, psi.size)
            parts.append(np.swapaxes(made, 1, 2).reshape(len(flat), self._width, len(maps) * psi.size))
        joined = np.concatenate(parts, axis=2)
        return joined.reshape(*found.shape[:-2], *self._axes, joined.shape[2])

    @property
    def _axes(self) -> tuple[int, ...]:
        """The axes of values: none of numbers, one of vectors."""
        return () if self.base is None else (self._width,)

    def _basis_at(self, torch: Any, given: Any) -> Any:
        flat = given.reshape(-1, *given.shape[-2:])
        known = irreps_at(self.group, [psi for psi, _ in self._copies], flat)
        parts = []
        for psi, maps in self._copies:
            at = known[psi]
            made = (at @ at.new_tensor(np.sqrt(psi.size) * maps.reshape(-1, psi.size)).T).mT
            parts.append(made.unflatten(1, (len(maps), self._width)).transpose(1, 2).flatten(2))
        joined = torch.cat(parts, 2).to(given.dtype)
        return joined.reshape(*given.shape[:-2], *self._axes, joined.shape[2])

    @functools.cached_property
    def sample_matrix(self) -> Array:
        """The matrix (n, size) from coefficients to values at the nodes of the grid, read-only.

        With `base` (n W.size, size), components of a value fastest.
        """
        found = self.basis(self.grid.elements)
        return frozen(found.reshape(-1, found.shape[-1]))

    @functools.cached_property
    def analysis_matrix(self) -> Array:
        """The matrix (size, n) from values at the nodes to coefficients, a left inverse of `sample_matrix`.

        With `base` (size, n W.size).

        With a grid that integrates products of basis functions exactly, the inner products with these. With any other,
        the fit by least squares with the weights of the grid. Both commute with the symmetries of the grid.

        Raises:
            RepresentationError: the nodes do not tell all functions of the basis apart.
        """
        samples, weights = self.sample_matrix, np.repeat(self.grid.weights, self._width)
        if self._is_exact:
            return frozen((weights[:, None] * samples).T)
        root = np.sqrt(weights)
        scaled = root[:, None] * samples
        lowest = float(np.linalg.svd(scaled, compute_uv=False)[-1]) if scaled.size else 0.0
        if lowest < INDEPENDENT:
            raise RepresentationError(
                f"grid: {self.grid!r} does not tell apart all functions up to frequency {self.max_frequency} "
                f"(smallest singular value {lowest:.2g}); use a finer grid"
            )
        return frozen(np.linalg.pinv(scaled) * root)

    @property
    def _is_exact(self) -> bool:
        return self.grid.degree >= 2 * max(psi.frequency for psi, _ in self._copies)

    @overload
    def inverse(self, coefficients: Tensor) -> Tensor: ...
    @overload
    def inverse(self, coefficients: npt.ArrayLike) -> Array: ...
    def inverse(self, coefficients: Any) -> Any:
        """The inverse transform: values at the nodes of the grid from coefficients.

        Args:
            coefficients: (..., size). A torch tensor gives a tensor of its dtype and device, differentiable.

        Returns:
            (..., n), with `base` (..., n, W.size).

        Raises:
            ShapeError: the last axis is not of length size, or a tensor is not of floating point.
        """
        found = _applied("coefficients", coefficients, self.sample_matrix)
        return found if self.base is None else found.reshape(*found.shape[:-1], -1, self._width)

    @overload
    def forward(self, values: Tensor) -> Tensor: ...
    @overload
    def forward(self, values: npt.ArrayLike) -> Array: ...
    def forward(self, values: Any) -> Any:
        """The transform: coefficients from values at the nodes of the grid; the left inverse of `inverse`.

        Args:
            values: (..., n), with `base` (..., n, W.size). A torch tensor gives a tensor of its dtype and device,
                differentiable.

        Returns:
            (..., size).

        Raises:
            ShapeError: the last axes are not of these lengths, or a tensor is not of floating point.
            RepresentationError: the nodes do not tell all functions of the basis apart.
        """
        if self.base is None:
            return _applied("values", values, self.analysis_matrix)
        given: Any = as_numbers("values", values, ShapeError) if torch_of(values) is None else values
        expected = (len(self.grid), self._width)
        if tuple(given.shape[-2:]) != expected:
            raise ShapeError(f"values: expected shape (..., {expected[0]}, {expected[1]}), got {tuple(given.shape)}")
        return _applied("values", given.reshape(*given.shape[:-2], -1), self.analysis_matrix)

    def __repr__(self) -> str:
        shown = f"subgroup={self.subgroup!r}, " if self.subgroup != self.group.trivial_subgroup else ""
        shown = shown if self.base is None else f"base={self.base!r}, "
        band = self.max_frequency if self.kept is None else [psi.label for psi in self.kept]
        return f"steer.reps.fourier({self.group!r}, {band}, {shown}grid={self.grid!r})"


def fourier(
    group: Group,
    max_frequency: Band | None = None,
    *,
    subgroup: Group | str | None = None,
    grid: Quadrature | None = None,
    base: Representation | None = None,
) -> FourierTransform:
    """The Fourier transform of functions on a group G, or its cosets G/H, up to a frequency; or of fields over these.

    Args:
        group: G.
        max_frequency: irreps up to this frequency count, or those of a list of irreps or labels; None for all, where
            G/H is finite.
        subgroup: H or its name; None for functions on G.
        grid: where functions are sampled: a quadrature on G/H, or on G/K for a subgroup K of H. By default the product
            rule of degree 2 * max_frequency, with which the transforms are exact: the basis is orthonormal on the
            nodes. With a grid of lower degree, `forward` fits by least squares.
        base: a representation W of a subgroup H, for fields of W over G/H, see `Group.sections`: values are vectors of
            W and f(g h) = W(h)^-1 f(g). `subgroup` may be left out.

    Returns:
        The transform, with the representation on coefficients, matrices to and from samples, and the basis functions.

    Raises:
        GroupError: H is not a subgroup of G.
        RepresentationError: `base` is no representation of H; `max_frequency` is missing, or not an integer between 0
            and the highest frequency of the group, and no list of irreps that occur; the grid is not a quadrature on
            G/H, or has fewer nodes than there are coefficients.

    Example:
        >>> import numpy as np, steer
        >>> T = steer.reps.fourier(steer.group("SO(2)", dim=2), 2)
        >>> T.sample_matrix.shape
        (5, 5)
        >>> c = np.arange(5.0)
        >>> bool(np.allclose(T.forward(T.inverse(c)), c))
        True
    """
    group = require_group("group", group)
    small = group.trivial_subgroup if subgroup is None else group._named_subgroup(subgroup)
    if base is not None:
        if not isinstance(base, Representation) or (subgroup is not None and base.group != small):
            raise RepresentationError(f"base: expected a representation of the subgroup, got {base!r}")
        group._containing(base.group)
        small = base.group
        base = None if base == small.trivial else base
    finite = has_finite_index(group, small)
    if max_frequency is None and not finite:
        raise RepresentationError(
            f"max_frequency: {group.name}/{small.name} is infinite; pass the highest frequency to keep"
        )
    bound, kept = (None, None) if max_frequency is None else kept_irreps(group, small, max_frequency)
    if bound is not None:
        group.irreps(bound)  # refuses what is not a frequency
    if kept is not None:
        group.sections(base or small.trivial, kept)  # refuses irreps that do not occur
    if grid is None:
        degree = None if bound is None else 2 * bound
        return FourierTransform(group, small, bound, quadrature(group, degree, subgroup=small), kept, base)
    if not isinstance(grid, Quadrature) or grid.group != group or not grid.subgroup <= small:
        raise RepresentationError(f"grid: expected a quadrature on {group.name}/{small.name}, got {grid!r}")
    found = FourierTransform(group, small, bound, grid, kept, base)
    if len(grid) * found._width < found.rep.size:
        raise RepresentationError(f"grid: {len(grid)} nodes are too few for {found.rep.size} coefficients, in {grid!r}")
    return found


def _generating_maps(psi: Irrep, base: Representation) -> Array:
    """(copies, base.size, psi.size): maps psi -> W that commute with H, of which End(psi) makes an orthogonal basis.

    For the trivial W, unit vectors that H fixes. In the order of `intertwiners`, each without its part in what End(psi)
    makes of those before.
    """
    maps, ends = intertwiners(base, psi.restrict(base.group)), endomorphisms(psi)  # (k, psi.size, base.size)
    if len(ends) > 1:
        flat = maps.reshape(len(maps), psi.size * base.size)
        found, images = flat[:0], flat[:0]
        for vector in flat:
            rest = vector - images.T @ (images @ vector)
            if np.linalg.norm(rest) > INDEPENDENT:
                rest = rest / np.linalg.norm(rest)
                rest = rest - images.T @ (images @ rest)
                rest = rest / np.linalg.norm(rest)
                found = np.concatenate([found, rest[None]])
                moved = ends @ rest.reshape(psi.size, base.size)
                images = np.concatenate([images, moved.reshape(len(ends), -1)])
        maps = found.reshape(len(found), psi.size, base.size)
    return np.asarray(np.swapaxes(maps, 1, 2))


def _applied(argument: str, value: Any, matrix: Array) -> Any:
    """A matrix times the last axis of an array or tensor."""
    torch = torch_of(value)
    found: Any = as_numbers(argument, value, ShapeError) if torch is None else value
    if found.ndim < 1 or found.shape[-1] != matrix.shape[1]:
        raise ShapeError(f"{argument}: expected shape (..., {matrix.shape[1]}), got {tuple(found.shape)}")
    if torch is None:
        return found @ matrix.T
    if not found.is_floating_point():
        raise ShapeError(f"{argument}: expected a tensor of a floating-point dtype, got {found.dtype}")
    wide = found.float() if found.dtype.itemsize < 4 else found
    return (wide @ wide.new_tensor(matrix).T).to(found.dtype)
