"""What `steer groups` prints: the catalogue of groups, and a page about one of them."""

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.console import Group as Stack
from rich.markup import escape
from rich.padding import Padding

from .._classes import (
    HIGHEST_DEGREE,
    SIGMA,
    Cells,
    Characters,
    Column,
    characters,
    columns,
    functions,
    listed,
    number,
)
from .._values import Array
from ..errors import GroupError
from ..reps import Group, LineGroup, PlanarGroup, SpatialGroup
from ..reps import group as named
from ..reps.groups._names import HERMANN_MAUGUIN
from ._character_table import character_tables, plain_table

MOST_ELEMENTS = 256
"""Orders up to which classes and subgroups, whose time grows faster than the order, are shown."""

MOST_COLUMNS = 40
"""Larger character tables are left out."""

PLANE = (
    ("C{n}", "n", "n rotations"),
    ("D{n}", "2n", "n rotations and n reflections; D1 is y -> -y alone"),
    ("SO(2)", "∞", "all rotations"),
    ("O(2)", "∞", "all rotations and reflections"),
)
AXIAL = (
    ("C{n}", "n", "n rotations about z"),
    ("C{n}v", "2n", "C{n}, n mirror planes through z"),
    ("C{n}h", "2n", "C{n} times z -> -z; C1h is Cs"),
    ("S{2n}", "2n", "powers of a rotoreflection; S2 is Ci"),
    ("D{n}", "2n", "C{n}, n half turns about axes across z"),
    ("D{n}h", "4n", "D{n} times z -> -z"),
    ("D{n}d", "4n", "D{n}, n mirror planes between its axes"),
)
POLYHEDRAL = (
    ("T", "12", "rotations of the tetrahedron"),
    ("Td", "24", "all symmetries of the tetrahedron"),
    ("Th", "24", "T times the inversion"),
    ("O", "24", "rotations of the cube and the octahedron"),
    ("Oh", "48", "all symmetries of the cube and the octahedron"),
    ("I", "60", "rotations of the icosahedron and the dodecahedron"),
    ("Ih", "120", "all symmetries of the icosahedron"),
)
CONTINUOUS = (
    ("Cinf", "∞", "all rotations about z"),
    ("Cinfv", "∞", "Cinf and all mirror planes through z"),
    ("Cinfh", "∞", "Cinf times z -> -z"),
    ("Dinf", "∞", "Cinf and all half turns about axes across z"),
    ("Dinfh", "∞", "all symmetries of a cylinder"),
    ("SO(3)", "∞", "all rotations"),
    ("O(3)", "∞", "all rotations and reflections"),
)
LINE = (
    ("C1", "1", "the identity alone"),
    ("D1", "2", "the identity and the reflection x -> -x"),
)
KINDS = (
    ("Line", LINE, "steer.group('D1', dim=1)"),
    ("Plane, n >= 1", PLANE, "steer.group('C8', dim=2)"),
    ("Space, about one axis, n >= 1", AXIAL, "steer.group('D4h', dim=3) or steer.group('4/mmm', dim=3)"),
    ("Space, polyhedral", POLYHEDRAL, "steer.group('Oh', dim=3)"),
    ("Space, continuous", CONTINUOUS, "steer.group('SO(3)', dim=3)"),
)

SPACES = {1: "A line", 2: "The plane", 3: "Space"}

NOTES = {
    "C": "Cn^k: rotation by k 2π/n",
    "S": "Sn^k: Cn^k times the mirror across its axis",
    SIGMA: f"{SIGMA}: mirror",
    "i": "i: inversion",
}
"""What the classes are whose names begin like that."""

CUBIC_NOTES = {
    "C2'": "C2: about an axis of the cube; C2': a face diagonal",
    f"{SIGMA}h": f"{SIGMA}h: perpendicular to an axis of the cube",
    f"{SIGMA}d": f"{SIGMA}d: perpendicular to a face diagonal",
}
AXIAL_NOTES = {
    "C2'": "C2': about x and its images",
    "C2''": "C2'': about the axes between",
    f"{SIGMA}h": f"{SIGMA}h: perpendicular to the principal axis",
    f"{SIGMA}v": f"{SIGMA}v: contains x or an image of it",
    f"{SIGMA}v'": f"{SIGMA}v': contains y",
    f"{SIGMA}d": f"{SIGMA}d: the planes between",
}
PLANAR_NOTES = {f"{SIGMA}'": f"{SIGMA}: keeps x or an image of it; {SIGMA}': the lines between"}

# The catalogue ------------------------------------------------------------------------------------------------------


def catalogue(dim: int) -> Iterator[RenderableType]:
    """The families of groups, one table for each kind, and what to type next; of all dimensions, if `dim` is one."""
    named("C1", dim)
    for title, rows, example in KINDS:
        symbols = ["" if rows in (LINE, PLANE) else _international(name) for name, *_ in rows]
        table = plain_table("name", "order")
        table.add_column("elements")
        if any(symbols):
            table.add_column("Hermann-Mauguin", no_wrap=True)
        for (name, order, elements), symbol in zip(rows, symbols, strict=True):
            table.add_row(f"[bold]{name}[/]", order, elements, *([symbol] if any(symbols) else []))
        yield _titled(title, table, f"[cyan]{escape(example)}[/]")
    yield "\nOne group: [cyan]steer groups Oh[/], [cyan]steer groups D4 --dim 2[/], [cyan]steer groups 'SO(3)'[/]."


def _international(pattern: str) -> str:
    """The Hermann-Mauguin symbols of the crystallographic groups of a family, or of one group."""
    found = []
    for n in (1, 2, 3, 4, 6):
        group = named(pattern.format(n=n) if "2n" not in pattern else f"S{2 * n}", dim=3)
        found.append(_symbol(group) if group == group.standard else "")
    return ", ".join(dict.fromkeys(filter(None, found)))


def _symbol(group: Group) -> str:
    """The Hermann-Mauguin symbol, if there is one."""
    return next((symbol for symbol, name in HERMANN_MAUGUIN.items() if group.dim == 3 and name == group.name), "")


def _titled(title: str, *parts: RenderableType) -> Stack:
    return Stack(f"\n[bold underline]{title}[/]", *parts)


# One group ----------------------------------------------------------------------------------------------------------


def one(name: str, dim: int) -> Group:
    """The group of a name; an unknown one that is known in another dimension is an error that says so."""
    try:
        return named(name, dim=dim)
    except GroupError as error:
        there = _elsewhere(name, dim)
        if not there:
            raise
        raise GroupError(f"{str(error).rstrip('.')}. {'; '.join(there)}") from error


def _elsewhere(name: str, dim: int) -> list[str]:
    """What to type for the groups of that name in other dimensions."""
    found = []
    for other, place in SPACES.items() if dim in SPACES else ():
        if other != dim:
            with contextlib.suppress(GroupError):
                named(name, dim=other)
                found.append(f"{place} has a group {name}: steer groups {shlex.quote(name)} --dim {other}")
    return found


def page(group: Group, console: Console) -> Iterator[RenderableType]:
    """Order, classes, characters, maximal subgroups of a group, and how harmonics split; fits the console."""
    if group.is_finite and group.order > MOST_ELEMENTS:
        yield from _heading(group)
        yield f"\nThe tables are left out: they are made for groups of up to {MOST_ELEMENTS} elements."
        return
    shown = columns(group) if group.is_finite else []
    at = characters(group, shown)
    yield from _heading(group)
    yield from _characters(group, shown, at, console)
    yield Columns([_subgroups(group), _splitting(group, at)], padding=(0, 6))


def _heading(group: Group) -> Iterator[RenderableType]:
    symbol = _symbol(group)
    products = group.generators[:, None] @ group.generators
    abelian = "abelian" if np.allclose(products, np.swapaxes(products, 0, 1)) else "not abelian"
    order = f"Order {group.order}" if group.is_finite else "Infinite order"
    yield f"[bold]{group.name}[/]" + (f", Hermann-Mauguin symbol [bold]{symbol}[/]" if symbol else "")
    count = len(group.conjugacy_classes) if group.is_finite and group.order <= MOST_ELEMENTS else 0
    yield f"{order}, {abelian}" + (f", {count} conjugacy class{'es' if count > 1 else ''}." if count else ".")
    yield _setting(group)
    yield f"[cyan]{escape(repr(group))}[/]"
    for line in _elsewhere(group.name, group.dim):
        yield f"[dim]{escape(line)}[/]"


def _setting(group: Group) -> str:
    """Where the axes are, as a sentence."""
    axis, secondary = place(group)
    if group._axes == "line":
        return "The line is x." if group.order == 1 else "The reflection takes x to -x."
    if group._axes == "plane":
        return (
            f"A reflection keeps {axis}." if axis else "Rotations about the origin; a positive angle turns x towards y."
        )
    if group._axes == "icosahedron":
        return "Two-fold axes are x, y and z; a five-fold axis is (0, 1, φ)."
    if group._axes == "cube":
        return "The axes of the cube are x, y and z."
    if not axis:
        return "No axis is distinguished."
    if group.name == "Cs":
        return f"The mirror plane is perpendicular to {axis}."
    second = f"; {'a mirror plane contains' if group.name.endswith('v') else 'a two-fold axis is'} {secondary}"
    return f"The principal axis is {axis}{second if secondary else ''}."


def place(group: Group) -> tuple[str, str]:
    """The principal axis and the secondary one, as `Group.subgroup` takes them; empty where there is no choice."""
    if isinstance(group, LineGroup):
        return "", ""
    if isinstance(group, PlanarGroup):
        return (_angle(group.axis), "") if group.reflections and group.is_finite else ("", "")
    assert isinstance(group, SpatialGroup), "a group is one of a line, the plane or space"
    if group.is_isotropic or (group._axes in ("cube", "icosahedron") and group.setting.is_standard):
        return "", ""
    return _direction(group.frame[:, 2]), _direction(group.frame[:, 0]) if group.has_secondary else ""


def _angle(turn: Fraction) -> str:
    """The direction at an angle of pi * turn to x."""
    n, d = turn.as_integer_ratio()
    return f"{n if n > 1 else ''}π/{d}" if turn else "x"


def _direction(axis: Array) -> str:
    """A letter if it is a coordinate axis, else a vector whose smallest component is 1 or -1."""
    size = np.abs(axis)
    if size.max() > 1 - 1e-9:
        return "xyz"[int(size.argmax())]
    leading = axis[np.flatnonzero(size > 1e-9)[0]]
    scaled = axis * np.sign(leading) / size[size > 1e-9].min()
    return f"({', '.join(number(value) for value in scaled)})"


# Characters ---------------------------------------------------------------------------------------------------------


def _characters(group: Group, shown: Sequence[Column], at: Characters, console: Console) -> Iterator[RenderableType]:
    if len(shown) > MOST_COLUMNS:
        yield f"\nThe character table is left out: it has {len(shown)} columns."
        return
    irreps, cells = listed(group, shown, at)
    for i, table in enumerate(character_tables(irreps, cells, functions(group, at), console)):
        yield _titled("Characters", table) if i == 0 else Stack("", table)
    yield _notes(group, cells, at)


def _notes(group: Group, cells: Cells, at: Characters) -> RenderableType:
    """What the signs in the table mean, as far as they occur."""
    names = {heading.lstrip("0123456789") for heading, _ in cells}
    marks = {"cube": CUBIC_NOTES, "icosahedron": CUBIC_NOTES, "plane": PLANAR_NOTES}.get(group._axes, AXIAL_NOTES)
    notes = [text for symbol, text in NOTES.items() if any(name.startswith(symbol) for name in names)]
    notes += [text for name, text in marks.items() if name in names]
    if any("φ" in cell for _, column in cells for cell in column):
        notes.append("φ = (1 + √5)/2")
    if any(psi.type == "complex" for psi in at.irreps):
        notes.append("complex: two conjugate irreps over C")
    if group.is_finite and len(cells) < len(group.conjugacy_classes):
        notes.append("a class and its inverses share a column")
    if not group.is_finite:
        notes.append("and so on for every frequency")
    notes += {1: [], 2: ["R: rotation of the plane"]}.get(group.dim, ["Rx, Ry, Rz: axial vector"])
    return Padding(Columns([f"[dim]{escape(note)}[/]" for note in notes], padding=(0, 3)), (1, 0, 0, 0))


# Subgroups and harmonics --------------------------------------------------------------------------------------------


def maximal_subgroups(group: Group) -> list[Group]:
    """One of each conjugacy class of proper subgroups of a finite group that are in no larger one; largest first."""
    found: list[Group] = []
    for small in sorted(group.subgroups(), key=lambda small: -small.order):
        if small.order < group.order and not any(_is_inside(group, small, large) for large in found):
            found.append(small)
    return found


def _is_inside(group: Group, small: Group, large: Group) -> bool:
    """Whether a conjugate of one subgroup lies in another."""
    g = group.elements[:, None]
    moved = g @ small.generators @ np.swapaxes(g, -1, -2)
    return large.order % small.order == 0 and bool(large._contains(moved).all(1).any())


def _subgroups(group: Group) -> Stack:
    if not group.is_finite:
        table = plain_table("kind")
        table.add_column("names")
        for kind, names in subgroup_families(group).items():
            if names:
                table.add_row(kind, ", ".join(names))
        return _titled("Closed subgroups", table)
    found = [(small, *place(small)) for small in maximal_subgroups(group)]
    title = "Maximal subgroups, up to conjugation"
    if not found:
        return _titled(title, "none")
    table = plain_table("name", "order", "index")
    for column, heading in ((1, "axis"), (2, "secondary")):
        if any(row[column] for row in found):
            table.add_column(heading, no_wrap=True)
    for small, *where in found:
        given = [word for i, word in enumerate(where) if any(row[i + 1] for row in found)]
        table.add_row(f"[bold]{small.name}[/]", str(small.order), str(int(group.order / small.order)), *given)
    return _titled(title, table, f"[cyan]{escape(repr(group))}.subgroup({found[-1][0].name!r})[/]")


def subgroup_families(group: Group) -> dict[str, list[str]]:
    """The names of the proper closed subgroups of a continuous group, by kind."""
    out: dict[str, list[str]] = {"any n": [], "other finite": [], "continuous": []}
    for small in group.subgroups():
        if small == group:
            continue
        pattern = re.sub(r"\d+", "{2n}" if small.name[0] == "S" else "{n}", small.name) if small.is_finite else ""
        out["any n" if "{" in pattern else "other finite" if pattern else "continuous"].append(pattern or small.name)
    members = {"Cs": "C{n}h", "Ci": "S{2n}"}
    out["other finite"] = [name for name in out["other finite"] if members.get(name) not in out["any n"]]
    return {kind: list(dict.fromkeys(names)) for kind, names in out.items()}


def _splitting(group: Group, at: Characters) -> Stack:
    table = plain_table("degree", "size")
    table.add_column("irreps")
    for degree in range((1 if group.dim == 1 else HIGHEST_DEGREE) + 1):
        rep = group.harmonic(degree)
        found = at.split(rep.character(at.g))
        irreps = " + ".join(f"{count} {label}" if count > 1 else label for label, count in found.items())
        table.add_row(str(degree), str(rep.size), irreps)
    return _titled("Harmonics of a degree split into", table)
