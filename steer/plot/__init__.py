"""Pictures of filters, fields, groups and equivariance; needs the extra `plot`: ``pip install steer[plot]``.

As in an image, x grows to the right and y downwards; the unit is the pixel, the origin the centre of the grid. An arrow
with the components (x, y) points there on the screen. Functions that draw several panels return a figure, those that
draw one panel its axes. Neither is known to pyplot, and nothing global is changed: a notebook shows what the last line
of a cell returns, once, whether pyplot is imported or not; elsewhere use ``figure.savefig(path)``.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._audit import error_by_depth
    from ._basis import basis
    from ._character_table import character_table
    from ._equivariance import equivariance, error_by_angle
    from ._fields import fields
    from ._filters import filter  # noqa: A004 - the picture of a filter, always used as plot.filter
    from ._hexagonal import hexagonal
    from ._orbit import orbit, points
    from ._plan import plan
    from ._surfaces import isosurface, sphere

__all__ = [
    "basis",
    "character_table",
    "equivariance",
    "error_by_angle",
    "error_by_depth",
    "fields",
    "filter",
    "hexagonal",
    "isosurface",
    "orbit",
    "plan",
    "points",
    "sphere",
]

_FILES = {
    "basis": "_basis",
    "character_table": "_character_table",
    "equivariance": "_equivariance",
    "error_by_angle": "_equivariance",
    "error_by_depth": "_audit",
    "fields": "_fields",
    "filter": "_filters",
    "hexagonal": "_hexagonal",
    "isosurface": "_surfaces",
    "orbit": "_orbit",
    "plan": "_plan",
    "points": "_orbit",
    "sphere": "_surfaces",
}


def __getattr__(name: str) -> object:
    # PEP 562: torch is imported by the first picture that needs it, matplotlib and plotly by the first that is drawn.
    if name in _FILES:
        return getattr(importlib.import_module(f".{_FILES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
