"""Figures and axes that notebooks show though pyplot does not know them; imported when something is drawn.

With pyplot imported, IPython has a printer for figures, which goes first; without, it asks for `_repr_png_`. One of the
two answers, so the picture is shown once.
"""

import io

import matplotlib.axes
import matplotlib.figure
from mpl_toolkits.mplot3d import Axes3D


class Figure(matplotlib.figure.Figure):
    """A figure that IPython shows as a picture."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()


def _png(axes: matplotlib.axes.Axes) -> bytes | None:
    figure = axes.get_figure(root=True)
    return figure._repr_png_() if isinstance(figure, Figure) else None


class Panel(matplotlib.axes.Axes):
    """Axes that IPython shows as the picture of their figure."""

    def _repr_png_(self) -> bytes | None:
        return _png(self)


class SpacePanel(Axes3D):  # type: ignore[misc]
    """The same in space."""

    def _repr_png_(self) -> bytes | None:
        return _png(self)
