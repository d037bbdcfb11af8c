"""Pixels that are no squares are drawn as they are, fields turn as in space, and slices lie where they are."""

import numpy as np
import pytest
import torch

import steer
from steer import nn, plot
from steer.errors import SteerError
from steer.testing import grid_symmetries

from .test_fields import arrows, drawn, field
from .test_filters import image, labels, tiles

C4, D4 = (steer.group(name, dim=2) for name in ("C4", "D4"))
SO3 = steer.group("SO(3)", dim=3)


def extent(axes):
    return axes.images[0].get_extent()


def test_pixels_of_the_plane_are_as_high_and_as_wide_as_samples_are_apart():
    f = field(C4, [C4.trivial, C4.vector, C4.regular], 4, 6)
    scalar, vector, regular = drawn(plot.fields(f, spacing=(5.0, 2.0)))  # 2.5 : 1
    np.testing.assert_allclose(extent(scalar), (-3, 3, 5, -5))
    np.testing.assert_allclose(image(scalar), f.tensor[0, 0])
    np.testing.assert_allclose(extent(vector), (-3, 3, 5, -5))
    x, y = np.meshgrid(np.arange(6) - 2.5, 2.5 * (np.arange(4) - 1.5))
    np.testing.assert_allclose(arrows(vector).get_offsets(), np.stack([x.ravel(), y.ravel()], -1))
    assert vector.get_ylim() == (5, -5)
    np.testing.assert_allclose(extent(regular), (-3, 9, 15, -5))
    np.testing.assert_allclose(tiles(regular, 4, 6).reshape(4, 4, 6), f.tensor[0, 3:])
    assert all(axes.get_aspect() == 1 for axes in (scalar, vector, regular))
    assert len(arrows(drawn(plot.fields(f, fields=[1], spacing=(40.0, 1.0)))[0]).U) == 4  # none on top of another


def test_equal_distances_are_none():
    f = field(C4, [C4.trivial], 4, 6)
    for spacing in (None, 3.0, (0.5, 0.5), torch.tensor([2.0, 2.0])):
        np.testing.assert_allclose(extent(drawn(plot.fields(f, spacing=spacing))[0]), (-3, 3, 2, -2))


def test_slices_have_coordinates_and_pixels_of_the_plane():
    f = field(SO3, [SO3.trivial, SO3.vector], 4, 6, 6)
    scalar, vector = drawn(plot.fields(f, spacing=(3.0, 2.0, 1.0)))
    assert labels(scalar.xaxis) == ["z = -4.5", "z = -1.5", "z = 1.5", "z = 4.5"]
    np.testing.assert_allclose(extent(scalar), (-3, 21, 6, -6))
    np.testing.assert_allclose(tiles(scalar, 6, 6)[0], f.tensor[0, 0])
    assert vector.get_title() == "field 1: vector, z = 1.5, colour z"
    assert vector.get_ylim() == (6, -6)


def test_a_cube_of_thick_slices_is_shown_from_three_sides_alike():
    f = field(SO3, [SO3.trivial], 9, 18, 18)
    (axes,) = drawn(plot.fields(f, spacing=(2.0, 1.0, 1.0)))
    assert labels(axes.xaxis) == ["z = 0", "y = 0.5", "x = 0.5"]
    np.testing.assert_allclose(extent(axes), (-9, 45, 9, -9))
    shown = tiles(axes, 72, 72)[0]
    values = f.tensor[0, 0].numpy()
    np.testing.assert_allclose(shown[0], np.kron(values[4], np.ones((4, 4))))
    np.testing.assert_allclose(shown[1], np.kron(values[:, 9], np.ones((8, 4))))
    np.testing.assert_allclose(shown[2], np.kron(values[:, :, 9], np.ones((8, 4))))
    (axes,) = drawn(plot.fields(f))  # no cube of cubes
    assert len(labels(axes.xaxis)) == 7


def test_orbits_turn_in_space():
    kind = nn.FieldType(D4, [D4.trivial, D4.vector, D4.regular])
    f = kind(torch.randn(1, kind.size, 5, 9))
    spacing = (2.0, 1.0)
    panels = drawn(plot.orbit(f, spacing=spacing))
    for g, axes in zip(D4.elements, panels, strict=True):
        np.testing.assert_allclose(image(axes), f[:, 0].transform(g, spacing=spacing).tensor[0, 0], atol=1e-6)
        np.testing.assert_allclose(extent(axes), (-4.5, 4.5, 5, -5))
    g = grid_symmetries(D4, spacing=spacing)[-1]
    (axes,) = drawn(plot.orbit(f, [g], field=2, spacing=spacing))
    np.testing.assert_allclose(tiles(axes, 5, 9)[0], f[:, 2].transform(g, spacing=spacing).tensor[0])
    np.testing.assert_allclose(extent(axes), (-4.5, 67.5, 5, -5))
    volume = field(SO3, [SO3.trivial], 3, 6, 6)
    (axes,) = drawn(plot.orbit(volume, SO3.sample(2, seed=0), spacing=(2.0, 1.0, 1.0)))
    assert labels(axes.xaxis) == ["z = -2", "z = 0", "z = 2"]


def test_orbits_of_images_that_are_no_squares():
    f = field(C4, [C4.trivial, C4.regular, C4.vector], 4, 7)
    for index in (0, 2):
        panels = drawn(plot.orbit(f, field=index))
        shapes = [np.ptp(np.reshape([axes.get_xlim(), axes.get_ylim()[::-1]], (2, 2)), axis=1) for axes in panels]
        np.testing.assert_allclose(shapes, 2 * [(7, 4), (4, 7)])
    (axes,) = drawn(plot.orbit(f, field=1))  # a table, of the grid as it is
    turns = C4.elements
    expected = f.type.transform(f.tensor[:1].expand(4, -1, -1, -1), turns)[:, 1:5]
    np.testing.assert_allclose(tiles(axes, 4, 7), expected, atol=1e-6)
    image_type = nn.FieldType(C4, [C4.trivial])
    panels = drawn(
        plot.equivariance(nn.Conv2d(image_type, image_type, 3, padding=1), f.tensor[:1, :1], C4.elements[1:3])
    )
    np.testing.assert_allclose(extent(panels[0]), (-2, 2, 3.5, -3.5))
    np.testing.assert_allclose(extent(panels[4]), (-3.5, 3.5, 2, -2))


def test_both_ways_round_are_drawn_with_the_spacing_of_the_layers():
    scan = nn.FieldType(SO3, [SO3.trivial])
    conv = nn.Conv3d(scan, scan, 3, padding=1, stride=(1, 2, 1), spacing=(3.0, 1.0, 2.0))
    turn = grid_symmetries(SO3, spacing=(3.0, 1.0, 2.0))[1]
    panels = drawn(plot.equivariance(conv, torch.randn(1, 1, 3, 7, 5), [turn]))
    np.testing.assert_allclose(extent(panels[0]), (-5, 25, 3.5, -3.5))
    np.testing.assert_allclose(np.ptp(extent(panels[1])[:2]) / np.ptp(extent(panels[1])[2:]), 3 * 5 / 4)


def test_surfaces_stand_where_samples_do():
    figure = plot.isosurface(np.random.default_rng(0).normal(size=(3, 4, 5)), spacing=(6.0, 2.0, 2.0))
    trace = figure.data[0]
    where = np.stack([trace.x, trace.y, trace.z], -1).reshape(3, 4, 5, 3)
    np.testing.assert_allclose(where[0, 0, 0], (-2, -1.5, -3))
    assert figure.layout.scene.zaxis.range == (-4.5, 4.5)


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), "thick", (1.0, 2.0, 3.0)])
def test_what_is_no_spacing_is_refused(spacing):
    f = field(C4, [C4.trivial], 4, 6)
    for draw in (plot.fields, plot.orbit):
        with pytest.raises(SteerError, match="spacing: expected 2 distances > 0"):
            draw(f, spacing=spacing)


def test_hexagonal_maps_have_none():
    C6 = steer.group("C6", dim=2)
    f = nn.FieldType(C6, [C6.trivial])(torch.zeros(1, 1, 5, 5))
    for draw in (plot.fields, plot.orbit):
        with pytest.raises(SteerError, match="spacing: neighbours are equally far apart on the hexagonal lattice"):
            draw(f, lattice="hexagonal", spacing=(2.0, 1.0))
