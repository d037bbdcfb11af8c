"""What the demo draws: kernels, feature fields under rotation, accuracy against angle."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .. import group, plot
from ..kernels import kernel_basis
from ..nn import Conv2d, Sequential
from ._data import SIZE, Digits
from ._networks import Classifier
from ._train import ANGLES, Result

COLOURS = ("#777777", "#1b6ca8", "#d1495b")


def write_all(results: list[Result], test: Digits, folder: Path) -> Iterator[tuple[Path, str]]:
    """Write every picture; yields its path and what it shows."""
    matplotlib.use("Agg")
    by_name = {result.name: result.model for result in results}
    figures = (
        ("accuracy.png", "accuracy against angle", accuracy(results, test)),
        ("kernels.png", "kernels", kernels(by_name["C8 regular"])),
        ("fields.png", "feature fields under rotation", fields(by_name["C8 regular"], test)),
    )
    for name, caption, figure in figures:
        path = folder / name
        figure.savefig(path, dpi=130)
        yield path, caption


def accuracy(results: list[Result], test: Digits) -> Figure:
    """Accuracy on turned test digits, one curve a network, below a digit at some of the angles."""
    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.subplots()
    for angle in range(0, 360, 45):
        panel = axes.inset_axes((angle / 360 - 0.06, 1.0, 0.12, 0.2))
        _image(panel, test.first(1).enlarged(angle)[0, 0].numpy(), 1.0, "gray_r")
    for result, colour in zip(results, COLOURS, strict=True):
        axes.plot([*ANGLES, 360], [*result.by_angle, result.by_angle[0]], color=colour, lw=2, marker="o", ms=3.5)
    ends = sorted((result.by_angle[0], place) for place, result in enumerate(results))
    heights = [ends[0][0]]
    for end, _ in ends[1:]:
        heights.append(max(heights[-1] + 0.06, end))  # names of curves that end together go above each other,
    shift = float(np.mean(heights) - np.mean([end for end, _ in ends]))  # about the height where they end
    for height, (_, place) in zip(heights, ends, strict=True):
        axes.text(365, height - shift, results[place].name, color=COLOURS[place], va="center")
    axes.axhline(0.1, color="black", lw=0.8, ls=":")
    axes.text(4, 0.115, "chance", fontsize=8)
    axes.set(
        xlabel="angle by which the test digits are turned (degrees)",
        ylabel="accuracy",
        ylim=(0, 1.02),
        xlim=(0, 360),
        xticks=range(0, 361, 45),
    )
    axes.set_title("Trained on upright digits only", pad=64)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _image(axes: Any, values: np.ndarray, limit: float | None = None, cmap: str = "RdBu_r") -> None:
    bound = float(np.abs(values).max()) if limit is None else limit
    axes.imshow(values, cmap=cmap, vmin=-bound if cmap == "RdBu_r" else 0, vmax=bound)
    axes.set_axis_off()


def kernels(model: Classifier) -> Figure:
    """A learned C8 kernel in its eight orientations, and the steerable kernels between SO(2) irreps."""
    figure = Figure(figsize=(9.5, 7.6), layout="constrained")
    layout = figure.add_gridspec(2, 1, height_ratios=(1, 3.1))
    top = figure.add_subfigure(layout[0])
    bottom = figure.add_subfigure(layout[1])
    first = model.body[0]
    if not isinstance(first, Conv2d):
        raise TypeError(f"expected a network that begins with a Conv2d, got {first}")
    plot.filter(first, figure=top)
    top.suptitle("One learned C8 kernel, image to regular field: eight orientations of one 5 x 5 filter")
    act = group("SO(2)", dim=2)
    side = np.linspace(-2.2, 2.2, 45)
    x, y = np.meshgrid(side, side)
    points = np.stack([x.ravel(), y.ravel()], -1)
    bottom.suptitle(
        "Steerable kernels of SO(2), from irrep m to irrep n: every component, one basis kernel of each pair"
    )
    grid = bottom.subplots(4, 4)
    for n in range(4):
        for m in range(4):
            basis = kernel_basis(act.irrep(str(m)), act.irrep(str(n)), max_frequency=m + n)
            lowest = int(np.argmin([element.degree or 9 for element in basis.elements])) if m + n else 0
            sample = basis.sample(points)[lowest].reshape(-1, len(side), len(side))
            shape = (act.irrep(str(n)).size, act.irrep(str(m)).size)
            tiles = sample.reshape(*shape, len(side), len(side)).transpose(0, 2, 1, 3).reshape(shape[0] * len(side), -1)
            _image(grid[n, m], tiles)
            grid[n, m].set_title(f"{m} \N{RIGHTWARDS ARROW} {n}", fontsize=9)
    return figure


def fields(model: Classifier, test: Digits) -> Figure:
    """The first regular field of the C8 network on a turned digit: it turns, and its channels move on by one."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    figure.suptitle(
        "A digit and one C8 feature field (after two layers, eight orientation channels).\n"
        "Turning the digit by 45\N{DEGREE SIGN} turns every channel and moves it one place on (green frames).",
        fontsize=11,
    )
    rows = figure.subplots(4, 10, width_ratios=(1, *(8 * [1]), 1.6))
    digit = test.first(1)
    body = model.body[:3]
    if not isinstance(body, Sequential):
        raise TypeError(f"expected a network of typed layers, got {body}")
    vector = body.out_type.group.elements[:, :, 0].T  # the equivariant map e_h -> h x from regular fibres to vectors
    with torch.no_grad():
        upright = body(digit.enlarged())[0].numpy()
    chosen = int(np.argmax([upright[8 * i : 8 * i + 8].std() for i in range(len(body.out_type))]))
    channels = slice(8 * chosen, 8 * chosen + 8)
    limit = float(upright[channels].max())
    for row, turns in zip(rows, (0, 1, 2, 4), strict=True):
        angle = 45 * turns
        image = digit.enlarged(angle)
        with torch.no_grad():
            feature = body(image)[0].numpy()[channels]
        _image(row[0], image[0, 0].numpy(), 1.0, "gray_r")
        row[0].set_title(f"by {angle}\N{DEGREE SIGN}", fontsize=9)
        for k in range(8):
            _image(row[1 + k], feature[k], limit, "magma")
            row[1 + k].set_title(f"{45 * k}\N{DEGREE SIGN}", fontsize=8, color="#555555")
        row[1 + turns].add_patch(Rectangle((-0.5, -0.5), SIZE, SIZE, fill=False, color="#3ddc97", lw=3))
        arrows = np.einsum("vk,kyx->vyx", vector, feature)
        _image(row[9], image[0, 0].numpy(), 2.0, "gray_r")
        every = slice(None, None, 2)
        row[9].quiver(
            np.arange(SIZE)[every],
            np.arange(SIZE)[every],
            arrows[0, every, every],
            arrows[1, every, every],
            color="#d1495b",
            angles="xy",
            scale=float(np.abs(arrows).max()) * 6,
            width=0.012,
        )
        row[9].set_title("as a vector field", fontsize=9)
    return figure
