"""Pictures of equivariance: both ways round the diagram, with the errors of `steer.testing`."""

import numpy as np
import pytest
import torch

import steer
from steer import nn, plot
from steer.errors import FieldTypeError, GroupError, ShapeError, SteerError
from steer.testing import equivariance_error

from .test_fields import arrows
from .test_filters import image, tiles

C4, C8 = (steer.group(name, dim=2) for name in ("C4", "C8"))
OCTAHEDRAL = steer.group("O", dim=3)


def blob(*space):
    """A smooth image off the centre."""
    axes = torch.meshgrid(*(torch.linspace(-2, 2, size) for size in space), indexing="ij")
    return torch.exp(-sum((axis - 0.3 * i) ** 2 / (0.3 + 0.1 * i) for i, axis in enumerate(axes)))[None, None]


def layer(group, reps, make=nn.Conv2d, size=5):
    torch.manual_seed(0)
    return make(nn.FieldType(group, [group.trivial]), nn.FieldType(group, reps), size, padding=size // 2)


def test_rows_are_elements_and_columns_the_two_ways_round():
    model, x = layer(C4, [C4.vector, C4.regular]), blob(11, 11)
    figure = plot.equivariance(model, x, field=1)
    *panels, bar = figure.axes
    panels = np.array(panels).reshape(3, 4)
    assert [axes.get_ylabel() for axes in panels[:, 0]] == ["g = 90°", "g = 180°", "g = 270°"]
    assert [axes.get_title() for axes in panels[0, :3]] == ["g x", "model(g x)", "g model(x)"]
    assert figure.get_suptitle() == "scalar → regular (field 1)"
    errors = equivariance_error(model, x, elements=C4.elements[1:])
    for g, error, row in zip(C4.elements[1:], errors, panels, strict=True):
        moved = model.in_type.transform(x, g)
        np.testing.assert_allclose(image(row[0]), moved[0, 0])
        there, back = model(moved)[0, 2:].detach(), model.out_type.transform(model(x), g)[0, 2:].detach()
        for axes, values in ((row[1], there), (row[2], back), (row[3], there - back)):
            np.testing.assert_allclose(tiles(axes, 11, 11).reshape(4, 11, 11), values, atol=1e-6)
        assert row[3].get_title() == f"relative error {error:.1e}"
    limits = {axes.images[0].get_clim() for axes in panels[:, 1:3].ravel()}
    assert len(limits) == 1
    largest = max(np.abs(tiles(axes, 11, 11)).max() for axes in panels[:, 3])
    assert largest > 0
    for axes in panels[:, 3]:  # a scale of their own, which the bar tells
        np.testing.assert_allclose(axes.images[0].get_clim(), (-largest, largest))
    assert [text.get_text() for text in bar.get_yticklabels()] == [f"{v:.2g}" for v in (-largest, 0, largest)]


def test_vector_outputs_are_arrows():
    model, x = layer(C4, [C4.vector]), blob(9, 9)
    row = plot.equivariance(model, model.in_type(x), C4.elements[1:2]).axes
    expected = model.out_type.transform(model(x), C4.elements[1])[0].detach()
    np.testing.assert_allclose(arrows(row[2]).U, expected[0].ravel(), rtol=1e-5)
    np.testing.assert_allclose(arrows(row[2]).V, expected[1].ravel(), rtol=1e-5)
    largest = np.hypot(arrows(row[3]).U, arrows(row[3]).V).max()
    assert largest < 1e-5
    assert row[3].get_xlabel() == f"longest arrow {largest:.1e}"


def test_corners_do_not_count_between_the_symmetries_of_the_grid():
    model, x = layer(C8, [C8.regular]), blob(21, 21) + 1  # a constant is cut by the corners
    figure = plot.equivariance(model, x, C8.elements[1:2])
    masked = nn.Mask(model.in_type)(x)
    (error,) = equivariance_error(model, masked, elements=C8.elements[1:2])
    assert figure.axes[3].get_title() == f"relative error {error:.1e}"
    difference = tiles(figure.axes[3], 21, 21)
    assert np.all(difference[..., 0, 0] == 0)  # not compared
    assert np.any(difference[..., 10, 10] != 0)


def test_outputs_without_positions_are_bars():
    kind = nn.FieldType(C4, [C4.regular])
    model = nn.Sequential(layer(C4, [C4.regular]), nn.GlobalAvgPool(kind))
    (row,) = np.array(plot.equivariance(model, blob(7, 7), C4.elements[1:2]).axes).reshape(1, 4)
    heights = [bar.get_height() for bar in row[2].patches]
    expected = np.roll(model(blob(7, 7))[0].detach().numpy(), 1)
    np.testing.assert_allclose(heights, expected, rtol=1e-5)


def test_equivariance_in_space():
    model = layer(OCTAHEDRAL, [OCTAHEDRAL.vector, OCTAHEDRAL.trivial], nn.Conv3d, 3)
    *row, _ = plot.equivariance(model, blob(5, 5, 5), OCTAHEDRAL.elements[3:4], field=1).axes
    assert tiles(row[1], 5, 5).shape == (1, 5, 5, 5)
    shown = plot.equivariance(model, blob(5, 5, 5), OCTAHEDRAL.elements[3:4]).axes[1]
    moved = model(model.in_type.transform(blob(5, 5, 5), OCTAHEDRAL.elements[3]))[0].detach()
    np.testing.assert_allclose(arrows(shown).get_array(), moved[2, 2].ravel(), atol=1e-6)


def curve(axes, index=0):
    return axes.lines[index].get_xydata().T


def invariant(group):
    kind = nn.FieldType(group, [group.regular])
    return nn.Sequential(layer(group, [group.regular]), nn.ReLU(kind), nn.GroupPool(kind))


def test_errors_between_the_elements_of_a_group():
    models = {"C4": invariant(C4), "C8": invariant(C8), "plain": torch.nn.Conv2d(1, 2, 3, padding=1)}
    axes = plot.error_by_angle(models, blob(21, 21), angles=[0, 45, 60, 90])
    assert [line.get_label() for line in axes.lines] == ["C4", "C8", "plain"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["C4", "C8", "plain"]
    for index in range(2):
        angles, errors = curve(axes, index)
        np.testing.assert_array_equal(angles, [0, 45, 60, 90])
        assert errors[0] == 0
        assert errors[3] < 1e-6  # a quarter turn is exact
    assert curve(axes, 1)[1][1] < curve(axes, 0)[1][1] / 2  # of 45 degrees C8 knows
    assert curve(axes, 2)[1][3] > 0.1
    # the error that steer.testing finds, under rotations that leave invariants as they are
    SO2 = steer.group("SO(2)", dim=2)
    scalars = nn.FieldType(SO2, [SO2.trivial])
    g = np.array([[0.5, -np.sqrt(0.75)], [np.sqrt(0.75), 0.5]])
    x = nn.Mask(scalars)(blob(21, 21))
    (expected,) = equivariance_error(models["C4"], x, elements=[g], in_type=scalars, out_type=scalars)
    np.testing.assert_allclose(curve(axes, 0)[1][2], expected)


def test_vectors_turn_with_every_angle():
    model = layer(C4, [C4.vector])
    angles, errors = curve(plot.error_by_angle(model, blob(21, 21), angles=[10.0, 90.0]))
    np.testing.assert_array_equal(angles, [10, 90])
    assert errors[0] < 0.2
    assert errors[1] < 1e-6


def test_by_default_between_the_elements_too_or_the_angles_of_the_group():
    axes = plot.error_by_angle(invariant(C8), blob(9, 9))
    halfway = np.arange(0, 361, 22.5)  # where a layer of C8 errs most
    np.testing.assert_allclose(curve(axes)[0], np.union1d(np.arange(0, 361, 5), halfway))
    assert axes.get_legend() is None
    np.testing.assert_allclose(
        curve(plot.error_by_angle(layer(C8, [C8.regular]), blob(9, 9)))[0], np.arange(0, 361, 45)
    )
    SO2 = steer.group("SO(2)", dim=2)
    axes = plot.error_by_angle(layer(SO2, [SO2.irrep("2")]), blob(9, 9))
    np.testing.assert_array_equal(curve(axes)[0], np.arange(0, 361, 15))


def test_in_space_it_turns_about_z():
    axes = plot.error_by_angle(
        layer(OCTAHEDRAL, [OCTAHEDRAL.trivial, OCTAHEDRAL.vector], nn.Conv3d, 3), blob(9, 9, 9), angles=[0, 30, 90]
    )
    assert axes.get_xlabel() == "angle of rotation (degrees, about z)"
    assert curve(axes)[1][2] < 1e-6 < curve(axes)[1][1]
    axes = plot.error_by_angle(layer(OCTAHEDRAL, [OCTAHEDRAL.irrep("E")], nn.Conv3d, 3), blob(5, 5, 5))
    np.testing.assert_allclose(curve(axes)[0], np.arange(0, 361, 90))


@pytest.mark.parametrize("training", [True, False])
def test_models_are_left_as_they_were(training):
    kind = nn.FieldType(C4, [C4.regular])
    model = nn.Sequential(layer(C4, [C4.regular]), nn.BatchNorm(kind)).train(training)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    x = blob(9, 9).requires_grad_()
    plot.equivariance(model, x)
    plot.error_by_angle(model, x)
    plot.filter(model[0])
    plot.plan(model[0])
    assert all(part.training == training for part in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert x.grad is None
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert torch.is_grad_enabled()


def test_bad_arguments_are_named():
    model, x = layer(C8, [C8.regular]), blob(9, 9)
    with pytest.raises(FieldTypeError, match="in_type, out_type: ReLU has no field types"):
        plot.equivariance(torch.nn.ReLU(), x)
    with pytest.raises(FieldTypeError, match=r"field: expected a field from 0 to 0 of regular of C8 .*, got 1"):
        plot.equivariance(model, x, field=1)
    with pytest.raises(ShapeError, match=r"x: expected \(batch, channels\) and 2 or 3 axes of space .*, got \(1, 1\)"):
        plot.equivariance(model, x[:, :, 0, 0])
    with pytest.raises(GroupError, match="nearest element of C8"):
        plot.equivariance(model, x, [[[0.8, -0.6], [0.6, 0.8]]])
    with pytest.raises(SteerError, match="models: expected a module, or at least one by name, got none"):
        plot.error_by_angle({}, x)
    with pytest.raises(ShapeError, match=r"x: expected \(batch, channels\) and 2 or 3 axes of space .*, got \(1, 1\)"):
        plot.error_by_angle(model, x[:, :, 0, 0])
    message = "models: mine has .*regular, on which a turn by 30 degrees, not in .*'C8'.*, does not act; end it with"
    with pytest.raises(FieldTypeError, match=message):
        plot.error_by_angle({"mine": model}, x, angles=[0, 30])


@pytest.mark.parametrize(("name", "shown"), [("SO(2)", ["45°", "90°", "135°", "180°"]), ("C1", ["0°"])])
def test_default_elements(name, shown):
    G = steer.group(name, dim=2)
    figure = plot.equivariance(layer(G, [G.trivial]), blob(9, 9))
    assert [axes.get_ylabel() for axes in figure.axes[:-1:4]] == [f"g = {name}" for name in shown]


def test_maps_that_are_no_squares_are_turned_by_eighths():
    group = steer.group("C8", dim=2)
    conv = nn.Conv2d(nn.FieldType(group, [group.trivial]), nn.FieldType(group, [group.trivial]), 3, padding=1)
    x = torch.randn(1, 1, 9, 12)
    errors = equivariance_error(conv, x, elements=group.elements)
    assert errors[::2].max() < 1e-5  # quarter turns are exact
    assert len(plot.equivariance(conv, x).axes) >= 16
    line = plot.error_by_angle(conv, x).lines[0]
    exact = np.isin(line.get_xdata(), [0, 90, 180, 270, 360])
    assert line.get_ydata()[exact].max() < 1e-5
