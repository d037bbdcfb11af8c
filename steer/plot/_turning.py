"""Plotly figures that notebooks and the pages made of them show without a connection; imported when one is made."""

import importlib
from typing import Any, ClassVar

import plotly.graph_objects
import plotly.io

LEFT_TO_JUPYTER = "plotly_mimetype"
"""Plotly's own choice in a kernel: data for an extension of Jupyter, and nothing for pages that have none."""


class Figure(plotly.graph_objects.Figure):  # type: ignore[misc]
    """A plotly figure that also comes as HTML.

    The first one that a kernel shows carries plotly.js, 5 MB; all others of the page use it. Who chooses a renderer,
    by ``plotly.io.renderers.default``, gets that one.
    """

    _carried: ClassVar[bool] = False  # whether the pages of this process have plotly.js

    def _ipython_display_(self) -> None:
        if plotly.io.renderers.default != LEFT_TO_JUPYTER:
            super()._ipython_display_()
            return
        importlib.import_module("IPython.display").display(self._bundle(), raw=True)  # only a kernel comes here

    def _bundle(self) -> dict[str, Any]:
        bundle: dict[str, Any] = self._repr_mimebundle_()
        settings = {"responsive": True, "displaylogo": False, "displayModeBar": False}
        bundle["text/html"] = self.to_html(
            full_html=False,
            include_plotlyjs=not Figure._carried,
            include_mathjax=False,
            config=settings,
            default_height=self.layout.height,
        )
        Figure._carried = True
        return bundle
