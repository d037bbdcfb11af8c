"""Groups by name."""

from ..errors import GroupError
from ._group import Group
from ._planar import parse_planar


def group(name: str, dim: int) -> Group:
    """The closed subgroup of O(dim) called `name`, in the standard setting.

    In the plane: "C{n}" (n rotations), "D{n}" (n rotations and n reflections; D1 is the reflection y -> -y alone),
    "SO(2)" and "O(2)", for any n >= 1.

    Args:
        name: the name.
        dim: dimension of the space acted on: 2.

    Returns:
        A frozen value, the same object for the same arguments.

    Raises:
        GroupError: unknown name (the message lists near ones) or dimension.
    """
    if dim != 2:
        raise GroupError(f"dim: expected 2 (the plane), got {dim!r}")
    return parse_planar(name)
