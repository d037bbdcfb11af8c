"""Pictures of character tables and of plans show what the group and the plan say."""

import re

import numpy as np
import pytest
import torch

import steer
from steer import nn, plot
from steer._classes import columns
from steer.errors import GroupError, KernelError, SteerError
from steer.kernels import KernelPlan
from steer.plot._character_table import class_name, irrep_name

from .test_filters import image, labels

TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.mark.parametrize(("name", "dim"), [("D4", 2), ("C5", 2), ("Ih", 3), ("D2", 3), ("Th", 3)])
def test_characters_by_irrep_and_class(name, dim):
    G = steer.group(name, dim=dim)
    axes = plot.character_table(G)
    classes = columns(G)
    expected = [[psi.character(G.elements[column.members[0]]) for column in classes] for psi in G.irreps()]
    np.testing.assert_allclose(image(axes), expected, atol=1e-12)
    low, high = axes.images[0].get_clim()
    assert low == -high
    assert labels(axes.yaxis) == [irrep_name(psi.label) for psi in G.irreps()]
    assert labels(axes.xaxis)[: len(classes)] == [class_name(column.name) for column in classes]
    assert axes.get_title() == f"Characters of {name}"
    # the numbers stand on their cells
    left, right, bottom, top = axes.images[0].get_extent()
    assert (left, right, top, bottom) == (0, len(classes), -0.5, len(expected) - 0.5)
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written[0.5, 0] == "1"


def test_functions_and_types_are_beside():
    axes = plot.character_table(steer.group("C4v", dim=3))
    rows = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert labels(axes.xaxis)[-2:] == ["linear", "quadratic"]
    assert rows["z"] == 0
    assert rows["(x, y), (Rx, Ry)"] == labels(axes.yaxis).index("E")
    axes = plot.character_table(steer.group("C4", dim=2))
    assert labels(axes.xaxis)[-3:] == ["type", "linear", "quadratic"]
    assert "complex" in [text.get_text() for text in axes.texts]


def test_continuous_groups_have_formulas():
    axes = plot.character_table(steer.group("O(2)", dim=2))
    assert labels(axes.yaxis) == ["0+", "0-", "1", "2", "3", "4"]
    assert "2 cos 3t" in [text.get_text() for text in axes.texts]
    assert not axes.images


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("E", "E"),
        ("12C5^2", r"$12\mathrm{C}_{5}^{2}$"),
        ("3C2'", r"$3\mathrm{C}_{2}$'"),
        ("C2(z)", r"$\mathrm{C}_{2}$(z)"),
        ("3\N{GREEK SMALL LETTER SIGMA}h", r"$3\sigma_{h}$"),
        ("i", "i"),
    ],
)
def test_classes_are_written_as_in_books(name, shown):
    assert class_name(name) == shown


@pytest.mark.parametrize(
    ("label", "shown"), [("T1g", r"$\mathrm{T}_{\mathrm{1g}}$"), ("A", "A"), ("E'", "E'"), ("2", "2")]
)
def test_irreps_are_written_as_in_books(label, shown):
    assert irrep_name(label) == shown


def plan_of(**options):
    G = steer.group("D4", dim=2)
    kind = nn.FieldType(G, 4 * [G.trivial] + 2 * [G.regular] + [G.vector])
    return nn.Conv2d(kind, kind, 5, **options)


def test_cells_have_the_colour_of_their_strategy_and_their_weights():
    layer = plan_of()
    axes = plot.plan(layer)
    plan = layer.plan
    assert axes.get_title() == f"Kernel 5 x 5, {plan.num_weights:,} weights"
    assert labels(axes.xaxis) == [
        f"{n} {TIMES} {name}"
        for n, name in ((4, "scalar\n4 channels"), (2, "regular\n16 channels"), (1, "vector\n2 channels"))
    ]
    assert labels(axes.yaxis) == labels(axes.xaxis)
    strategies = {index: placed.part.strategy for placed in plan.parts for index in placed.cells}
    assert len(axes.patches) == len(axes.texts) == 9
    cells = [cell for row in plan.cells for cell in row]
    for index, (patch, text, cell) in enumerate(zip(axes.patches, axes.texts, cells, strict=True)):
        (x, y), width, height = patch.get_xy(), patch.get_width(), patch.get_height()
        np.testing.assert_allclose(text.get_position(), (x + width / 2, y + height / 2))
        np.testing.assert_allclose(
            (x + width / 2, y + height / 2), (axes.get_xticks()[index % 3], axes.get_yticks()[index // 3])
        )
        assert text.get_text().splitlines()[0] == f"{cell.num_weights:,} weights"
        handle = next(
            patch
            for patch, entry in zip(axes.get_legend().get_patches(), axes.get_legend().get_texts(), strict=True)
            if entry.get_text().startswith(strategies[index])
        )
        assert patch.get_facecolor() == handle.get_facecolor()
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first output on top


def test_costs_are_those_that_the_plan_describes():
    plan = plan_of().plan
    axes = plot.plan(plan)
    total = plan.describe().splitlines()[-1].split()
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    units = {"": 1, "k": 1e3, "M": 1e6}

    def amount(line, unit):
        found = re.search(rf"([\d.e+]+) ([kM]?){unit}", line)
        return float(found[1]) * units[found[2]]

    np.testing.assert_allclose(sum(amount(line, "flop") for line in shown), float(total[2]) * 1e6, rtol=0.02)
    np.testing.assert_allclose(sum(amount(line, "B moved") for line in shown), float(total[3]) * 1e3, rtol=0.02)
    np.testing.assert_allclose(sum(amount(line, "B held") for line in shown), float(total[4]) * 1e3, rtol=0.02)


def test_a_part_of_several_cells_has_one_cost_and_some_cells_no_kernel():
    G = steer.group("C4", dim=2)
    source = nn.FieldType(G, [G.trivial, G.vector])
    plan = steer.kernels.compile(source, source, (1, 1), strategy="block")
    axes = plot.plan(plan)
    texts = [text.get_text() for text in axes.texts]
    assert len(plan.parts) == 1
    assert [text.count("flop") for text in texts] == [1, 0, 0, 0]
    assert texts[1] == texts[2] == "no kernel"
    assert texts[3] == "2 weights"


def test_bad_arguments_are_named():
    with pytest.raises(KernelError, match=r"plan_or_layer: expected a KernelPlan or a layer with one, got ReLU\(\)"):
        plot.plan(torch.nn.ReLU())
    with pytest.raises(GroupError, match=r"group: expected a group such as .*, got 'D4'"):
        plot.character_table("D4")
    product = steer.reps.direct_product(steer.group("C2", dim=2), steer.group("C2", dim=2))
    with pytest.raises(GroupError, match=r"group: expected one of the plane or of space as steer.group gives it"):
        plot.character_table(product)
    with pytest.raises(SteerError, match="axes: expected matplotlib axes, got 1"):
        plot.character_table(steer.group("D4", dim=2), axes=1)
    assert isinstance(plan_of().plan, KernelPlan)
