"""Whether a module is equivariant, and by how much it is not."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from .. import nn
from .._values import Array, require_count
from ..errors import ShapeError, SteerError
from ..nn import FieldTensor, FieldType
from ._compare import Comparison, errors_of, require_margin, require_type
from ._elements import Common, common_elements, describe, has_common_symmetry, is_inexact
from ._inputs import (
    axes_of,
    evaluation_mode,
    given_input,
    lattices_of,
    place,
    random_input,
    spacings_of,
    type_of,
    types_of,
)
from ._tolerance import TOLERANCES, require_tolerance


def equivariance_error(
    module: torch.nn.Module,
    x: torch.Tensor | FieldTensor | None = None,
    *,
    elements: npt.ArrayLike | None = None,
    shape: Sequence[int] | None = None,
    dtype: torch.dtype | None = None,
    seed: int = 0,
    margin: float | None = None,
    in_type: FieldType | None = None,
    out_type: FieldType | None = None,
    lattice: str | tuple[str, str] | None = None,
    spacing: Any = None,
) -> Array:
    """The relative error ||module(g x) - g module(x)|| / ||module(x)|| for each group element g.

    The module runs in evaluation mode without gradients and is left in the mode it was in. Elements that map the
    lattice to itself (quarter turns and flips of a square grid) act on the samples exactly. Other elements act by cubic
    splines, so the error then includes that of interpolation; to keep it small the default input is low-pass noise (a
    Gaussian of 2 pixels) that fades out within the disk inscribed in the grid, and only outputs inside that disk, less
    `margin`, are compared. Features without positions, and those of sets of points (batch, size, n), turn in their
    fibres.

    Where input and output are fields of different groups (behind `nn.Restrict`, or in models whose stages have groups
    of their own), the elements are those of the common subgroup.

    Args:
        module: a steer module, or any module on tensors with `in_type` and `out_type` given.
        x: input (batch, in_type.size, *space), a tensor or a FieldTensor, which is passed on as it is; random when
            None.
        elements: (n, d, d), elements of the group; those that map the lattice to itself when None (`grid_symmetries`),
            of features without positions all or 16 of them if these are the identity alone.
        shape: (batch, *space) of the random input, (batch, n) for a set of points, (batch,) for features without
            positions. When None (2, 33, 33) in the plane and (2, 17, 17, 17) in space; (16,) for a module that refuses
            these, and for one that takes it where the identity alone maps the grid to itself. Networks that subsample
            are exact for suitable sizes only.
        dtype: dtype of the random input; that of the module's first parameter or buffer when None, else float32.
        seed: seed of the random input.
        margin: output pixels to leave out around the inscribed disk; 2 when None. With a value also for exact elements,
            which else are compared everywhere.
        in_type: type of the input; when None `module.in_type`, that of a module that this one wraps
            (`AveragedModel`, `DistributedDataParallel`), or that of x.
        out_type: type of the output; when None likewise, or that of a FieldTensor that the module returns.
        lattice: of the samples, "square" or "hexagonal", or one of the input and one of the output; when None hexagonal
            if a layer inside of the module is (`nn.HexConv2d`, `nn.HexPool`, `nn.HexMask`).
        spacing: distances of neighbouring samples ([z,] y, x), of input and output, or a pair of one of the input and
            one of the output; when None those of the layers inside (`nn.Conv3d`). Random inputs then have as many
            samples along each axis as fit one length, and `margin` counts pixels of the smallest distance.

    Returns:
        (n,), float64, in the order of the elements.

    Raises:
        FieldTypeError: no types are known, or a field is of another one.
        GroupError: a matrix is not in the group, or not in the common subgroup.
        ShapeError: an input that does not fit the type or the module.
        SteerError: nothing would be compared: no elements, an empty input, a margin that leaves no pixel, or an output
            that is zero wherever it is compared.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, [G.regular])
        >>> bool((steer.testing.equivariance_error(nn.Conv2d(t, t, 3)) < 1e-5).all())
        True
    """
    return _measured(module, x, elements, shape, dtype, seed, margin, (in_type, out_type), lattice, spacing).errors


def assert_equivariant(
    module: torch.nn.Module,
    x: torch.Tensor | FieldTensor | None = None,
    *,
    elements: npt.ArrayLike | None = None,
    tolerance: float | None = None,
    **options: Any,
) -> None:
    """Raise an AssertionError if a module is not equivariant, naming the worst group element and its error.

    The message also names the layers that lose symmetries of the grid by their stride on maps of this size
    (`steer.nn.grid_loss`), with what would keep them. Where input and output are fields of different groups it is the
    common subgroup that is checked.

    Args:
        module: as for `equivariance_error`.
        x: input (batch, in_type.size, *space), a tensor or a FieldTensor; random when None.
        elements: (n, d, d), elements of the group; those that map the lattice to itself when None.
        tolerance: largest relative error, a number >= 0; that of the input's dtype in `TOLERANCES` when None.
        **options: further arguments of `equivariance_error`.

    Raises:
        AssertionError: some error is above the tolerance.
        FieldTypeError: no types are known, or a field is of another one.
        GroupError: a matrix is not in the group, or not in the common subgroup.
        ShapeError: an input that does not fit the type or the module.
        SteerError: there is nothing to check: no element but the identity maps the grid to itself, or what
            `equivariance_error` refuses; or `tolerance` is no number >= 0.
    """
    limit = None if tolerance is None else require_tolerance(tolerance)
    types = options.pop("in_type", None), options.pop("out_type", None)
    known = {"shape": None, "dtype": None, "seed": 0, "margin": None} | options
    grids = {name: known.pop(name, None) for name in ("lattice", "spacing")}
    found = _measured(module, x, elements, types=types, **grids, **known)
    errors, common, comparison = found
    if limit is None:
        limit = TOLERANCES.get(comparison.x.dtype, TOLERANCES[torch.float32])
    worst = int(np.argmax(errors))  # the first NaN, if there is one
    if not errors[worst] <= limit:
        failing = ~(errors <= limit)
        source, target = (kind.group for kind in comparison.types)
        raise AssertionError(
            f"{type(module).__name__} is not equivariant under {describe(source, target, common.group)}: for g = "
            f"{common.source[worst].tolist()} the relative error of module(g x) against g module(x) is "
            f"{errors[worst]:.3g}, above {limit:.3g}; {np.sum(failing)} of {len(errors)} elements fail"
            + "".join(f"; {cause}" for cause in _causes(comparison, common.source[failing]))
        )


class _Measured(NamedTuple):
    """The errors, one for each element, of a comparison."""

    errors: Array
    common: Common
    comparison: Comparison


def _measured(
    module: torch.nn.Module,
    x: torch.Tensor | FieldTensor | None,
    elements: npt.ArrayLike | None,
    shape: Sequence[int] | None,
    dtype: torch.dtype | None,
    seed: int,
    margin: float | None,
    types: tuple[FieldType | None, FieldType | None],
    lattice: str | tuple[str, str] | None,
    spacing: Any,
) -> _Measured:
    """What `equivariance_error` returns, and how it came about."""
    width = require_margin(margin)
    seed = require_count("seed", seed, SteerError)
    kinds = _types(module, x, *types)
    lattices = lattices_of(module, lattice)
    groups = kinds[0].group, kinds[1].group
    spacings = spacings_of(module, spacing, groups[0].dim)
    grid = lattices[0], spacings[0]
    common = None if elements is None else common_elements(*groups, elements, lattices[0], True)
    if x is not None:
        inputs = [given_input(x, kinds[0], lattices[0])]
    else:
        smooth = common is not None and is_inexact(groups[0], common.source, *grid)
        shapes = [None, (16,)] if shape is None and groups[0].dim else [shape]
        if shape is None and common is None and not has_common_symmetry(*groups, *grid):
            shapes.reverse()  # on features without positions all elements act exactly
        inputs = [random_input(kinds[0], sizes, seed, smooth, *grid).to(*place(module, dtype)) for sizes in shapes]
    with evaluation_mode(module):
        comparison, out = _first(
            inputs, Comparison(module, inputs[0], kinds, lattices, isinstance(x, FieldTensor), spacings)
        )
        if common is None:
            has_positions = axes_of(comparison.x, kinds[0]) == "grid"
            common = common_elements(*groups, None, lattices[0], has_positions, spacings[0])
        errors = errors_of(comparison.ways(common, width, out))
        if not errors.any() and comparison.is_zero(out, common, width):
            raise SteerError(
                f"module: the output of {type(module).__name__} is zero wherever it is compared, and so says nothing; "
                f"give its parameters other values, or pass another x"
            )
    return _Measured(errors, common, comparison)


def _types(
    module: torch.nn.Module, x: object, in_type: FieldType | None, out_type: FieldType | None
) -> tuple[FieldType, FieldType]:
    """The types of input and output, also those of the fields that the module takes and returns."""
    require_type("in_type", in_type)
    require_type("out_type", out_type)
    if isinstance(x, FieldTensor):
        if in_type is None and type_of(module, "in_type") is None:
            in_type = x.type
        if out_type is None and type_of(module, "out_type") is None:
            with evaluation_mode(module):
                out = module(x)
            out_type = out.type if isinstance(out, FieldTensor) else None
    return types_of(module, in_type, out_type)


def _first(inputs: list[torch.Tensor], like: Comparison) -> tuple[Comparison, torch.Tensor]:
    """The comparison of the first input that the module takes, and its output; if none, the error of the largest."""
    refused: list[tuple[int, ShapeError]] = []
    for x in inputs:
        comparison = dataclasses.replace(like, x=x)
        try:
            return comparison, comparison.run(x)
        except ShapeError as error:
            refused.append((x.dim(), error))
    raise max(refused, key=lambda found: found[0])[1]


def _causes(comparison: Comparison, failing: Array) -> list[str]:
    """The layers that lose some of these symmetries of the grid, for the message."""
    moves, met = comparison.types[0].group.action(failing), _met(comparison)
    if comparison.lattices == ("hexagonal", "hexagonal"):
        return _square_among_hexagonal(met, moves)
    found = []
    for name, part, space in met if "hexagonal" not in comparison.lattices else []:
        loss = nn.grid_loss(part, space)
        if loss is not None:
            lost = part.in_type.group.action(loss.elements)
            if (np.abs(moves[:, None] - lost).max(axis=(-2, -1)) < 1e-6).any():
                found.append(f"{_title(name, part)}: {loss}")
    return found


def _square_among_hexagonal(met: list[tuple[str, nn.Module, tuple[int, ...]]], moves: Array) -> list[str]:
    """The layers whose windows are of the square grid, beside hexagonal ones."""
    kept = np.eye(moves.shape[-1])
    if (np.abs(np.abs(moves) - kept).max(axis=(-2, -1)) < 1e-6).all() and (moves[:, 0, 0] == moves[:, 1, 1]).all():
        return []  # half turns, under which square windows are symmetrical, too
    hexagonal = next((_title(name, part) for name, part, _ in met if getattr(part, "lattice", "") == "hexagonal"), "")
    return [
        f"{_title(name, part)} has windows of the square grid, but {hexagonal} is of hexagonal maps: put nn.HexConv2d "
        f"or nn.HexPool in its place, or, if maps are resampled between them by nn.from_hexagonal or nn.to_hexagonal, "
        f"pass the lattices of input and output, as lattice=('hexagonal', 'square')"
        for name, part, space in met
        if hexagonal and getattr(part, "lattice", "") != "hexagonal" and _mixes(part, space)
    ]


def _mixes(part: nn.Module, space: tuple[int, ...]) -> bool:
    """Whether a layer reads other samples than the one it writes, but for those that read all of them at once."""
    for axis, n in zip(part.sampling, space, strict=True):
        found = axis.reads(n)
        alone = len(found.output) == n and np.array_equal(found.output, found.input)
        if axis.samples(n) > 1 and not alone:
            return True
    return False


def _title(name: str, part: nn.Module) -> str:
    return f"{type(part).__name__} {name}".rstrip()


def _met(comparison: Comparison) -> list[tuple[str, nn.Module, tuple[int, ...]]]:
    """The layers that sample space, with the sizes of the maps that they are given, in the order of the run."""
    module, met = comparison.module, list[tuple[str, nn.Module, tuple[int, ...]]]()

    def noting(name: str) -> Any:
        def note(part: Any, given: tuple[Any, ...]) -> None:
            x = given[0].tensor if given and isinstance(given[0], FieldTensor) else given[0] if given else None
            if isinstance(x, torch.Tensor) and axes_of(x, part.in_type) == "grid":
                met.append((name, part, tuple(x.shape[2:])))

        return note

    parts = [
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, nn.Module) and (part.sampling or getattr(part, "lattice", "") == "hexagonal")
    ]
    handles = [part.register_forward_pre_hook(noting(name)) for name, part in parts]
    try:
        with evaluation_mode(module):
            comparison.run(comparison.x)
    finally:
        for handle in handles:
            handle.remove()
    return met
