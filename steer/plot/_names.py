"""Names of group elements, components and fields, for titles."""

import math

import numpy as np
import numpy.typing as npt

from .._values import Array, as_numbers
from ..errors import GroupError
from ..reps import Group, Induced, Irrep, Representation
from ..testing import grid_symmetries

DEGREE = "\N{DEGREE SIGN}"
NEAR = 1e-9


def degrees(angle: float) -> str:
    """An angle in radians as degrees between 0 and 360, to a tenth."""
    return f"{round(math.degrees(angle) % 360, 1) % 360:g}{DEGREE}"


def element_name(g: Array) -> str:
    """A rotation by its angle (and axis), a reflection by its axis (or plane), of a matrix that moves space."""
    g = np.asarray(g)
    if len(g) == 2:
        angle = math.atan2(g[1, 0], g[0, 0])
        if np.linalg.det(g) > 0:
            return degrees(angle)
        half = round(math.degrees(angle) / 2 % 180, 1) % 180
        return f"mirror {half:g}{DEGREE}"
    if len(g) != 3:
        return ""
    if np.linalg.det(g) > 0:
        return _turn(g)
    if np.allclose(g, -np.eye(3)):
        return "inversion"
    rest = _turn(-g)  # -R(180, n) is the mirror across n
    if rest.startswith("180"):
        return f"mirror \N{UP TACK} {rest.split(' ')[-1]}"
    return f"inversion, {rest}"


def _turn(g: Array) -> str:
    """A rotation of space by angle and axis."""
    vector = np.array([g[2, 1] - g[1, 2], g[0, 2] - g[2, 0], g[1, 0] - g[0, 1]])
    angle = math.atan2(float(np.linalg.norm(vector)), float(np.trace(g)) - 1)
    if angle < 1e-6:
        return f"0{DEGREE}"
    if math.pi - angle < 1e-6:
        along = g + np.eye(3)
        vector = along[:, int(np.argmax(np.diagonal(along)))]
    axis = vector / np.linalg.norm(vector)
    axis, angle = (axis, angle) if axis[np.argmax(np.abs(axis) > 1e-6)] > 0 else (-axis, -angle)
    return f"{degrees(angle)} {_axis(axis)}"


def _axis(axis: Array) -> str:
    if np.abs(axis).max() > 1 - 1e-9:
        return "xyz"[int(np.argmax(np.abs(axis)))]
    scaled = axis / np.abs(axis[np.abs(axis) > 1e-6]).min()
    whole = np.round(scaled)
    entries = whole if np.abs(scaled - whole).max() < 1e-6 else np.round(axis, 2)
    return "(" + ",".join(f"{value + 0.0:g}" for value in entries) + ")"


def component_names(rep: Representation) -> list[str]:
    """What to call the components: group elements in the plane, coordinates of vectors, else numbers."""
    if rep.size == 1:
        return [""]
    if is_vector(rep):
        return list("xyz"[: rep.size])
    if isinstance(rep, Induced) and rep.base.size == 1 and rep.group._axes == "plane":
        return [element_name(g).replace("mirror ", "m ") for g in rep.cosets]
    return [str(i) for i in range(rep.size)]


def is_vector(rep: Representation) -> bool:
    """Whether the representation is the action on space, matrix by matrix."""
    group = rep.group
    if rep.size != group.dim or group.dim not in (2, 3):
        return False
    g = np.concatenate([group.generators, group.identity_component])
    return bool(np.abs(rep(g) - group.action(g)).max(initial=0.0) < NEAR)


def is_trivial(rep: Representation) -> bool:
    """Whether the group leaves the components alone."""
    g = np.concatenate([rep.group.generators, rep.group.identity_component])
    return bool(np.abs(rep(g) - np.eye(rep.size)).max(initial=0.0) < NEAR)


def rep_name(rep: Representation) -> str:
    """A short name for titles."""
    if rep.size == 1 and is_trivial(rep):
        return "scalar"
    return f"irrep {rep.label}" if isinstance(rep, Irrep) else rep.name


def some_elements(group: Group, count: int = 8) -> Array:
    """A few elements spread over the group, the identity first: turns by eighths about the axis if it is continuous."""
    if group.is_finite:
        return group.elements[:: -(-len(group.elements) // count)]
    if group.element_size != group.dim or group.dim not in (2, 3):
        return grid_symmetries(group)[:count]
    turns = rotations(np.linspace(0, 360, count, endpoint=False), group.dim)
    return np.asarray(group.frame @ turns @ group.frame.T)


def rotations(degrees: Array, dim: int) -> Array:
    """(n, dim, dim): rotations by angles (n,) in degrees, x towards y, in space about z."""
    t = np.radians(degrees)
    out = np.tile(np.eye(dim), (len(t), 1, 1))
    out[:, :2, :2] = np.stack([np.stack([np.cos(t), -np.sin(t)], -1), np.stack([np.sin(t), np.cos(t)], -1)], -2)
    return out


def given_elements(group: Group, elements: npt.ArrayLike | None, count: int) -> Array:
    """Elements (n, ...) of a group, some of it when None.

    Raises:
        GroupError: a matrix is not in the group, or there is none.
    """
    if elements is None:
        return some_elements(group, count)
    size = group.element_size
    given = as_numbers("elements", elements, GroupError, "matrices")
    if given.shape[-2:] != (size, size) or not given.size:
        raise GroupError(f"elements: expected matrices (n, {size}, {size}) of {group!r}, got shape {given.shape}")
    given = given.reshape(-1, size, size)
    group.action(given)
    return given


def names_of(group: Group, elements: Array) -> list[str]:
    """What to call each of some elements (n, ...)."""
    return [element_name(move) for move in group.action(elements)]
