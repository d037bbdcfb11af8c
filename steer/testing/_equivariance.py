"""Whether a module is equivariant, and by how much it is not."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

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
from ._waves import Waves, WaveSettings, at_centre, relative_error, require_settings


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
    inputs: str = "noise",
    band_limit: float | None = None,
    average: float | None = None,
) -> Array:
    """The relative error ||module(g x) - g module(x)|| / ||module(x)|| for each group element g.

    The module runs in evaluation mode without gradients and is left in the mode it was in. Elements that map the
    lattice to itself (quarter turns and flips of a square grid) act on the samples exactly. Other elements act by cubic
    splines, so the error then includes that of interpolation; to keep it small the default input is low-pass noise (a
    Gaussian of 2 pixels) that fades out within the disk inscribed in the grid, and only outputs inside that disk, less
    `margin`, are compared. Features without positions, and those of sets of points (batch, size, n), turn in their
    fibres.

    With ``inputs="waves"`` nothing is interpolated. The inputs are random sums of plane waves below a band limit, in a
    smooth window that fades out within the disk inscribed in the grid. An element turns their amplitudes and their
    frequencies, which is exact at all angles; and outputs are compared at the centre, which no element moves. The error
    is then that of the module alone: of its filters, its strides and what its nonlinearities do between the samples. It
    is a mean over the fields of the batch, which should be some ten or more. Outputs of an even size have no sample at
    their centre: they are averaged over a smooth window of 4 pixels about it, which takes away errors of high
    frequencies. `average` sets such a window for others, as what is averaged over the map in the end needs.

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
        inputs: "noise", or "waves"; their `shape` is by default (16, 65), (16, 33, 33) or (8, 17, 17, 17).
        band_limit: the highest frequency of waves, as a fraction of the Nyquist frequency of the coarsest axis, in
            (0, 1]; 0.5 when None.
        average: with waves, radius in pixels of the output of the window over which outputs are averaged before they
            are compared; when None they are compared at the centre.

    Returns:
        (n,), float64, in the order of the elements.

    Raises:
        FieldTypeError: no types are known, or a field is of another one.
        GroupError: a matrix is not in the group, or not in the common subgroup.
        ShapeError: an input that does not fit the type or the module.
        SteerError: nothing would be compared: no elements, an empty input, a margin that leaves no pixel, or an output
            that is zero wherever it is compared; waves with an `x` or a `margin`, where there are no positions, or of
            a band limit or window that is none.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, [G.regular])
        >>> bool((steer.testing.equivariance_error(nn.Conv2d(t, t, 3)) < 1e-5).all())
        True
    """
    types, settings = (in_type, out_type), require_settings(inputs, band_limit, average)
    return _measured(module, x, elements, shape, dtype, seed, margin, types, lattice, spacing, settings).errors


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
    settings = require_settings(*(options.pop(*default) for default in _SETTINGS))
    known = {"shape": None, "dtype": None, "seed": 0, "margin": None, "lattice": None, "spacing": None} | options
    found = _measured(module, x, elements, types=types, settings=settings, **known)
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


_SETTINGS: Final = (("inputs", "noise"), ("band_limit", None), ("average", None))
"""Options of waves, with what they are if they are left out."""


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
    settings: WaveSettings | None,
) -> _Measured:
    """What `equivariance_error` returns, and how it came about."""
    width = require_margin(margin)
    seed = require_count("seed", seed, SteerError)
    kinds = _types(module, x, *types)
    lattices = lattices_of(module, lattice)
    groups = kinds[0].group, kinds[1].group
    spacings = spacings_of(module, spacing, groups[0].dim)
    if settings is not None:
        _require_made("x", x, "shape, seed and band_limit")
        _require_made("margin", width, "average")
        fields = Waves.random(kinds[0], shape, seed, lattices[0], spacings[0], settings.band_limit)
        shared = common_elements(*groups, elements, lattices[0], True, spacings[0])
        like = Comparison(module, fields.sampled().to(*place(module, dtype)), kinds, lattices, spacings=spacings)
        return _Measured(_on_waves(like, fields, shared, settings.average), shared, like)
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
            raise _says_nothing(module)
    return _Measured(errors, common, comparison)


def _require_made(name: str, value: object, instead: str) -> None:
    """Refuse what is not asked for of fields that are made here."""
    if value is not None:
        raise SteerError(f"{name}: fields of inputs='waves' are made and compared by {instead}; leave {name} out")


def _on_waves(like: Comparison, fields: Waves, common: Common, average: float | None) -> Array:
    """The errors, one for each element, of fields that turn without interpolation."""
    kind, end = like.types[1], (like.types[1], like.lattices[1], like.spacings[1], average)
    with evaluation_mode(like.module):
        before = at_centre(like.run(like.x), *end)
        if not before.numel():
            raise SteerError(f"module: its output is of shape {tuple(before.shape)}, so that nothing is compared")
        scale = float(torch.linalg.vector_norm(before))
        errors = [
            relative_error(at_centre(like.run(fields.sampled(g).to(like.x)), *end), kind.transform(before, h), scale)
            for g, h in zip(common.source, common.target, strict=True)
        ]
    if not scale and not any(errors):
        raise _says_nothing(like.module)
    return np.array(errors)


def _says_nothing(module: torch.nn.Module) -> SteerError:
    return SteerError(
        f"module: the output of {type(module).__name__} is zero wherever it is compared, and so says nothing; give its "
        f"parameters other values, or pass another x"
    )


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
