"""Pictures of fields and orbits show the numbers of the tensor, and arrows point where components point on screen."""

import numpy as np
import pytest
import torch
from matplotlib.quiver import Quiver

import steer
from steer import nn, plot
from steer.errors import FieldTypeError, GroupError, ShapeError

from .test_filters import image, labels, tiles

C4, D3 = (steer.group(name, dim=2) for name in ("C4", "D3"))
O3, SO3, CINF = (steer.group(name, dim=3) for name in ("O(3)", "SO(3)", "Cinf"))


def field(group, reps, *space):
    kind = nn.FieldType(group, reps)
    generator = torch.Generator().manual_seed(0)
    return kind(torch.randn(2, kind.size, *space, generator=generator))


def arrows(axes):
    (found,) = [artist for artist in axes.collections if isinstance(artist, Quiver)]
    return found


def drawn(figure):
    """The panels without colour bars."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>" and axes.axison]


def test_scalars_vectors_and_components_in_the_plane():
    f = field(C4, [C4.trivial, C4.vector, C4.regular, C4.irrep("B")], 6, 6)
    values = f.tensor[1].numpy()
    figure = plot.fields(f, sample=1)
    scalar, vector, regular, other = drawn(figure)
    titles = [axes.get_title() for axes in drawn(figure)]
    assert titles == ["field 0: scalar", "field 1: vector", "field 2: regular", "field 3: irrep B"]
    np.testing.assert_allclose(image(scalar), values[0])
    np.testing.assert_allclose(scalar.images[0].get_extent(), (-3, 3, 3, -3))
    limit = np.abs(values[0]).max()
    np.testing.assert_allclose(scalar.images[0].get_clim(), (-limit, limit))
    np.testing.assert_allclose(tiles(regular, 6, 6).reshape(4, 6, 6), values[3:7])
    assert [text.get_text() for text in regular.texts] == ["0°", "90°", "180°", "270°"]
    np.testing.assert_allclose(image(other), values[7])
    np.testing.assert_allclose(image(vector), np.linalg.norm(values[1:3], axis=0))
    shown = arrows(vector)
    x, y = np.meshgrid(np.arange(6) - 2.5, np.arange(6) - 2.5)
    np.testing.assert_allclose(shown.get_offsets(), np.stack([x.ravel(), y.ravel()], -1))
    np.testing.assert_allclose(shown.U, values[1].ravel())
    np.testing.assert_allclose(shown.V, values[2].ravel())
    assert (shown.angles, vector.get_ylim()) == ("xy", (3, -3))  # so that V > 0 points downwards


def test_values_that_are_not_negative_are_grey_from_black():
    kind = nn.FieldType(C4, [C4.trivial])
    (axes,) = drawn(plot.fields(kind(torch.rand(1, 1, 4, 4))))
    assert axes.images[0].get_cmap().name == "gray"
    assert axes.images[0].get_clim()[0] == 0
    (axes,) = drawn(plot.fields(kind(torch.zeros(1, 1, 4, 4))))
    assert axes.images[0].get_clim() == (0, 1)


def test_fields_of_one_representation_share_a_limit_and_may_be_chosen():
    f = field(C4, 3 * [C4.trivial], 4, 4)
    figure = plot.fields(f, fields=[2, 0])
    np.testing.assert_allclose([image(axes) for axes in drawn(figure)], f.tensor[0, [2, 0]])
    assert len({axes.images[0].get_clim() for axes in drawn(figure)}) == 1


def test_tiles_fill_a_table_with_empty_places():
    f = field(SO3, [SO3.irrep("2")], 9, 9, 9)
    (axes,) = drawn(plot.fields(f))
    found = tiles(axes, 9, 9)
    values = f.tensor[0].numpy()
    # more components than sections: the table lies on its side, as wide as those of other fields
    np.testing.assert_allclose(found, np.stack([values[:, 4], values[:, :, 4], values[..., 4]]))
    assert labels(axes.yaxis) == ["z = 0", "y = 0", "x = 0"]
    f = field(SO3, [SO3.irrep("5")], 9, 9, 9)  # eleven are too many for that
    (axes,) = drawn(plot.fields(f))
    assert tiles(axes, 9, 9).shape[:2] == (11, 3)
    assert labels(axes.xaxis) == ["z = 0", "y = 0", "x = 0"]
    f = field(steer.group("C7", dim=2), [steer.group("C7", dim=2).regular], 3, 3)
    (axes,) = drawn(plot.fields(f))
    found = tiles(axes, 3, 3)
    assert found.shape[:2] == (2, 4)
    np.testing.assert_allclose(found.reshape(8, 3, 3)[:7], f.tensor[0])
    assert np.isnan(found[1, 3]).all()


def test_vectors_in_space_are_arrows_on_the_central_slice_coloured_by_z():
    f = field(O3, [O3.trivial, O3.vector, O3.irrep("1e")], 5, 5, 5)
    values = f.tensor[0].numpy()
    scalar, vector, axial = drawn(plot.fields(f))
    np.testing.assert_allclose(tiles(scalar, 5, 5)[0], values[0])
    assert vector.get_title() == "field 1: vector, z = 0, colour z"
    shown = arrows(vector)
    np.testing.assert_allclose(shown.U, values[1, 2].ravel())
    np.testing.assert_allclose(shown.V, values[2, 2].ravel())
    np.testing.assert_allclose(shown.get_array(), values[3, 2].ravel())
    limit = np.abs(values[3, 2]).max()
    np.testing.assert_allclose(shown.get_clim(), (-limit, limit))
    assert tiles(axial, 5, 5).shape == (3, 5, 5, 5)  # reflections act on it otherwise: no vector


def test_arrows_are_thinned_out_about_the_centre():
    f = field(C4, [C4.vector], 41, 41)
    (axes,) = drawn(plot.fields(f))
    offsets = arrows(axes).get_offsets()
    assert np.ptp(offsets[:, 0]) == 39
    np.testing.assert_allclose(np.unique(np.diff(np.unique(offsets[:, 1]))), 3)


def test_an_orbit_of_scalars_or_vectors_has_a_panel_for_each_element():
    f = field(D3, [D3.trivial, D3.vector], 7, 7)
    for index, title in ((0, "scalar"), (1, "vector")):
        figure = plot.orbit(f, field=index, sample=1)
        panels = drawn(figure)
        assert [axes.get_title() for axes in panels] == ["0°", "120°", "240°", "mirror 0°", "mirror 60°", "mirror 120°"]
        assert figure.get_suptitle() == f"field {index}: {title} of D3"
        for g, axes in zip(D3.elements, panels, strict=True):
            moved = f[1:2, index].transform(g).tensor[0].numpy()
            if index == 0:
                np.testing.assert_allclose(image(axes), moved[0])
            else:
                np.testing.assert_allclose(arrows(axes).U, moved[0].ravel())
                np.testing.assert_allclose(arrows(axes).V, moved[1].ravel())


def test_an_orbit_of_other_fields_is_a_table():
    f = field(C4, [C4.regular], 5, 5)
    figure = plot.orbit(f, C4.elements[[1, 3]])
    (axes,) = drawn(figure)
    expected = np.stack([f[:1].transform(g).tensor[0].numpy() for g in C4.elements[[1, 3]]])
    np.testing.assert_allclose(tiles(axes, 5, 5), expected)
    assert labels(axes.yaxis) == ["90°", "270°"]
    assert labels(axes.xaxis) == ["0°", "90°", "180°", "270°"]


def test_orbits_in_space():
    f = field(CINF, [CINF.trivial, CINF.irrep("E1"), CINF.vector], 5, 5, 5)
    (axes,) = drawn(plot.orbit(f))
    assert labels(axes.yaxis)[:3] == ["0°", "45° z", "90° z"]
    assert labels(axes.xaxis) == ["z = -2", "z = -1", "z = 0", "z = 1", "z = 2"]
    np.testing.assert_allclose(tiles(axes, 5, 5)[0], f.tensor[0, 0])
    (axes,) = drawn(plot.orbit(f, field=1))
    assert labels(axes.xaxis) == ["0, z = 0", "1"]
    np.testing.assert_allclose(tiles(axes, 5, 5)[0], f.tensor[0, 1:3, 2])
    panels = drawn(plot.orbit(f, field=2))
    assert [axes.get_title() for axes in panels[:2]] == ["0°", "45° z"]
    np.testing.assert_allclose(arrows(panels[0]).get_array(), f.tensor[0, 5, 2].ravel())


def test_bad_arguments_are_named():
    f = field(C4, [C4.trivial], 4, 4)
    with pytest.raises(FieldTypeError, match=r"f: expected a FieldTensor such as field_type\(tensor\), got Tensor"):
        plot.fields(f.tensor)
    with pytest.raises(ShapeError, match=r"f: expected \(batch, 1\) and 2 or 3 axes of space, got shape \(2, 1\)"):
        plot.fields(field(C4, [C4.trivial]))
    with pytest.raises(ShapeError, match="sample: expected one from 0 to 1, got 2"):
        plot.fields(f, sample=2)
    with pytest.raises(FieldTypeError, match=r"fields: expected a field from 0 to 0 of A of C4 .*, got 1"):
        plot.fields(f, fields=[1])
    with pytest.raises(FieldTypeError, match=r"fields: expected at least one field, got none"):
        plot.fields(f, fields=[])
    with pytest.raises(FieldTypeError, match=r"field: expected a field from 0 to 0 .*, got -1"):
        plot.orbit(f, field=-1)
    with pytest.raises(GroupError, match=r"elements: expected matrices \(n, 2, 2\) of .*, got shape \(3, 3\)"):
        plot.orbit(f, np.eye(3))
    with pytest.raises(GroupError, match="nearest element of C4"):
        plot.orbit(f, D3.elements)


def test_a_volume_of_one_slice_is_an_image():
    G = steer.group("C4", dim=3)
    f = field(G, [G.trivial], 1, 5, 5)
    (axes,) = drawn(plot.fields(f))
    np.testing.assert_allclose(image(axes), f.tensor[0, 0, 0])
