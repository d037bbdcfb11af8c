"""Checks of equivariance and of groups, for tests of your own code as much as for those of this package."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.ndimage
import torch

from ._values import EXACT, Array, as_numbers, is_count, is_real, require_count
from .errors import FieldTypeError, GroupError, SteerError
from .nn import FieldType
from .reps import Group, Irrep, Representation

__all__ = [
    "TOLERANCES",
    "assert_equivariant",
    "assert_group",
    "assert_kernel_constraint",
    "equivariance_error",
    "grid_symmetries",
]

TOLERANCES: Final = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}
"""Largest relative error of an exact equivariance, keyed by dtype."""


@runtime_checkable
class KernelSampler(Protocol):
    """What `assert_kernel_constraint` asks of a kernel basis; `steer.kernels.kernel_basis` returns one."""

    in_rep: Representation
    out_rep: Representation

    def sample(self, points: Array) -> npt.ArrayLike:
        """(len, out, in, m): the basis at points (m, d)."""
        ...


Kernel = Callable[[Array], npt.ArrayLike]


def grid_symmetries(group: Group) -> Array:
    """The elements of a group that map a square (cubic) grid to itself, the identity first.

    They are the signed permutation matrices in the group: quarter turns and flips. In a direct product they stand
    beside all elements of an internal finite group, and of a group that acts on space through a representation they are
    those that move it like that. Of other continuous groups of these kinds they are some of many.

    Args:
        group: any group.

    Returns:
        (n, d, d), float64.

    Raises:
        GroupError: it is no group.

    Example:
        >>> import steer
        >>> len(steer.testing.grid_symmetries(steer.group("SO(2)", dim=2)))
        4
    """
    if not isinstance(group, Group):
        raise GroupError(f"group: expected a group such as steer.group('C4', dim=2), got {group!r}")
    return group._grid_symmetries()


def equivariance_error(
    module: torch.nn.Module,
    x: torch.Tensor | None = None,
    *,
    elements: npt.ArrayLike | None = None,
    shape: Sequence[int] | None = None,
    dtype: torch.dtype | None = None,
    seed: int = 0,
    margin: float | None = None,
    in_type: FieldType | None = None,
    out_type: FieldType | None = None,
) -> Array:
    """The relative error ||module(g x) - g module(x)|| / ||module(x)|| for each group element g.

    The module runs in evaluation mode without gradients and is left in the mode it was in. Quarter turns and flips act
    on the samples exactly. Other elements act by cubic splines, so the error then includes that of interpolation; to
    keep it small the default input is low-pass noise (a Gaussian of 2 pixels) that fades out within the disk inscribed
    in the grid, and only outputs inside that disk, less `margin`, are compared.

    Args:
        module: a steer module, or any module on plain tensors with `in_type` and `out_type` given.
        x: input (batch, in_type.size, *space); random when None.
        elements: (n, d, d), elements of the group; those that map the grid to itself when None (`grid_symmetries`).
        shape: (batch, *space) of the random input, (batch,) for features without positions; (2, 33, 33) in the
            plane when None, (2, 17, 17, 17) in space. Networks that subsample are exact for suitable sizes only.
        dtype: dtype of the random input; that of the module's first parameter or buffer when None, else float32.
        seed: seed of the random input.
        margin: output pixels to leave out around the inscribed disk; 2 when None. With a value also for exact elements,
            which else are compared everywhere.
        in_type: type of the input, `module.in_type` when None.
        out_type: type of the output, `module.out_type` when None.

    Returns:
        (n,), float64, in the order of the elements.

    Raises:
        FieldTypeError: no types are known.
        GroupError: a matrix is not in the group.
        SteerError: a seed, margin, shape or dtype that is none.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, [G.regular])
        >>> bool((steer.testing.equivariance_error(nn.Conv2d(t, t, 3)) < 1e-5).all())
        True
    """
    source, target = types_of(module, in_type, out_type)
    given = grid_symmetries(source.group) if elements is None else _matrices(source.group, elements)
    if margin is not None and not is_real(margin):
        raise SteerError(f"margin: expected a number of pixels, got {margin!r}")
    seed = require_count("seed", seed, SteerError)
    inexact = is_inexact(source.group, given)
    if x is None:
        x = _random_input(source, shape, seed, smooth=inexact).to(*_place(module, dtype))
    with evaluation_mode(module):
        return np.array([found.error for found in both_ways(module, x, given, (source, target), margin)])


class _Both(NamedTuple):
    """Both ways round the diagram for one element g."""

    moved: torch.Tensor  # g x
    there: torch.Tensor  # module(g x)
    back: torch.Tensor  # g module(x)
    difference: torch.Tensor  # there - back where they are compared, 0 elsewhere
    error: float


def both_ways(
    module: torch.nn.Module,
    x: torch.Tensor,
    elements: Array,
    types: tuple[FieldType, FieldType],
    margin: float | None,
) -> Iterator[_Both]:
    """Module and elements applied to x in both orders, one element after the other; run it under `evaluation_mode`."""
    source, target = types
    out = module(x)
    everywhere = margin is None and not is_inexact(source.group, elements)
    weight = torch.ones((), device=out.device) if everywhere else _disk(out, margin)
    scale = float(torch.linalg.vector_norm((out * weight).double()))
    for g in elements:
        moved = source.transform(x, g)
        there, back = module(moved), target.transform(out, g)
        difference = (there.double() - back.double()) * weight
        yield _Both(moved, there, back, difference, float(torch.linalg.vector_norm(difference)) / (scale or 1.0))


def _matrices(group: Group, elements: npt.ArrayLike) -> Array:
    """Elements of a group as an array (n, d, d)."""
    size = group.element_size
    given = as_numbers("elements", elements, GroupError, f"matrices (n, {size}, {size}) of {group.name}")
    if given.ndim < 2 or given.shape[-2:] != (size, size):
        raise GroupError(f"elements: expected matrices (n, {size}, {size}) of {group.name}, got shape {given.shape}")
    return given.reshape(-1, size, size)


def is_inexact(group: Group, elements: Array) -> bool:
    """Whether some elements do not map the grid to itself."""
    moves = group.action(elements)
    return bool(np.abs(moves - np.round(moves)).max(initial=0.0) > EXACT)


def assert_equivariant(
    module: torch.nn.Module,
    x: torch.Tensor | None = None,
    *,
    elements: npt.ArrayLike | None = None,
    tolerance: float | None = None,
    **options: Any,
) -> None:
    """Raise an AssertionError if a module is not equivariant, naming the worst group element and its error.

    Args:
        module: as for `equivariance_error`.
        x: input (batch, in_type.size, *space); random when None.
        elements: (n, d, d), elements of the group; those that map the grid to itself when None.
        tolerance: largest relative error; that of the input's dtype in `TOLERANCES` when None.
        **options: further arguments of `equivariance_error`.

    Raises:
        AssertionError: some error is above the tolerance.
        FieldTypeError: no types are known.
        GroupError: a matrix is not in the group.
        SteerError: no element but the identity maps the grid to itself, so that there is nothing to check.
    """
    source, _ = types_of(module, options.get("in_type"), options.get("out_type"))
    if elements is None:
        elements = grid_symmetries(source.group)
        if len(elements) == 1 and source.group.order != 1:
            raise SteerError(
                f"elements: no element of {source.group!r} but the identity maps a square grid to itself; "
                f"pass elements= and a tolerance="
            )
    given = _matrices(source.group, elements)
    errors = equivariance_error(module, x, elements=given, **options)
    if tolerance is None:
        tolerance = TOLERANCES[_place(module, options.get("dtype"))[1] if x is None else x.dtype]
    worst = int(np.argmax(errors))  # the first NaN, if there is one
    if not errors[worst] <= tolerance:
        raise AssertionError(
            f"{type(module).__name__} is not equivariant under {source.group!r}: for g = {given[worst].tolist()} the "
            f"relative error of module(g x) against g module(x) is {errors[worst]:.3g}, above {tolerance:.3g}; "
            f"{np.sum(~(errors <= tolerance))} of {len(errors)} elements fail"
        )


def assert_kernel_constraint(
    kernel: KernelSampler | Kernel,
    in_rep: Representation | None = None,
    out_rep: Representation | None = None,
    *,
    elements: npt.ArrayLike | None = None,
    points: npt.ArrayLike | None = None,
    seed: int = 0,
    tolerance: float = 1e-10,
) -> None:
    """Raise an AssertionError unless a kernel is steerable: K(g x) = rho_out(g) K(x) rho_in(g)^-1.

    Args:
        kernel: a kernel basis (`sample(points)` -> (len, out, in, m)), or a function of points -> (out, in, m).
        in_rep: representation of the input; that of the basis when None.
        out_rep: representation of the output; that of the basis when None.
        elements: (n, d, d) group elements; all of a finite group up to order 48, else 16 random ones.
        points: (m, d); 20 random points with standard deviation 1.5 and the origin when None.
        seed: seed of the random elements and points.
        tolerance: largest residual relative to the largest value of the kernel.

    Raises:
        AssertionError: names the element that fails and by how much.
        FieldTypeError: a function was given without its representations.
    """
    source = in_rep if in_rep is not None else getattr(kernel, "in_rep", None)
    target = out_rep if out_rep is not None else getattr(kernel, "out_rep", None)
    if source is None or target is None:
        raise FieldTypeError("in_rep, out_rep: a kernel that is a plain function needs both representations")
    group = source.group
    if elements is None:
        elements = group.elements if group.order <= 48 else group.sample(16, seed)
    given = _matrices(group, elements)
    if points is None:
        random = np.random.default_rng(seed).normal(0, 1.5, (20, group.dim))
        points = np.concatenate([random, np.zeros((1, group.dim))])
    where = np.asarray(points, dtype=np.float64)

    at_points = _sample(kernel, where, target.size, source.size)
    scale = np.abs(at_points).max(initial=0.0) or 1.0
    for g, move in zip(given, group.action(given), strict=True):
        expected = np.einsum("oq,bqpm,ip->boim", target(g), at_points, source(g))
        residual = np.abs(_sample(kernel, where @ move.T, target.size, source.size) - expected) / scale
        worst = residual.max(initial=0.0)
        if not worst <= tolerance:
            index = np.unravel_index(np.argmax(residual), residual.shape)
            raise AssertionError(
                f"the kernel from {source!r} to {target!r} breaks K(g x) = rho_out(g) K(x) rho_in(g)^-1: "
                f"for g = {g.tolist()}, x = {where[index[-1]].tolist()} the relative residual of element {index[0]} "
                f"is {worst:.3g}, above {tolerance:.3g}"
            )


def assert_group(group: Group, *, max_frequency: int = 2, seed: int = 0) -> None:
    """Raise an AssertionError unless a group is one, with its irreps: for a family of your own.

    Elements are closed under products and inverses; those of a finite group are there once each, the identity first.
    They act on space by a homomorphism. Irreps are orthogonal, homomorphisms, irreducible, of the types they say, no
    two of them equivalent, the trivial one first; those of a finite group are all it has.

    Args:
        group: the group.
        max_frequency: of a continuous group, the highest frequency of the irreps that are checked.
        seed: of the random elements, for a continuous group and for one of more than 48 elements.

    Raises:
        AssertionError: what is wrong, and of which element or irrep.
        GroupError: `group` is not a group.

    Source:
        Serre, Linear Representations of Finite Groups (1977), section 2.3 for characters, 13.2 for types.

    Example:
        >>> import steer
        >>> steer.testing.assert_group(steer.group("D4", dim=2))
    """
    if not isinstance(group, Group):
        raise GroupError(f"group: expected a group such as steer.group('C4', dim=2), got {group!r}")
    max_frequency = require_count("max_frequency", max_frequency, GroupError)
    seed = require_count("seed", seed, GroupError)
    _assert_elements(group, seed)
    g = group.elements if group.order <= 48 else group.sample(12, seed)
    _assert_homomorphism(f"action of {group!r}", group.action, g, group.dim)
    irreps = group.irreps(None if group.is_finite else max_frequency)
    labels = [psi.label for psi in irreps]
    _demand(len(set(labels)) == len(labels), f"labels of {group!r}: expected distinct ones, got {', '.join(labels)}")
    for psi in irreps:
        _demand(psi.type in TYPES, f"type of {psi!r}: expected one of {', '.join(TYPES)}, got {psi.type!r}")
        _assert_homomorphism(repr(psi), psi, g, psi.size)
    first = irreps[0]
    _demand(
        first.size == 1 and bool((np.abs(first(g) - 1) < EXACT).all()) and first == group.trivial,
        f"labels of {group!r}: expected the trivial irrep first, got {first.label!r}",
    )
    _assert_irreps(group, irreps, 2 * max_frequency)


TYPES: Final = {"real": (1, 1), "complex": (2, 0), "quaternionic": (4, -2)}
"""Of a real irrep of each type, the mean of chi(g)^2, which is the dimension of its endomorphisms, and of chi(g^2)."""


def _demand(good: bool, message: str) -> None:
    if not good:
        raise AssertionError(message)


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _assert_elements(group: Group, seed: int) -> None:
    """The elements are a group: of a continuous one, some of them are tried."""
    _demand(_is_hashable(group), f"fields of {group!r}: expected hashable values, such as tuples and no lists")
    size = group.element_size
    g = group.components
    _demand(
        isinstance(g, np.ndarray) and g.shape[1:] == (size, size) and len(g) > 0,
        f"components of {group!r}: expected an array of shape (n, {size}, {size}), got {type(g)}, {np.shape(g)}",
    )
    _demand(
        bool(np.abs(g[0] - np.eye(size)).max(initial=0.0) < EXACT),
        f"components of {group!r}: expected the identity first, got {g[0].tolist()}",
    )
    for name in ("generators", "identity_component"):
        _demand(bool(group.contains(getattr(group, name)).all()), f"{name} of {group!r}: some are not in the group")
    if group.is_finite:
        _demand(len(g) == group.order, f"order of {group!r}: {group.order}, but components lists {len(g)} elements")
    else:
        g = np.concatenate([g, group.sample(12, seed)])
    away = np.abs(g @ np.swapaxes(g, -2, -1) - np.eye(size)).max(axis=(1, 2))
    worst = int(np.argmax(away))
    _demand(bool(away[worst] < EXACT), f"element {worst} of {group!r} is not orthogonal: {g[worst].tolist()}")
    for i, left in enumerate(g):
        for what, found in (("product", left @ g), ("quotient", left @ np.swapaxes(g, -2, -1))):
            inside = group.contains(found)
            j = int(np.argmin(inside))
            _demand(
                bool(inside.all()), f"elements of {group!r}: the {what} of elements {i} and {j} is not in the group"
            )
        if group.is_finite:
            places = group.nearest_index(left @ g)
            _demand(
                len(set(places.tolist())) == len(g),
                f"elements of {group!r}: some are equal, since the products of element {i} with all do not differ",
            )


def _assert_homomorphism(name: str, matrices: Kernel, g: Array, size: int) -> None:
    """Matrices are orthogonal, take any leading axes, and multiply as the elements g (n, d, d) do."""
    at = []
    for given in (g[0], g, g[:, None] @ g):
        shape = (*given.shape[:-2], size, size)
        try:
            found = np.asarray(matrices(given))
        except Exception as error:
            raise AssertionError(f"{name}: no matrices at elements {given.shape}: {error}") from error
        _demand(found.shape == shape, f"{name}: expected matrices {shape} at elements {given.shape}, got {found.shape}")
        at.append(found)
    _, single, pairs = at
    away = np.abs(single @ np.swapaxes(single, -2, -1) - np.eye(size)).max(axis=(1, 2), initial=0.0)
    worst = int(np.argmax(away))
    _demand(bool(away[worst] < EXACT), f"{name}: not orthogonal at g = {g[worst].tolist()}")
    wrong = np.abs(single[:, None] @ single - pairs).max(axis=(2, 3), initial=0.0)
    i, j = np.unravel_index(np.argmax(wrong), wrong.shape)
    _demand(
        bool(wrong[i, j] < EXACT),
        f"{name}: no homomorphism, rho(g) rho(h) is not rho(g h) for g = {g[i].tolist()}, h = {g[j].tolist()}",
    )


def _assert_irreps(group: Group, irreps: Sequence[Irrep], max_degree: int) -> None:
    """Representations are irreducible, of their types, inequivalent, and of a finite group all: by their characters."""
    nodes, weights = group.haar(0 if group.is_finite else max_degree)
    characters = np.stack([psi.character(nodes) for psi in irreps])
    products = characters * weights @ characters.T
    for i, psi in enumerate(irreps):
        found = float(products[i, i]), float(weights @ psi.character(nodes @ nodes))
        _demand(
            bool(np.allclose(found, TYPES[psi.type], atol=1e-6)),
            f"{psi!r}: no irrep of {psi.type} type, whose means of chi(g)^2 and chi(g^2) are {TYPES[psi.type]}; "
            f"they are ({found[0]:.3g}, {found[1]:.3g})",
        )
        for other in np.flatnonzero(np.abs(products[i, :i]) > 1e-6).tolist():
            raise AssertionError(f"irreps of {group!r}: {irreps[other].label!r} and {psi.label!r} are equivalent")
    if group.is_finite:
        total = sum(psi.size**2 // TYPES[psi.type][0] for psi in irreps)
        _demand(
            total == group.order,
            f"irreps of {group!r}: some are missing, size^2 / 1, 2 or 4 by type sums to {total}, not {group.order}",
        )


def _sample(kernel: KernelSampler | Kernel, points: Array, out: int, into: int) -> Array:
    values = kernel.sample(points) if isinstance(kernel, KernelSampler) else kernel(points)
    return np.asarray(values, dtype=np.float64).reshape(-1, out, into, len(points))


def types_of(
    module: torch.nn.Module, in_type: FieldType | None, out_type: FieldType | None
) -> tuple[FieldType, FieldType]:
    """The types of input and output that are given, or those of the module.

    Raises:
        FieldTypeError: there are none.
    """
    source = in_type if in_type is not None else getattr(module, "in_type", None)
    target = out_type if out_type is not None else getattr(module, "out_type", None)
    if not isinstance(source, FieldType) or not isinstance(target, FieldType):
        raise FieldTypeError(
            f"in_type, out_type: {type(module).__name__} has no field types; pass them, or give a module of steer.nn"
        )
    return source, target


def _place(module: torch.nn.Module, dtype: torch.dtype | None) -> tuple[torch.device, torch.dtype]:
    """Device and dtype of a random input for the module."""
    tensors = (
        tensor for tensor in itertools.chain(module.parameters(), module.buffers()) if tensor.is_floating_point()
    )
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise SteerError(f"dtype: expected a floating-point dtype such as torch.float64, got {dtype!r}")
    like = next(tensors, torch.zeros((), dtype=torch.float32))
    return like.device, like.dtype if dtype is None else dtype


@contextmanager
def evaluation_mode(module: torch.nn.Module) -> Iterator[None]:
    """The module in evaluation without gradients; every part of it is then in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def _random_input(in_type: FieldType, shape: Sequence[int] | None, seed: int, smooth: bool) -> torch.Tensor:
    dim = in_type.group.dim
    if shape is not None and not (isinstance(shape, Sequence) and shape and all(is_count(n, 0) for n in shape)):
        raise SteerError(f"shape: expected (batch, *space), or (batch,) for features without positions, got {shape!r}")
    batch, *space = (2, *dim * [33 if dim == 2 else 17]) if shape is None else shape
    noise = np.random.default_rng(seed).normal(size=(batch, in_type.size, *space))
    if smooth and space:
        noise = scipy.ndimage.gaussian_filter(noise, sigma=(0, 0, *dim * [2.0]))
        radius = _radius(space) / ((min(space) - 1) / 2)
        noise *= np.clip(np.cos(np.pi / 2 * np.clip(radius / 0.9, 0, 1)), 0, None) ** 2
        noise /= noise.std() or 1.0
    return torch.from_numpy(noise)


def _disk(out: torch.Tensor, margin: float | None) -> torch.Tensor:
    """1 inside the ball inscribed in the grid of `out`, less the margin, else 0; 1 for features without positions."""
    space = out.shape[2:]
    if not space:
        return torch.ones((), device=out.device)
    inside = _radius(space) <= (min(space) - 1) / 2 - (2.0 if margin is None else margin)
    return torch.from_numpy(inside).to(out.device, torch.float64)


def _radius(space: Sequence[int]) -> Array:
    axes = [np.arange(size) - (size - 1) / 2 for size in space]
    return np.asarray(np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij"))))
