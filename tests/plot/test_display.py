"""What loads when, what notebooks show, and that nothing global changes."""

import importlib.util
import pickle
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import steer
from steer import nn, plot
from steer.errors import SteerError

G = steer.group("C4", dim=2)
PNG = b"\x89PNG"


def layer():
    return nn.Conv2d(nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.vector]), 3)


@pytest.mark.parametrize("heavy", ["torch", "matplotlib", "plotly", "scipy", "IPython"])
def test_the_package_loads_nothing_until_a_picture_is_asked_for(heavy):
    check = f"import steer, steer.plot, sys\nsys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_functions_load_without_matplotlib_and_pyplot_stays_out():
    check = (
        "import steer, sys\nfrom steer import plot\n"
        "functions = [getattr(plot, name) for name in plot.__all__]\n"
        "assert all(map(callable, functions))\n"
        "assert 'matplotlib' not in sys.modules and 'plotly' not in sys.modules\n"
        "plot.points(steer.group('D3', dim=2))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


def test_names():
    assert set(plot.__all__) == set(dir(plot))
    with pytest.raises(AttributeError, match=r"module 'steer.plot' has no attribute 'plot_filter'"):
        _ = plot.plot_filter


@pytest.mark.parametrize(
    ("package", "draw"),
    [
        ("matplotlib", lambda: plot.filter(layer())),
        ("matplotlib", lambda: plot.points(G)),
        ("matplotlib", lambda: plot.hexagonal(None, np.ones((3, 3)))),
        ("plotly", lambda: plot.isosurface(np.ones((2, 2, 2)))),
        ("plotly", lambda: plot.sphere([1.0], 0)),
    ],
)
def test_a_missing_package_is_named(monkeypatch, package, draw):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(SteerError, match=rf"steer.plot needs {package}: pip install 'steer\[plot\]'"):
        draw()


def shown(value):
    """What a notebook is sent for the last line of a cell: the picture, once."""
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(value)
    return data


def test_notebooks_show_figures_and_axes_made_here():
    for value in (plot.filter(layer()), plot.points(G), plot.points(steer.group("C3v", dim=3))):
        assert shown(value)["image/png"].startswith(PNG)
    # axes of others are theirs to show
    assert "image/png" not in shown(plot.points(G, axes=Figure().subplots()))


def test_figures_are_pickled():
    figure = pickle.loads(pickle.dumps(plot.filter(layer())))
    assert figure._repr_png_().startswith(PNG)


def test_nothing_global_changes():
    before = dict(matplotlib.rcParams), pyplot.get_fignums()
    plot.filter(layer())
    plot.points(steer.group("SO(3)", dim=3))
    plot.character_table(G)
    plot.isosurface(np.ones((2, 2, 2)))
    assert (dict(matplotlib.rcParams), pyplot.get_fignums()) == before


def test_figures_of_pyplot_are_drawn_on():
    figure = pyplot.figure()
    try:
        assert plot.filter(layer(), figure=figure) is figure
        assert pyplot.get_fignums() == [figure.number]
    finally:
        pyplot.close(figure)
