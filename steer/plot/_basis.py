"""The basis kernels of a `steer.kernels.KernelBasis`."""

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .._values import Array, is_count, is_real
from ..errors import KernelError
from ..kernels import Element, Grid, KernelBasis, ScalarFunctions
from ..kernels import kernel_basis as make_basis
from ._canvas import largest, make_figure, mosaic, sections, signed
from ._filters import CONVOLUTIONS, field_of
from ._hexagonal import hexagons
from ._names import component_names, rep_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

MOST = 48
"""Basis kernels that are drawn."""

LETTER = 0.075
"""Inches of a title, of 9 points, for each of its letters."""


def basis(
    kernel_basis: KernelBasis | torch.nn.Module,
    *,
    in_field: int = 0,
    out_field: int = 0,
    half_width: float | None = None,
    resolution: int = 65,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure":
    """A panel for each basis kernel: a table of images, rows the output components, columns the input components.

    Titles name the kernel as `KernelBasis.elements` do: J the irrep in the harmonics of degree L, and the ring; kernels
    that share them are numbered. Each panel has colours of its own, white at 0. In space the sections z = 0, y = 0 and
    x = 0, with the axes (x, y), (x, z) and (y, z), lie side by side.

    Args:
        kernel_basis: from `steer.kernels.kernel_basis`; its first 48 kernels are drawn. Or a convolution of `steer.nn`,
            for the kernels between two of its fields, of which its filter is made.
        in_field: of a convolution, which field of its `in_type`.
        out_field: of a convolution, which field of its `out_type`.
        half_width: half the side of an image in pixels; by default what shows the rings, 3 for derivatives.
        resolution: samples along a side, at least 2. Kernels that live on a grid (`Pixels`, `FiniteDifferences`) are
            drawn there, whatever these two are.
        figure: where to draw, a figure or subfigure; a new figure when None.

    Returns:
        The figure, or the subfigure that was given.

    Raises:
        KernelError: it is no basis or has no kernel, or an option is out of range.
        FieldTypeError: the convolution has no field of that number.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    kernel_basis, grid = _checked(_of_layer(kernel_basis, in_field, out_field))
    if grid is None:
        planes = _planes(kernel_basis, _side(kernel_basis.descriptor.functions, half_width, resolution))
    else:
        values = grid.embed(kernel_basis.sample(grid.points))
        values = values.reshape(*values.shape[:-1], *grid.shape)
        planes = [("", values)] if values.ndim == 5 else sections(values)[0]
    draw = hexagons if grid is not None and grid.lattice == "hexagonal" else mosaic
    count = min(len(kernel_basis), MOST)
    in_rep, out_rep = kernel_basis.in_rep, kernel_basis.out_rep
    shape = out_rep.size, in_rep.size * len(planes)
    columns = min(count, max(1, min(8, 24 // shape[1])))
    rows = math.ceil(count / columns)
    tile = min(1.1, 11.0 / (columns * shape[1]))
    titles = _titles(kernel_basis.elements)
    # a panel is at least as wide as its title
    widest = max(map(len, titles[:count])) * LETTER
    size = columns * (max(shape[1] * tile + 0.35, widest) + 0.1) + 0.3, rows * (shape[0] * tile + 0.5) + 0.4
    made = make_figure(figure, max(size[0], 4.0), size[1])
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    names = _headings([name for name, _ in planes], component_names(in_rep))
    for index, axes in enumerate(panels):
        if index >= count:
            axes.set_axis_off()
            continue
        tiles = np.concatenate([values[index] for _, values in planes], axis=1)
        draw(axes, tiles, signed(largest(tiles)), component_names(out_rep), names)
        axes.set_title(titles[index], fontsize=9)
    total = f"the first {count} of {len(kernel_basis)}"
    if count == len(kernel_basis):
        total = "1 kernel" if count == 1 else f"{count} kernels"
    arrow = "\N{RIGHTWARDS ARROW}"
    made.suptitle(f"{rep_name(in_rep)} {arrow} {rep_name(out_rep)} of {out_rep.group.name}: {total}", fontsize=11)
    return made


def _of_layer(given: object, in_field: int, out_field: int) -> Any:
    """The basis between two fields of a convolution; what is none is left as it is, for `_checked` to refuse."""
    if not isinstance(given, CONVOLUTIONS):
        return given
    source, target = field_of("in_field", given.in_type, in_field), field_of("out_field", given.out_type, out_field)
    return make_basis(source, target, radial=given.plan.functions)


def _checked(kernel_basis: object) -> tuple[KernelBasis, Grid | None]:
    """The basis, and the grid on which its kernels are defined, None if they are everywhere."""
    if not isinstance(kernel_basis, KernelBasis):
        raise KernelError(
            f"kernel_basis: expected one from steer.kernels.kernel_basis, or a convolution, got {kernel_basis!r}"
        )
    if not len(kernel_basis):
        raise KernelError(f"kernel_basis: there is no kernel from {kernel_basis.in_rep!r} to {kernel_basis.out_rep!r}")
    if kernel_basis.in_rep.group.dim not in (2, 3):
        raise KernelError(f"kernel_basis: expected one of the plane or of space, got {kernel_basis.in_rep.group!r}")
    return kernel_basis, kernel_basis.descriptor.functions.defined_on


def _side(functions: ScalarFunctions, half_width: float | None, resolution: int) -> Array:
    """The coordinates of the samples along an axis."""
    if not is_count(resolution, 2):
        raise KernelError(f"resolution: expected an integer >= 2, got {resolution!r}")
    half = functions.reaches_to if half_width is None else half_width
    if not is_real(half) or not 0 < half < 1e6:
        raise KernelError(f"half_width: expected a number of pixels > 0, got {half_width!r}")
    return np.linspace(-half, half, resolution)


def _planes(kernel_basis: KernelBasis, side: Array) -> list[tuple[str, Array]]:
    """Name and kernels (len, out, in, rows, columns) of each plane that is shown."""
    right, down = np.meshgrid(side, side)
    zero = np.zeros_like(right)
    if kernel_basis.in_rep.group.dim == 2:
        where = [("", np.stack([right, down], -1))]
    else:
        where = [
            ("z = 0", np.stack([right, down, zero], -1)),
            ("y = 0", np.stack([right, zero, down], -1)),
            ("x = 0", np.stack([zero, right, down], -1)),
        ]
    found = []
    for name, points in where:
        values = kernel_basis.sample(points.reshape(-1, points.shape[-1]))
        found.append((name, values.reshape(*values.shape[:3], len(side), len(side))))
    return found


def _headings(planes: Sequence[str], components: Sequence[str]) -> list[str]:
    """The names of the columns: components, and above the middle one of each plane its name."""
    middle = (len(components) - 1) // 2
    return [
        f"{plane}\n{name}".strip() if index == middle else name
        for plane, (index, name) in product(planes, list(enumerate(components)))
    ]


def _titles(elements: Sequence[Element]) -> list[str]:
    """The names of the kernels; those of one irrep, degree and ring are numbered."""
    plain = [f"J={element.irrep}, L={element.degree}, ring {element.ring}" for element in elements]
    seen: dict[str, int] = {}
    out = []
    for name in plain:
        seen[name] = seen.get(name, 0) + 1
        out.append(f"{name}, #{seen[name]}" if plain.count(name) > 1 else name)
    return out
