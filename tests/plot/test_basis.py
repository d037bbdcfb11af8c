"""The table of basis kernels: each panel is one kernel at the points that its position says."""

import itertools

import numpy as np
import pytest

import steer
from steer import nn, plot
from steer.errors import FieldTypeError, KernelError
from steer.kernels import FiniteDifferences, GaussianDerivatives, Grid, Interpolated, Pixels, Rings, kernel_basis

from .test_filters import labels, tiles

SO2, D4, D6 = (steer.group(name, dim=2) for name in ("SO(2)", "D4", "D6"))
SO3 = steer.group("SO(3)", dim=3)


def panels(figure):
    return [axes for axes in figure.axes if axes.images or axes.collections]


def test_panels_are_kernels_by_name():
    basis = kernel_basis(SO2.irrep("1"), SO2.irrep("2"), radial=Rings.for_kernel((3, 3)))
    figure = plot.basis(basis, half_width=2.0, resolution=5)
    shown = panels(figure)
    assert len(shown) == len(basis)
    for axes, element in zip(shown, basis.elements, strict=True):
        assert axes.get_title().startswith(f"J={element.irrep}, L={element.degree}, ring {element.ring}")
    assert len({axes.get_title() for axes in shown}) == len(basis)
    assert shown[0].get_title().endswith("#1")
    assert figure.get_suptitle() == f"irrep 1 → irrep 2 of SO(2): {len(basis)} kernels"
    x, y = np.meshgrid(np.arange(-2, 3), np.arange(-2, 3))  # y downwards
    values = basis.sample(np.stack([x.ravel(), y.ravel()], -1)).reshape(len(basis), 2, 2, 5, 5)
    for axes, expected in zip(shown, values, strict=True):
        np.testing.assert_allclose(tiles(axes, 5, 5), expected, atol=1e-12)
        np.testing.assert_allclose(axes.images[0].get_clim(), np.array([-1, 1]) * np.abs(expected).max())
    assert labels(shown[0].xaxis) == ["x", "y"]


@pytest.mark.parametrize("make", [nn.Conv2d, nn.ConvTranspose2d])
def test_of_a_layer_the_kernels_of_its_filter_are_drawn(make):
    source, target = nn.FieldType(SO2, [SO2.trivial, SO2.vector]), nn.FieldType(SO2, [SO2.irrep("2"), SO2.vector])
    layer = make(source, target, 3, bias=False)
    basis = kernel_basis(SO2.vector, SO2.irrep("2"), radial=Rings.for_kernel((3, 3)))
    found = plot.basis(layer, in_field=1, resolution=5)
    expected = plot.basis(basis, resolution=5)
    assert [axes.get_title() for axes in panels(found)] == [axes.get_title() for axes in panels(expected)]
    for one, other in zip(panels(found), panels(expected), strict=True):
        np.testing.assert_array_equal(one.images[0].get_array(), other.images[0].get_array())
    # they span every filter of the layer
    filters = layer.filter().detach().double().numpy()
    between = filters[1:3, :2].swapaxes(0, 1) if make is nn.ConvTranspose2d else filters[:2, 1:3]
    samples = basis.sample(layer.points).reshape(len(basis), -1)
    left = np.linalg.lstsq(samples.T, between.ravel(), rcond=None)[1]
    assert left.sum() < 1e-10
    with pytest.raises(FieldTypeError, match="in_field: expected a field from 0 to 1"):
        plot.basis(layer, in_field=2)


def test_kernels_of_space_are_cut_by_three_planes():
    basis = kernel_basis(SO3.irrep("0"), SO3.irrep("1"), max_frequency=1)
    (axes,) = panels(plot.basis(basis, half_width=1.0, resolution=3))
    found = tiles(axes, 3, 3)
    assert found.shape[:2] == (3, 3)
    assert labels(axes.xaxis) == ["z = 0", "y = 0", "x = 0"]
    assert labels(axes.yaxis) == ["x", "y", "z"]
    for component in range(3):
        at_right = basis.sample([[1, 0, 0], [1, 0, 0], [0, 1, 0]])[0, component, 0]
        np.testing.assert_allclose(found[component, :, 1, 2], at_right, atol=1e-12)
        below = basis.sample([[0, 1, 0], [0, 0, 1], [0, 0, 1]])[0, component, 0]
        np.testing.assert_allclose(found[component, :, 2, 1], below, atol=1e-12)
    (axes,) = panels(plot.basis(kernel_basis(SO3.irrep("1"), SO3.irrep("0"), max_frequency=1), resolution=3))
    assert labels(axes.xaxis) == ["x", "z = 0\ny", "z", "x", "y = 0\ny", "z", "x", "x = 0\ny", "z"]


@pytest.mark.parametrize("radial", [Pixels(Grid((3, 3))), FiniteDifferences((3, 3), 2)])
def test_kernels_on_a_grid_are_drawn_there(radial):
    basis = kernel_basis(D4.vector, D4.trivial, radial=radial)
    shown = panels(plot.basis(basis))
    values = basis.sample(Grid((3, 3)).points).reshape(len(basis), 1, 2, 3, 3)
    for axes, expected in zip(shown, values, strict=True):
        np.testing.assert_allclose(tiles(axes, 3, 3), expected, atol=1e-12)


def test_hexagonal_kernels_are_hexagons():
    grid = Grid((3, 3), "hexagonal")
    basis = kernel_basis(D6.vector, D6.trivial, radial=Pixels(grid))
    shown = panels(plot.basis(basis))
    for axes, expected in zip(shown, basis.sample(grid.points), strict=True):
        np.testing.assert_allclose(axes.collections[0].get_array(), expected.ravel())


def test_kernels_on_a_grid_of_space_are_slices():
    cubic = steer.group("O", dim=3)
    basis = kernel_basis(cubic.trivial, cubic.trivial, radial=Pixels(Grid((3, 3, 3))))
    shown = panels(plot.basis(basis))
    assert labels(shown[0].xaxis) == ["z = -1", "z = 0", "z = 1"]
    values = basis.sample(Grid((3, 3, 3)).points).reshape(len(basis), 3, 3, 3)
    np.testing.assert_allclose(tiles(shown[0], 3, 3)[0], values[0])


@pytest.mark.parametrize(
    ("radial", "half"),
    [
        (Rings((2.0,), (0.5,), (1,)), 3.0),
        (GaussianDerivatives(1, 1.0), 3.0),
        (Interpolated((3, 3)), 1.5),
    ],
)
def test_the_default_width_holds_the_kernels(radial, half):
    basis = kernel_basis(D4.regular, D4.trivial, radial=radial)
    (axes, *_) = panels(plot.basis(basis, resolution=7))
    expected = basis.sample([[-half, -half], [0, -half / 3]])[0, 0, 0]
    found = tiles(axes, 7, 7)[0, 0]
    np.testing.assert_allclose([found[0, 0], found[2, 3]], expected, atol=1e-12)


def test_of_many_kernels_the_first_are_drawn():
    basis = kernel_basis(D4.trivial, D4.trivial, radial=Rings(60 * (1.0,), 60 * (0.6,), 60 * (0,)))
    figure = plot.basis(basis, resolution=2)
    assert len(panels(figure)) == 48
    assert figure.get_suptitle() == "scalar → scalar of D4: the first 48 of 60"


def test_bad_arguments_are_named():
    basis = kernel_basis(D4.trivial, D4.trivial, max_frequency=0)
    with pytest.raises(
        KernelError, match=r"kernel_basis: expected one from steer.kernels.kernel_basis, or a .*, got 3"
    ):
        plot.basis(3)
    with pytest.raises(KernelError, match="kernel_basis: there is no kernel from"):
        plot.basis(kernel_basis(D4.trivial, D4.irrep("A2"), max_frequency=0))
    line = steer.reps.with_action(D4, D4.trivial)
    with pytest.raises(KernelError, match="kernel_basis: expected one of the plane or of space"):
        plot.basis(kernel_basis(line.trivial, line.trivial, max_frequency=0))
    with pytest.raises(KernelError, match="resolution: expected an integer >= 2, got 1"):
        plot.basis(basis, resolution=1)
    with pytest.raises(KernelError, match="half_width: expected a number of pixels > 0, got -1"):
        plot.basis(basis, half_width=-1)


def test_titles_stand_apart_and_inside_of_the_figure():
    kind = nn.FieldType(SO2, SO2.irreps(2))
    figure = plot.basis(nn.Conv2d(nn.FieldType(SO2, [SO2.trivial]), kind, 5), out_field=1, resolution=9)
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in panels(figure)]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
    assert boxes[0].x0 >= 0
    assert boxes[-1].x1 <= figure.bbox.x1
