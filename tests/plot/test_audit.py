"""The picture of an audit shows its numbers."""

import dataclasses

import pytest
import torch

import steer
from steer import nn, plot
from steer.errors import SteerError

G = steer.group("C8", dim=2)
IMAGE, HIDDEN = nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.regular])


@pytest.fixture(scope="module")
def found():
    net = nn.Sequential(nn.Conv2d(IMAGE, HIDDEN, 3, padding=1), nn.ReLU(HIDDEN), nn.Conv2d(HIDDEN, IMAGE, 3))
    return steer.audit(torch.nn.Sequential(torch.nn.BatchNorm2d(1), net), (2, 1, 9, 9))


def test_curves_are_the_errors_after_each_layer_that_has_some(found):
    axes = plot.error_by_depth({"one": found, "two": found})
    other, exact = axes.lines[:2]
    assert list(other.get_xdata()) == list(exact.get_xdata()) == [1, 2, 3]  # nothing is known of the first
    assert list(other.get_ydata()) == [row.after for row in found.rows[1:]]
    assert list(exact.get_ydata()) == [max(row.exact_after, 1e-17) for row in found.rows[1:]]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0 torch.nn.BatchNorm2d", "1.0 Conv2d", "1.1 ReLU", "1.2 Conv2d"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "one, others",
        "one, elements of the grid",
        "two, others",
        "two, elements of the grid",
    ]
    assert plot.error_by_depth(found, axes=axes) is axes


def test_what_was_not_measured_is_not_drawn(found):
    with pytest.raises(SteerError, match=r"audits: expected what steer\.audit returns"):
        plot.error_by_depth(7)
    nothing = dataclasses.replace(found, rows=found.rows[:1])
    with pytest.raises(SteerError, match="audits: nothing was measured"):
        plot.error_by_depth(nothing)
