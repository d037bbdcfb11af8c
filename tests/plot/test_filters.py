"""The picture of a filter: each tile is the filter between two components, with one colour scale."""

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import steer
from steer import nn, plot
from steer.errors import FieldTypeError, SteerError
from steer.kernels import Grid

C4, OCTAHEDRAL = steer.group("C4", dim=2), steer.group("O", dim=3)


def image(axes):
    """What the one image of the axes shows, untouched by the colour map."""
    (found,) = axes.images
    return np.asarray(found.get_array())


def tiles(axes, height, width):
    """(rows, columns, y, x) of a table of tiles."""
    joined = image(axes)
    return joined.reshape(joined.shape[0] // height, height, -1, width).transpose(0, 2, 1, 3)


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def between(layer, out_field, in_field):
    kinds = layer.out_type, layer.in_type
    rows, columns = (slice(*kind.offsets[i : i + 2]) for kind, i in zip(kinds, (out_field, in_field), strict=True))
    return layer.filter().detach().numpy()[rows, columns]


def test_a_tile_for_each_pair_of_components_in_the_plane():
    kind = nn.FieldType(C4, [C4.trivial, C4.regular, C4.vector])
    layer = nn.Conv2d(kind, kind, 5)
    figure = plot.filter(layer, out_field=1, in_field=2)
    panel, bar = figure.axes
    np.testing.assert_allclose(tiles(panel, 5, 5), between(layer, 1, 2), rtol=1e-6)
    assert labels(panel.yaxis) == ["0°", "90°", "180°", "270°"]
    assert labels(panel.xaxis) == ["x", "y"]
    limit = np.abs(between(layer, 1, 2)).max()
    np.testing.assert_allclose(panel.images[0].get_clim(), (-limit, limit), rtol=1e-6)
    np.testing.assert_allclose(bar.get_ylim(), (-limit, limit), rtol=1e-6)
    assert figure.get_suptitle() == "vector (field 2) → regular (field 1) of C4"
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("input component", "output component")
    # pixels about the centre of the first tile, y downwards; labels at the centres
    np.testing.assert_allclose(panel.images[0].get_extent(), (-2.5, 7.5, 17.5, -2.5))
    assert panel.get_ylim()[0] > panel.get_ylim()[1]
    np.testing.assert_allclose(panel.get_yticks(), [0, 5, 10, 15])
    assert len([lines for lines in panel.collections if isinstance(lines, LineCollection)]) == 2


def test_components_of_a_filter_from_a_scalar_lie_side_by_side():
    layer = nn.Conv2d(nn.FieldType(C4, [C4.trivial]), nn.FieldType(C4, [C4.regular]), (3, 3))
    panel = plot.filter(layer).axes[0]
    np.testing.assert_allclose(tiles(panel, 3, 3)[0], between(layer, 0, 0)[:, 0], rtol=1e-6)
    assert labels(panel.xaxis) == ["0°", "90°", "180°", "270°"]
    assert panel.get_xlabel() == "output component"


def test_volumes_are_slices_along_z():
    kind = nn.FieldType(OCTAHEDRAL, [OCTAHEDRAL.trivial, OCTAHEDRAL.vector])
    layer = nn.Conv3d(kind, kind, 3)
    figure = plot.filter(layer, out_field=1, in_field=1)
    panels = figure.axes[:-1]
    assert [panel.get_title() for panel in panels] == ["z = -1", "z = 0", "z = 1"]
    for index, panel in enumerate(panels):
        np.testing.assert_allclose(tiles(panel, 3, 3), between(layer, 1, 1)[:, :, index], rtol=1e-6)
    assert len({panel.images[0].get_clim() for panel in panels}) == 1
    # from a scalar: a row for each slice, a column for each component
    panel = plot.filter(layer, out_field=1, in_field=0).axes[0]
    np.testing.assert_allclose(tiles(panel, 3, 3), between(layer, 1, 0)[:, 0].swapaxes(0, 1), rtol=1e-6)
    assert labels(panel.yaxis) == ["z = -1", "z = 0", "z = 1"]
    assert labels(panel.xaxis) == ["x", "y", "z"]
    # between scalars: a row of slices
    panel = plot.filter(layer, out_field=0, in_field=0).axes[0]
    np.testing.assert_allclose(tiles(panel, 3, 3)[0], between(layer, 0, 0)[0, 0], rtol=1e-6)
    assert labels(panel.xaxis) == ["z = -1", "z = 0", "z = 1"]


def test_large_cubes_are_cut_through_the_centre():
    layer = nn.Conv3d(*2 * [nn.FieldType(OCTAHEDRAL, [OCTAHEDRAL.trivial])], 9, max_frequency=0)
    panel = plot.filter(layer).axes[0]
    values = between(layer, 0, 0)[0, 0]
    expected = np.stack([values[4], values[:, 4], values[:, :, 4]])
    np.testing.assert_allclose(tiles(panel, 9, 9)[0], expected, rtol=1e-6)
    assert labels(panel.xaxis) == ["z = 0", "y = 0", "x = 0"]


def test_long_boxes_are_slices_too():
    G = steer.group("C4", dim=3)
    layer = nn.Conv3d(*2 * [nn.FieldType(G, [G.trivial])], (9, 3, 3), max_frequency=0)
    panel = plot.filter(layer).axes[0]
    assert tiles(panel, 3, 3).shape[:2] == (1, 7)
    assert labels(panel.xaxis)[0] == "z = -4"
    assert labels(panel.xaxis)[-1] == "z = 4"


def test_hexagonal_filters_are_hexagons():
    G = steer.group("C6", dim=2)
    layer = nn.HexConv2d(nn.FieldType(G, [G.vector]), nn.FieldType(G, [G.regular]), 3)
    panel = plot.filter(layer).axes[0]
    (cells,) = panel.collections
    grid = Grid((3, 3), "hexagonal")
    expected = between(layer, 0, 0).reshape(6, 2, 9)[..., grid.index]
    np.testing.assert_allclose(cells.get_array(), expected.ravel(), rtol=1e-6)
    middles = np.array([path.vertices[:6].mean(axis=0) for path in cells.get_paths()]).reshape(6, 2, 7, 2)
    np.testing.assert_allclose(middles[0, 0], grid.points, atol=1e-12)
    np.testing.assert_allclose(middles[:, 0, 3, 1], panel.get_yticks(), atol=1e-12)
    np.testing.assert_allclose(middles[0, :, 3, 0], panel.get_xticks(), atol=1e-12)
    assert labels(panel.yaxis)[1] == "60°"


@pytest.mark.parametrize("made", [nn.Conv2d, nn.ConvTranspose2d])
def test_filters_in_groups_and_transposed(made):
    source, target = nn.FieldType(C4, 4 * [C4.vector]), nn.FieldType(C4, 2 * [C4.regular])
    layer = made(source, target, 3, groups=2)
    values = layer.filter().detach().numpy()
    found = tiles(plot.filter(layer, out_field=1, in_field=3).axes[0], 3, 3)
    expected = values[4:8, 2:4] if made is nn.Conv2d else values[6:8, :4].swapaxes(0, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(
        FieldTypeError, match=r"in_field: with groups=2, output field 1 sees the input fields 2 to 3, got 0"
    ):
        plot.filter(layer, out_field=1, in_field=0)


def test_a_figure_or_subfigure_is_drawn_on():
    layer = nn.Conv2d(*2 * [nn.FieldType(C4, [C4.trivial])], 3)
    figure = Figure(layout="constrained")
    assert plot.filter(layer, figure=figure) is figure
    part = Figure(layout="constrained").subfigures(1, 2)[1]
    assert plot.filter(layer, figure=part) is part
    assert len(part.axes) == 2


def test_bad_arguments_are_named():
    layer = nn.Conv2d(*2 * [nn.FieldType(C4, [C4.trivial])], 3)
    with pytest.raises(FieldTypeError, match=r"layer: expected a convolution such as nn.Conv2d, got ReLU"):
        plot.filter(torch.nn.ReLU())
    with pytest.raises(FieldTypeError, match=r"out_field: expected a field from 0 to 0 of A of C4 .*, got 1"):
        plot.filter(layer, out_field=1)
    with pytest.raises(FieldTypeError, match=r"in_field: expected a field from 0 to 0 .*, got -1"):
        plot.filter(layer, out_field=0, in_field=-1)
    with pytest.raises(FieldTypeError, match=r"in_field: expected a field from 0 to 0 .*, got True"):
        plot.filter(layer, out_field=0, in_field=True)
    with pytest.raises(SteerError, match="figure: expected a matplotlib figure or subfigure, got 3"):
        plot.filter(layer, figure=3)
