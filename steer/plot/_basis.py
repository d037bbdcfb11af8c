"""The basis kernels of a `steer.kernels.KernelBasis`."""

import math
from typing import TYPE_CHECKING

import numpy as np

from ..errors import KernelError
from ..kernels import Element, KernelBasis
from ..reps._linalg import Array
from ._canvas import largest, make_figure, mosaic, sections, signed
from ._names import component_names, rep_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 48
"""Basis kernels that are drawn."""


def basis(
    kernel_basis: KernelBasis,
    *,
    half_width: float | None = None,
    resolution: int = 65,
    figure: "Figure | None" = None,
) -> "Figure":
    """A panel for each basis kernel: a table of images, rows the output components, columns the input components.

    Titles name the kernel (`steer.kernels.Element`): J the irrep in the harmonics of degree L, the ring, and "#" the
    copy of J and the Clebsch-Gordan coefficient where there are several. Each panel has colours of its own, white at
    0. In space the sections z = 0, y = 0 and x = 0 lie side by side.

    Args:
        kernel_basis: from `steer.kernels.kernel_basis`; its first 48 kernels are drawn.
        half_width: half the side of an image in pixels; by default what shows the rings.
        resolution: samples along a side.
        figure: where to draw; a new figure when None.

    Returns:
        The figure.

    Raises:
        KernelError: it is no basis or has no kernel, or an option is out of range.
        SteerError: `figure` is none, or matplotlib is missing.
    """
    if not isinstance(kernel_basis, KernelBasis):
        raise KernelError(f"kernel_basis: expected one from steer.kernels.kernel_basis, got {kernel_basis!r}")
    if not len(kernel_basis):
        raise KernelError(f"kernel_basis: there is no kernel from {kernel_basis.in_rep!r} to {kernel_basis.out_rep!r}")
    half = _half_width(kernel_basis) if half_width is None else float(half_width)
    side = np.linspace(-half, half, resolution)
    planes = _planes(kernel_basis, side)
    count = min(len(kernel_basis), MOST)
    in_rep, out_rep = kernel_basis.in_rep, kernel_basis.out_rep
    shape = out_rep.size, in_rep.size * len(planes)
    columns = min(count, max(1, min(8, 24 // shape[1])))
    rows = math.ceil(count / columns)
    tile = min(0.9, 10.0 / (columns * shape[1]))
    made = make_figure(figure, max(columns * (shape[1] * tile + 0.15), 3.0), rows * (shape[0] * tile + 0.35) + 0.5)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[count:]:
        axes.set_axis_off()
    for index, axes in enumerate(panels[:count]):
        tiles = np.concatenate([plane[index] for _, plane in planes], axis=1)
        names = component_names(in_rep) * len(planes)
        mosaic(axes, tiles, signed(largest(tiles)), component_names(out_rep), names)
        axes.set_title(_title(kernel_basis.elements[index], kernel_basis), fontsize=9)
    return made


def _half_width(kernel_basis: KernelBasis) -> float:
    radial = kernel_basis.descriptor.radial
    radii, widths = getattr(radial, "radii", (1.0,)), getattr(radial, "widths", (0.6,))
    return max(r + 2.0 * width for r, width in zip(radii, widths, strict=False))


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


def _title(element: Element, kernel_basis: KernelBasis) -> str:
    return f"J={element.irrep}, L={element.degree}, ring {element.ring}"
