"""The plot of a hexagonal map: one regular hexagon for each sample, at its point, in its colour."""

import numpy as np
import pytest
import torch
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

import steer
from steer import nn
from steer.errors import ShapeError, SteerError
from steer.kernels import Grid
from steer.plot import equivariance, error_by_angle, fields, hexagonal, orbit


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


# Hexagonal maps turn as what they are

C6, D6 = (steer.group(name, dim=2) for name in ("C6", "D6"))


def maps(kind, seed=0, radius=4):
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, kind.size, *2 * [2 * radius + 1])))
    return nn.HexMask(kind)(x)


def values_of(axes):
    """What the hexagons of a panel show."""
    (cells,) = (found for found in axes.collections if isinstance(found, PolyCollection) and len(found.get_paths()) > 9)
    return np.asarray(cells.get_array())


def test_orbits_of_hexagonal_maps():
    kind = nn.FieldType(C6, [C6.trivial, C6.regular, C6.vector])
    f = kind(maps(kind))
    made = orbit(f, lattice="hexagonal")
    index = Grid((9, 9), "hexagonal").index
    for axes, g in zip(made.axes, C6.elements, strict=False):
        expected = nn.act_on_hexagonal(f.tensor[:, :1], g)[0, 0].numpy().ravel()[index]
        np.testing.assert_allclose(values_of(axes), expected, atol=1e-14)
    table = orbit(f, field=1, lattice="hexagonal").axes[0]
    assert len(values_of(table)) == 6 * 6 * len(index)
    for axes in orbit(f, field=2, lattice="hexagonal").axes[:6]:
        (arrows,) = (found for found in axes.collections if isinstance(found, Quiver))
        assert len(arrows.U) == len(index)


def test_fields_on_hexagons():
    kind = nn.FieldType(C6, [C6.trivial, C6.regular, C6.vector])
    f = kind(maps(kind))
    first, second, third = fields(f, lattice="hexagonal").axes[:3]
    index = Grid((9, 9), "hexagonal").index
    np.testing.assert_allclose(values_of(first), f.tensor[0, 0].numpy().ravel()[index])
    assert len(values_of(second)) == 6 * len(index)
    np.testing.assert_allclose(values_of(third), f.tensor[0, 7:].norm(dim=0).numpy().ravel()[index])


@pytest.mark.parametrize("group", [C6, D6])
def test_both_ways_round_on_hexagons(group):
    kind = nn.FieldType(group, [group.trivial, group.vector])
    model = nn.HexConv2d(kind, kind, 3, padding=1, dtype=torch.float64)
    made = equivariance(model, maps(kind), group.elements[1:3])
    titles = [axes.get_title() for axes in made.axes if "relative error" in axes.get_title()]
    assert len(titles) == 2
    assert all(float(title.split()[-1]) < 1e-12 for title in titles)
    axes = error_by_angle(model, maps(kind))
    angles, errors = axes.lines[0].get_data()
    assert max(error for angle, error in zip(angles, errors, strict=True) if angle % 60 == 0) < 1e-12
    assert max(errors) > 1e-3  # white noise between them


def test_what_is_no_hexagonal_map_is_refused():
    kind = nn.FieldType(C6, [C6.trivial])
    f = kind(torch.zeros(1, 1, 4, 4))
    for draw in (fields, orbit):
        with pytest.raises(ShapeError, match="x: expected a hexagonal map"):
            draw(f, lattice="hexagonal")
        with pytest.raises(SteerError, match="lattice: expected 'square' or 'hexagonal', got 'cubic'"):
            draw(f, lattice="cubic")
