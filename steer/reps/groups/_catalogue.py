"""Groups by name."""

from ..._values import is_count
from ...errors import GroupError
from ..theory._group import Group
from ._line import parse_line
from ._planar import parse_planar
from ._spatial import parse_spatial


def group(name: str, dim: int) -> Group:
    """The closed subgroup of O(dim) called `name`, in the standard setting.

    On a line: "C1", the identity alone, and "D1", with the reflection x -> -x, for sequences.

    In the plane: "C{n}" (n rotations), "D{n}" (n rotations and n reflections; D1 is the reflection y -> -y alone),
    "SO(2)" and "O(2)", for n from 1 to 1,000,000.

    In space, by Schoenflies symbol: "C{n}", "C{n}v", "C{n}h", "S{2n}", "D{n}", "D{n}h", "D{n}d" for the same n; "Cs",
    "Ci"; "T", "Td", "Th", "O", "Oh", "I", "Ih"; "Cinf", "Cinfv", "Cinfh", "Dinf", "Dinfh", "SO(3)", "O(3)". The 32
    crystallographic point groups go by their Hermann-Mauguin symbols too ("m-3m", "4/mmm", "6mm"). The principal axis
    is z (of Cs, the normal of the mirror), the first perpendicular two-fold axis or vertical mirror plane contains x;
    the axes of the cube, and two-fold axes of the icosahedron, are x, y and z.

    Args:
        name: the name.
        dim: dimension of the space acted on: 1, 2 or 3.

    Returns:
        A frozen value, the same object for the same arguments.

    Raises:
        GroupError: unknown name (the message lists near ones and the grammar of names) or dimension.

    Example:
        >>> import steer
        >>> steer.group("C8", dim=2).order, steer.group("m-3m", dim=3).name
        (8, 'Oh')
    """
    if not is_count(dim, 1) or dim > 3:
        raise GroupError(f"dim: expected 1 (a line), 2 (the plane) or 3 (space), got {dim!r}")
    return (parse_line, parse_planar, parse_spatial)[dim - 1](name)
