"""The error of a network against its depth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import SteerError
from ..testing import Audit
from ._canvas import make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 1e-17
"""Errors of zero are drawn here on the logarithmic axis."""


def error_by_depth(audits: Mapping[str, Audit] | Audit, *, axes: "Axes | None" = None) -> "Axes":
    """The equivariance error after each layer of audited networks, in the order of the calls.

    Dots and full lines are errors of elements that do not map the grid to itself, crosses and dotted lines those of
    elements that do, which are round-off unless a layer is not equivariant. Layers whose errors are not known are left
    out.

    Args:
        audits: what `steer.audit` found of a network, or of several by name.
        axes: where to draw; those of a new figure when None.

    Returns:
        The axes.

    Raises:
        SteerError: no audit, one in which nothing was measured, `axes` are none, or matplotlib is missing.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C8", dim=2)
        >>> image, hidden = nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.regular])
        >>> net = nn.Sequential(nn.Conv2d(image, hidden, 5), nn.ReLU(hidden), nn.Conv2d(hidden, hidden, 5))
        >>> axes = steer.plot.error_by_depth(steer.audit(net, (4, 1, 17, 17)))
        >>> [label.get_text() for label in axes.get_xticklabels()]
        ['0 Conv2d', '1 ReLU', '2 Conv2d']
    """
    named = dict(audits) if isinstance(audits, Mapping) else {"": audits}
    for found in named.values():
        if not isinstance(found, Audit):
            raise SteerError(f"audits: expected what steer.audit returns, or several by name, got {found!r}")
    curves = {
        (name, exact): [
            (place, max(error, LEAST))
            for place, row in enumerate(found.rows)
            if (error := row.exact_after if exact else row.after) is not None
        ]
        for name, found in named.items()
        for exact in (False, True)
    }
    if not any(curves.values()):
        raise SteerError("audits: nothing was measured of any layer, so that there is nothing to draw")
    made = make_axes(axes, 6.5, 3.6)
    colours = {name: f"C{place % 10}" for place, name in enumerate(named)}
    for (name, exact), points in curves.items():
        if points:
            style: dict[str, Any] = {"marker": "x", "linestyle": ":"} if exact else {"marker": "o", "linestyle": "-"}
            label = ", ".join(part for part in (name, "elements of the grid" if exact else "others") if part)
            places, errors = zip(*points, strict=True)
            made.plot(places, errors, label=label, color=colours[name], markersize=4, linewidth=1.5, **style)
    longest = max(named.values(), key=lambda found: len(found.rows))
    labels = [f"{row.name} {row.layer}".strip() for row in longest.rows]
    made.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize=8)
    made.set_yscale("log")
    made.set(ylabel="relative equivariance error")
    made.spines[["top", "right"]].set_visible(False)
    made.legend(frameon=False, fontsize=8)
    return made
