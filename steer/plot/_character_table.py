"""Character tables as pictures."""

import re
from typing import TYPE_CHECKING

import numpy as np

from .._classes import SIGMA, characters, columns, functions, listed, words
from ..errors import GroupError
from ..reps import Group
from ..reps.theory._group import require_group
from ._canvas import make_axes, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def character_table(group: Group, *, axes: "Axes | None" = None) -> "Axes":
    """The character table over the reals: a row for each irrep, a column for each class, coloured by the character.

    Classes have the names of books, with the number of elements in front; a class shares a column with that of its
    inverses, and an irrep of complex type is one row. At the right are the type of irreps that are not real, and the
    coordinates, rotations and quadratic functions that transform by an irrep. For a continuous group, irreps up to
    frequency 4, with the characters of rotations as formulas. `steer groups NAME` prints the same.

    Args:
        group: of a line, the plane or space, as `steer.group` gives it.
        axes: where to draw; those of a new figure when None.

    Returns:
        The axes.

    Raises:
        GroupError: it is no such group.
        SteerError: `axes` are none, or matplotlib is missing.
    """
    if not require_group("group", group)._axes:
        raise GroupError(f"group: expected one of the plane or of space as steer.group gives it, got {group!r}")
    classes = columns(group) if group.is_finite else []
    at = characters(group, classes)
    irreps, cells = listed(group, classes, at)
    beside = words(irreps, functions(group, at))
    widths = [1.0 if group.is_finite or len(name) < 4 else 3.4 for name, _ in cells]
    widths += [0.14 * max(map(len, texts)) + 0.3 if any(texts) else 0.0 for _, texts in beside]
    lefts = np.cumsum([0.0, *widths])
    made = make_axes(axes, 0.62 * lefts[-1] + 1.2, 0.36 * len(irreps) + 1.0)
    if group.is_finite:
        # a quarter of the colours is left over, so that the numbers can be read on all of them
        bounds = -0.5, len(irreps) - 0.5
        limit = 1.6 * float(np.abs(at.values).max())
        made.imshow(at.values, extent=(0, len(cells), bounds[1], bounds[0]), aspect="auto", **signed(limit))
    rows = range(len(irreps))
    for j, (_, texts) in enumerate(cells):
        for i in rows:
            made.text((lefts[j] + lefts[j + 1]) / 2, i, texts[i], ha="center", va="center", fontsize=9)
    for j, (_, texts) in enumerate(beside, len(cells)):
        for i in rows:
            made.text(lefts[j] + 0.2, i, texts[i], ha="left", va="center", fontsize=9, color="#444444")
    names = [class_name(name) for name, _ in cells] + [name for name, _ in beside]
    ticks = [((lefts[j] + lefts[j + 1]) / 2, name) for j, name in enumerate(names) if widths[j]]
    made.xaxis.tick_top()
    made.set_xticks([place for place, _ in ticks], [name for _, name in ticks])
    made.set_yticks(rows, [irrep_name(psi.label) for psi in irreps])
    made.tick_params(length=0, labelsize=9)
    made.set(xlim=(0, lefts[-1]), ylim=(len(irreps) - 0.5, -0.5))
    made.spines[:].set_visible(False)
    made.set_title(f"Characters of {group.name}", fontsize=11)
    return made


def class_name(name: str) -> str:
    """The name of a class with indices and powers: "12C5^2" as 12 C_5^2."""
    found = re.fullmatch(rf"(\d*)([CS{SIGMA}])(\d*[hvd]?)(?:\^(\d+))?('*)(\(\w+\))?", name)
    if not found:
        return name
    count, letter, index, power, primes, where = found.groups()
    sub = f"_{{{index}}}" if index else ""
    top = f"^{{{power}}}" if power else ""
    symbol = r"\sigma" if letter == SIGMA else rf"\mathrm{{{letter}}}"
    return f"${count}{symbol}{sub}{top}${primes}{where or ''}"


def irrep_name(label: str) -> str:
    """The label of an irrep with indices: "T1g" as T_1g, "E'" and numbers as they are."""
    found = re.fullmatch(r"([A-Z])(\d*[gu]?)('*)", label)
    if not found or not found[2]:
        return label
    return rf"$\mathrm{{{found[1]}}}_{{\mathrm{{{found[2]}}}}}${found[3]}"
