"""The plot of a hexagonal map: one regular hexagon for each sample, at its point, in its colour."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from steer.errors import ShapeError
from steer.kernels import Grid
from steer.plot import hexagonal


@pytest.mark.parametrize(("radius", "count"), [(0, 1), (1, 7), (3, 37)])
def test_every_sample_is_a_regular_hexagon(radius, count):
    axes = Figure().subplots()
    values = np.random.default_rng(0).normal(size=(2 * radius + 1,) * 2)
    cells = hexagonal(axes, values, cmap="gray")
    grid = Grid(values.shape, "hexagonal")
    assert axes.collections[0] is cells
    np.testing.assert_array_equal(cells.get_array(), values.ravel()[grid.index])
    corners = np.array([path.vertices[:6] for path in cells.get_paths()])
    assert corners.shape == (count, 6, 2)
    np.testing.assert_allclose(corners.mean(axis=1), grid.points, atol=1e-12)
    # edges are half a step from the centre, and face the neighbours
    middles = (corners + np.roll(corners, -1, axis=1)) / 2 - grid.points[:, None]
    np.testing.assert_allclose(np.linalg.norm(middles, axis=-1), 0.5, atol=1e-12)
    neighbours = Grid((3, 3), "hexagonal").points[[0, 1, 2, 4, 5, 6]] / 2
    for middle in middles:
        assert {tuple(p) for p in np.round(middle, 9) + 0.0} == {tuple(p) for p in np.round(neighbours, 9) + 0.0}
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=-1)
    np.testing.assert_allclose(sides, 1 / np.sqrt(3), atol=1e-12)
    # all of them are in view, y downwards as in an image
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < corners[..., 0].min() < corners[..., 0].max() < right
    assert top < corners[..., 1].min() < corners[..., 1].max() < bottom
    assert axes.get_aspect() == 1


def test_tensors_and_options_are_taken():
    axes = Figure().subplots()
    values = torch.randn(5, 5, dtype=torch.float16, requires_grad=True)
    cells = hexagonal(axes, values, cmap="magma", edgecolors="black", clim=(-2, 2))
    assert cells.get_cmap().name == "magma"
    assert cells.get_clim() == (-2, 2)
    assert len(cells.get_array()) == 19


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (1, 5, 5), (7,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ShapeError, match=r"values: expected one hexagonal map \(2R \+ 1, 2R \+ 1\), got shape"):
        hexagonal(Figure().subplots(), np.zeros(shape))
