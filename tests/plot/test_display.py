"""What loads when, what notebooks show, and that nothing global changes."""

import ast
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot
from matplotlib.figure import Figure

import steer
from steer import nn, plot
from steer.errors import SteerError

G = steer.group("C4", dim=2)
PNG = b"\x89PNG"


def layer():
    return nn.Conv2d(nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.vector]), 3)


def test_the_package_loads_nothing_until_a_picture_is_asked_for():
    check = (
        "import steer, steer.plot, sys\n"
        "loaded = {'torch', 'scipy', 'matplotlib', 'plotly', 'IPython'} & set(sys.modules)\n"
        "assert not loaded, f'import steer.plot loads {loaded}'"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize("path", sorted(Path(plot.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_drawing_packages_are_imported_when_something_is_drawn(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [name for name, _ in _imports(tree.body)]
    if path.stem not in ("_figure", "_turning"):  # which are imported inside functions
        assert not {"matplotlib", "mpl_toolkits", "plotly", "IPython"} & {name.split(".")[0] for name in imported}
    everywhere = list(_imports(list(ast.walk(tree))))
    assert all("pyplot" not in f"{module}.{name}" for module, name in everywhere)


def _imports(statements):
    """(module, name) of the import statements among some."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


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
    data, _ = DisplayFormatter().format(value)
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
