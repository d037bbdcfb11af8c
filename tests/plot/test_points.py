"""The orbit of a point: its images, the reflection axes, the hull."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import steer
from steer import plot
from steer.errors import GroupError, ShapeError, SteerError
from steer.plot._orbit import hull_edges


def offsets(axes):
    """Label -> the points scattered with that label."""
    found = {}
    for artist in axes.collections:
        if artist.get_gid() != "hull":
            places = artist._offsets3d if axes.name == "3d" else artist.get_offsets().T
            found[artist.get_label()] = np.stack([np.asarray(place) for place in places], -1)
    return found


def test_images_under_rotations_and_reflections_in_the_plane():
    G = steer.group("D4", dim=2)
    axes = plot.points(G, (2.0, 0.5))
    found = offsets(axes)
    np.testing.assert_allclose(found["rotations"], G.elements[:4] @ (2.0, 0.5))
    np.testing.assert_allclose(found["others"], G.elements[4:] @ (2.0, 0.5))
    np.testing.assert_allclose(found["the point"], [(2.0, 0.5)])
    assert axes.get_title() == "An orbit of D4"
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # y grows downwards
    names = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(names) == {"0°", "90°", "180°", "270°", "m 0°", "m 45°", "m 90°", "m 135°"}
    np.testing.assert_allclose(np.array(names["90°"]) / 1.22, (-0.5, 2.0))
    mirrors = [line for line in axes.lines if line.get_gid() == "reflection"]
    for g, line in zip(G.elements[4:], mirrors, strict=True):
        np.testing.assert_allclose(g @ line.get_xydata().T, line.get_xydata().T, atol=1e-12)  # kept, point by point


def test_points_on_a_mirror_are_named_once_and_orbits_of_rotations_are_circles():
    axes = plot.points(steer.group("D4", dim=2), (1.0, 0.0))
    assert [text.get_text() for text in axes.texts] == ["0°", "90°", "180°", "270°"]
    axes = plot.points(steer.group("SO(2)", dim=2), (3.0, 4.0))
    assert set(offsets(axes)) == {"the point"}
    np.testing.assert_allclose(np.linalg.norm(axes.lines[0].get_xydata(), axis=1), 5)
    assert not plot.points(steer.group("C24", dim=2)).texts


@pytest.mark.parametrize(("name", "edges"), [("O", 60), ("T", 30), ("D3h", 18), ("C4", 0)])
def test_hulls_of_orbits_in_space(name, edges):
    G = steer.group(name, dim=3)
    axes = plot.points(G)
    images = np.concatenate([found for label, found in offsets(axes).items() if label != "the point"])
    assert len(images) == G.order
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), np.linalg.norm([1.0, 0.3, 0.55]))
    hulls = [artist for artist in axes.collections if artist.get_gid() == "hull"]
    assert sum(len(hull._segments3d) for hull in hulls) == edges


def test_edges_inside_a_face_are_none_of_the_hull():
    cube = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T.astype(float)
    edges = hull_edges(cube)
    assert len(edges) == 12
    np.testing.assert_allclose(np.linalg.norm(cube[edges[:, 0]] - cube[edges[:, 1]], axis=1), 1)
    repeated = hull_edges(np.concatenate([cube, cube]))
    assert len(repeated) == 12


def test_continuous_groups_of_space_are_sampled():
    found = offsets(plot.points(steer.group("O(3)", dim=3)))
    assert len(found["rotations"]) + len(found["others"]) == 400


def test_axes_are_used():
    axes = Figure().subplots()
    assert plot.points(steer.group("C3", dim=2), axes=axes) is axes
    axes = Figure().add_subplot(projection="3d")
    assert plot.points(steer.group("T", dim=3), axes=axes) is axes


def test_bad_arguments_are_named():
    G = steer.group("C4", dim=2)
    with pytest.raises(GroupError, match=r"group: expected a group such as steer.group\('C4', dim=2\), got 'C4'"):
        plot.points("C4")
    with pytest.raises(GroupError, match="group: expected one of the plane or of space"):
        plot.points(steer.reps.with_action(G, G.trivial))
    with pytest.raises(ShapeError, match=r"point: expected 2 finite coordinates, got \[1.0, 2.0, 3.0\]"):
        plot.points(G, (1, 2, 3))
    with pytest.raises(SteerError, match=r"axes: expected axes of projection='3d', got <Axes"):
        plot.points(steer.group("T", dim=3), axes=Figure().subplots())
    with pytest.raises(SteerError, match="axes: expected matplotlib axes, got 3"):
        plot.points(G, axes=3)
