"""Surfaces by plotly: the values of their traces, and HTML that needs no connection."""

import sys

import numpy as np
import plotly.io
import pytest
import torch

import steer
from steer import plot
from steer.errors import RepresentationError, ShapeError, SteerError


@pytest.fixture(autouse=True)
def _no_nbformat(monkeypatch):
    """Plotly's renderers load it if they can, which takes seconds, and none that is tested needs it."""
    monkeypatch.setitem(sys.modules, "nbformat", None)


def test_both_signs_of_each_volume_at_one_level():
    volume = torch.randn(2, 3, 4, 5, requires_grad=True)
    figure = plot.isosurface(volume, level=0.25, titles=["one", "two"])
    values = volume.detach().numpy()
    assert [trace.type for trace in figure.data] == 4 * ["isosurface"]
    level = 0.25 * np.abs(values).max()
    for index, trace in enumerate(figure.data):
        sign = 1 - 2 * (index % 2)
        np.testing.assert_allclose(trace.value, sign * values[index // 2].ravel(), rtol=1e-6)
        np.testing.assert_allclose((trace.isomin, trace.isomax), (level, level), rtol=1e-6)
    assert len({trace.colorscale for trace in figure.data}) == 2
    assert [trace.scene for trace in figure.data] == ["scene", "scene", "scene2", "scene2"]
    trace = figure.data[0]
    where = np.stack([trace.x, trace.y, trace.z], -1).reshape(3, 4, 5, 3)
    np.testing.assert_allclose(where[0, 0, 0], (-2, -1.5, -1))
    np.testing.assert_allclose(where[2, 1, 3], (1, -0.5, 1))  # entry (z, y, x)
    assert [title.text for title in figure.layout.annotations] == ["one", "two"]
    assert figure.layout.scene.xaxis.visible is False
    assert figure.layout.scene2.zaxis.range == (-1.5, 1.5)
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_one_volume_and_many():
    assert len(plot.isosurface(np.random.default_rng(0).normal(size=(3, 3, 3))).data) == 2
    figure = plot.isosurface(np.ones((6, 2, 2, 2)))
    assert len(figure.data) == 12
    assert figure.layout.scene5.domain.y[0] < figure.layout.scene4.domain.y[0]  # a second row


def test_the_radius_is_the_size_of_the_function_and_the_colour_its_sign():
    coefficients = np.array([[0.3, -1.0, 0.5], [0.0, 0.0, 2.0]])
    figure = plot.sphere(coefficients, 1, resolution=8, titles=["f", "g"])
    for trace, row in zip(figure.data, coefficients, strict=True):
        points = np.stack([trace.x, trace.y, trace.z], -1)
        radius = np.linalg.norm(points, axis=-1)
        assert points.shape == (8, 17, 3)
        directions = np.where(radius[..., None] > 1e-9, points, 1.0)
        f = steer.reps.harmonics(directions, 1) @ row
        inside = radius > 1e-9
        np.testing.assert_allclose(radius[inside], np.abs(f)[inside], rtol=1e-9)
        np.testing.assert_array_equal(trace.surfacecolor[inside], np.sign(f)[inside])
    # degree 1 is sqrt(3) (x, y, z)
    top = np.array([figure.data[1][axis][0, 0] for axis in "xyz"])
    np.testing.assert_allclose(top, (0, 0, 2 * np.sqrt(3)), atol=1e-12)
    assert len(plot.sphere([1.0], 0).data) == 1


def test_pages_need_no_connection_and_carry_the_library_once(monkeypatch):
    figure = plot.isosurface(np.ones((2, 2, 2)))
    monkeypatch.setattr(type(figure), "_carried", False)
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")
    figure._ipython_display_()
    plot.sphere([1.0], 0)._ipython_display_()
    first, second = (bundle["text/html"] for bundle in shown)
    assert len(first) > 3e6 > 1e6 > len(second)
    assert all("Plotly.newPlot" in html for html in (first, second))
    assert "src=" not in second
    assert "<script src" not in first
    assert all("application/vnd.plotly.v1+json" in bundle for bundle in shown)


def test_a_renderer_that_was_chosen_is_kept(monkeypatch):
    shown = []
    monkeypatch.setattr("plotly.io.show", lambda figure: shown.append(figure))
    monkeypatch.setattr(plotly.io.renderers, "default", "json")
    figure = plot.sphere([1.0], 0)
    figure._ipython_display_()
    assert shown == [figure]


def test_bad_arguments_are_named():
    cube = np.ones((3, 3, 3))
    for bad in (np.ones((3, 3)), np.ones((0, 3, 3, 3)), np.ones((1, 3, 3))):
        with pytest.raises(
            ShapeError, match=r"volume: expected \(z, y, x\) or \(m, z, y, x\), at least 2 samples an axis"
        ):
            plot.isosurface(bad)
    for level in (0, 1, -0.5, float("nan")):
        with pytest.raises(SteerError, match="level: expected a number between 0 and 1, got"):
            plot.isosurface(cube, level=level)
    with pytest.raises(SteerError, match="volume: expected finite values, got some that are not"):
        plot.isosurface(cube * np.inf)
    with pytest.raises(ShapeError, match="titles: expected 1 of them, got 2"):
        plot.isosurface(cube, titles=["a", "b"])
    with pytest.raises(ShapeError, match=r"coefficients: expected \(5,\) or \(m, 5\) for degree 2, got shape \(3,\)"):
        plot.sphere(np.ones(3), 2)
    with pytest.raises(RepresentationError, match="degree: expected an integer >= 0, got -1"):
        plot.sphere(np.ones(3), -1)
    with pytest.raises(SteerError, match="resolution: expected an integer >= 4, got 2"):
        plot.sphere(np.ones(3), 1, resolution=2)
