"""A plan expands coefficients to the filter that the basis says, whatever its strategy, and scales them exactly.

Three ways to one filter: the plan's own, its dense strategy, and a plain sum over `KernelBasis.sample` written here.
"""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import steer
from steer import kernels, nn
from steer.kernels import Grid, Rings, kernel_basis
from steer.kernels.plans._tables import leaves
from steer.reps import DirectSum
from tests.catalogue import IN_PLANE, O2, few_types, group_id

D4 = steer.group("D4", dim=2)
D8 = steer.group("D8", dim=2)
TILTED = D8.subgroup("D4", axis=np.pi / 8)
TOL = {torch.float32: 1e-5, torch.float64: 1e-12}
"""Relative to the largest entry: sums of a hundred terms, rounded; a wrong order gives more than 1e-1."""


def atoms(reps):
    """(first channel, representation) of each field, direct sums taken apart."""
    found, channel, waiting = [], 0, list(reps)
    while waiting:
        rep = waiting.pop(0)
        if isinstance(rep, DirectSum):
            waiting = [*rep.parts, *waiting]
        else:
            found.append((channel, rep))
            channel += rep.size
    return found, channel


def explicit(in_reps, out_reps, plan, weight):
    """The filter as the documentation says it: by pair of representations, output field, input field, basis kernel."""
    (inputs, size_in), (outputs, size_out) = atoms(in_reps), atoms(out_reps)
    out, used = np.zeros((size_out, size_in, len(plan.grid.points))), 0
    for b in dict.fromkeys(rep for _, rep in outputs):
        for a in dict.fromkeys(rep for _, rep in inputs):
            sampled = kernel_basis(a, b, radial=plan.radial).sample(plan.grid.points)
            for row in (channel for channel, rep in outputs if rep == b):
                for column in (channel for channel, rep in inputs if rep == a):
                    mine = weight[used : used + len(sampled)]
                    out[row : row + b.size, column : column + a.size] = np.einsum("n,nijm->ijm", mine, sampled)
                    used += len(sampled)
    assert used == len(weight) == plan.num_weights
    return out.reshape(size_out, size_in, *plan.grid.shape)


def compare(in_reps, out_reps, grid, others=True, **options):
    plan = kernels.compile(in_reps, out_reps, grid, **options)
    dense = kernels.compile(in_reps, out_reps, grid, strategy="dense", **options)
    assert dense.num_weights == plan.num_weights
    assert dense.fingerprint == plan.fingerprint
    weight = torch.randn(plan.num_weights, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.from_numpy(explicit(in_reps, out_reps, plan, weight.numpy()))
    scale = expected.abs().max() if expected.numel() else 0.0
    plans = [plan, dense, *(forced(in_reps, out_reps, grid, options) if others else ())]
    for dtype, tolerance in TOL.items():
        for made in plans if dtype == torch.float64 else plans[:1]:
            found = made.expand(weight.to(dtype))
            assert found.dtype == dtype
            torch.testing.assert_close(found, expected.to(dtype), rtol=0, atol=float(tolerance * scale))
    # the plan is linear, so its gradient is the transpose of the dense basis
    cotangent = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    gradients = []
    for made in plans:
        leaf = weight.clone().requires_grad_()
        made.expand(leaf).backward(cotangent)
        gradients.append(leaf.grad)
    largest = gradients[1].abs().max() if plan.num_weights else 0.0
    for gradient in gradients:
        torch.testing.assert_close(gradient, gradients[1], rtol=0, atol=float(1e-12 * largest))
    return plan


def forced(in_reps, out_reps, grid, options):
    """Plans by each of the other strategies that fit somewhere."""
    for strategy in ("orbit", "block"):
        try:
            yield kernels.compile(in_reps, out_reps, grid, strategy=strategy, **options)
        except steer.errors.KernelError as error:
            assert "fits no part" in str(error)  # noqa: PT017 - nothing to compare


@pytest.mark.parametrize("group", IN_PLANE, ids=group_id)
def test_all_kinds_of_fields_at_once(group):
    small = [rep for rep in few_types(group) if rep.size <= 8]
    compare([*small, *small[::-2]], [*small[::-1], small[0]], (3, 3), others=False)


MIXED = {
    "regular": (3 * [D4.regular], 2 * [D4.regular]),
    "interleaved": (
        [D4.trivial, D4.regular, D4.vector, D4.regular, D4.irrep("E")],
        [D4.vector, D4.regular, D4.trivial, D4.vector, D4.quotient("D2"), D4.regular],
    ),
    "direct sums": ([D4.trivial + D4.vector, D4.regular + D4.trivial], [D4.vector + D4.regular, D4.vector]),
    "irreps": (list(D4.irreps()), list(D4.irreps())[::-1]),
    "reducible": ([D4.vector.tensor(D4.vector), D4.trivial], [O2.irrep("2").restrict(D4), D4.vector.tensor(D4.vector)]),
    "tilted axis": ([TILTED.trivial, TILTED.regular, TILTED.vector], [TILTED.regular, TILTED.quotient("D1")]),
    "restricted": ([D8.regular.restrict(TILTED)], [TILTED.regular, TILTED.vector]),
    "induced": (
        [D4.subgroup("C4").irrep("E").induce(D4), D4.vector],
        [D4.subgroup("D1", axis=np.pi / 4).irrep("A2").induce(D4), D4.subgroup("C4").irrep("B").induce(D4)],
    ),
    "continuous": ([O2.band_limited(2), O2.irrep("0-").induce(O2)], [O2.vector, O2.irrep("2"), O2.irrep("0-")]),
    "induced continuous": ([O2.subgroup("SO(2)").irrep("2").induce(O2)], [O2.irrep("1"), O2.quotient("SO(2)")]),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("grid", [(5, 5), (3, 3), (4, 4)], ids=str)
def test_mixed_types(name, grid):
    in_reps, out_reps = MIXED[name]
    compare(in_reps, out_reps, grid)


def test_grids_and_rings_of_all_kinds():
    D2 = steer.group("D2", dim=2)
    types = [D2.regular, D2.vector], [D2.vector, D2.regular]
    compare(*types, (2, 2))
    compare(*types, (2, 5))
    compare(*types, (3, 3), max_frequency=1)
    compare(*types, Grid((3, 1)), radial=Rings((0.5, 2.0), (0.7, 0.3), (3, 1)))


@settings(max_examples=20)
@given(data=st.data())
def test_random_types(data):
    group = data.draw(st.sampled_from(IN_PLANE), label="group")
    fields = st.lists(st.sampled_from([rep for rep in few_types(group) if rep.size <= 6]), min_size=1, max_size=4)
    in_reps, out_reps = [group.trivial, *data.draw(fields, label="in")], data.draw(fields, label="out")
    size = data.draw(st.integers(1, 4), label="size")
    plan = compare(in_reps, out_reps, (size, size), unreached="ignore")  # an empty basis is a legitimate answer
    if not plan.unreached:
        check_scales(plan, out_reps)


def check_scales(plan, out_reps):
    """With inputs and coefficients independent, the second moment of each output field is 1 (not sampled: summed)."""
    basis = torch.func.vmap(plan.expand)(torch.eye(plan.num_weights, dtype=torch.float64)).numpy()
    moments = plan.scales() ** 2 @ np.sum(basis**2, axis=(2, 3, 4))
    for channel, rep in atoms(out_reps)[0]:
        np.testing.assert_allclose(moments[channel : channel + rep.size].mean(), 1, rtol=1e-12)


@pytest.mark.parametrize("name", MIXED)
def test_scales_keep_the_second_moment(name):
    in_reps, out_reps = MIXED[name]
    for strategy in ("auto", "dense"):
        check_scales(kernels.compile(in_reps, out_reps, (5, 5), strategy=strategy), out_reps)


def strategies(plan):
    return [(placed.part.strategy, placed.cells) for placed in plan.parts]


def test_strategies():
    regular, vector, trivial = 64 * [D4.regular], 64 * [D4.vector], 64 * [D4.trivial]
    types = regular + vector + trivial, regular + vector
    plans = {name: kernels.compile(*types, (7, 7), strategy=name) for name in ("auto", "block", "dense")}
    # regular <- regular, vector, trivial; vector <- regular; and vector <- vector, trivial in one part
    orbits = [("orbit", (cell,)) for cell in range(4)]
    assert strategies(plans["block"]) == [*orbits, ("block", (4, 5))]
    assert strategies(plans["auto"])[:4] == orbits
    assert strategies(plans["dense"]) == [("dense", (cell,)) for cell in range(6)]
    for made in plans.values():
        assert all(min(placed.part.cost) >= 0 for placed in made.parts)
        assert all(placed.part.cost.macs > 0 for placed in made.parts)
    # the reason for the orbit: the dense basis of regular fields takes as many times more as the group has elements
    assert plans["dense"].parts[0].part.cost.macs == 8 * plans["auto"].parts[0].part.cost.macs


def test_single_matrices_are_dense_and_pixels_are_gathered():
    assert strategies(kernels.compile([D4.vector], [D4.vector], (1, 1))) == [("dense", (0,))]
    pixels = kernels.compile(4 * [D4.regular], [D4.regular], (7, 7), radial=kernels.Pixels(Grid((7, 7))))
    assert strategies(pixels) == [("gather", (0,))]


def test_the_estimated_constants_are_those_held():
    for in_reps, out_reps in (MIXED["interleaved"], MIXED["reducible"], MIXED["induced"]):
        for strategy in ("orbit", "block", "dense"):
            try:
                plan = kernels.compile(in_reps, out_reps, (5, 5), strategy=strategy)
            except steer.errors.KernelError:
                continue
            for part in (placed.part for placed in plan.parts):
                held = sum(
                    table.array.size * (4 if table.array.dtype == np.float64 else 8) for table in leaves(part.held)
                )
                # changes of basis and orders of channels are not counted, nor tensors that two cells share twice
                assert 0.5 * held <= part.cost.constants <= held or part.cost.constants == held


def test_describe_says_what_each_part_costs():
    plan = kernels.compile([D4.regular, D4.vector, D4.trivial], [D4.regular, D4.vector], (5, 5), strategy="orbit")
    head, *rows, total = plan.describe().splitlines()
    assert head.split() == ["from", "to", "strategy", "weights", "Mflop", "kB", "moved", "kB", "held", "kB", "peak"]
    assert len(rows) == len(plan.parts)
    assert sum(int(row.split()[-5]) for row in rows) == int(total.split()[-5]) == plan.num_weights
    assert "1 regular" in rows[0]
    assert "orbit" in rows[0]


def test_it_prints_its_fields_grid_and_weights():
    C4 = steer.group("C4", dim=2)
    plan = kernels.compile(2 * [C4.trivial] + [C4.vector], [C4.regular], (3, 3))
    expected = f"KernelPlan(2 A + 1 vector -> 1 regular of C4, Grid(shape=(3, 3)), num_weights={plan.num_weights})"
    assert repr(plan) == str(plan) == expected


def test_a_strategy_that_fits_nothing_is_refused():
    with pytest.raises(steer.errors.KernelError, match="strategy: 'gather' fits no part of this plan; 'auto' takes"):
        kernels.compile([D4.regular], [D4.regular], (3, 3), strategy="gather")
    with pytest.raises(steer.errors.KernelError, match="strategy: expected 'auto' or 'orbit' or 'gather'"):
        kernels.compile([D4.regular], [D4.regular], (3, 3), strategy="fast")


def test_plans_are_shared_and_copied_by_reference():
    t = nn.FieldType(D4, 2 * [D4.regular])
    plan = kernels.compile(t, t, (3, 3))
    assert kernels.compile(2 * [D4.regular], t, Grid((3, 3))) is plan
    assert pickle.loads(pickle.dumps(plan)) is plan
    assert copy.deepcopy(plan) is plan
    first, again = (plan.tensors(torch.float32, torch.device("cpu")) for _ in range(2))
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_plans_of_other_widths_share_the_sampled_functions():
    types = [count * [D4.regular, D4.vector] for count in (1, 3)]
    plans = [kernels.compile(kind, kind, (5, 5), strategy="orbit") for kind in types]
    held = [[t for t in plan.tensors(torch.float32, torch.device("cpu")) if t.is_floating_point()] for plan in plans]
    assert [t.data_ptr() for t in held[0]] == [t.data_ptr() for t in held[1]]


def test_constants_made_in_inference_mode_serve_training():
    with torch.inference_mode():
        plan = kernels.compile([D4.regular], [D4.vector], (4, 4), radial=Rings((1.0,), (0.61,), (2,)))
        plan.tensors(torch.float32, torch.device("cpu"))
    weight = torch.ones(plan.num_weights, requires_grad=True)
    plan.expand(weight).sum().backward()
    assert weight.grad is not None


def test_constants_made_in_a_fake_trace_do_not_outlive_it():
    plan = kernels.compile([D4.regular], [D4.vector], (4, 4), radial=Rings((1.0,), (0.62,), (2,)))
    with torch._subclasses.FakeTensorMode():
        assert plan.expand(torch.ones(plan.num_weights)).shape == (2, 8, 4, 4)
    assert type(plan.expand(torch.ones(plan.num_weights))) is torch.Tensor


def test_coefficients_need_not_be_contiguous():
    plan = kernels.compile([D4.regular, D4.vector], [D4.vector, D4.trivial], (3, 3))
    weight = torch.randn(plan.num_weights, 2, dtype=torch.float64)
    torch.testing.assert_close(plan.expand(weight[:, 1]), plan.expand(weight[:, 1].contiguous()), rtol=0, atol=0)


def test_fingerprint_tells_bases_apart():
    def of(in_reps, out_reps, grid=(3, 3), **options):
        return kernels.compile(in_reps, out_reps, grid, **options).fingerprint

    base = of([D4.regular], [D4.vector])
    assert base == of([D4.regular], [D4.vector], strategy="dense")
    assert len(base) == 32
    others = [
        of([D4.regular], [D4.regular]),
        of(2 * [D4.regular], [D4.vector]),
        of([D4.regular], [D4.irrep("E")]),
        of([D4.regular], [D4.vector], (5, 5)),
        of([D4.regular], [D4.vector], max_frequency=1),
        of([TILTED.regular], [TILTED.vector]),
        of([D4.regular], [D4.vector], radial=Rings((0.0, 1.1), (0.6, 0.45), (0, 2))),
    ]
    assert len({base, *others}) == 1 + len(others)


def test_bases_print_and_are_named_by_their_descriptor():
    basis = kernel_basis(D4.regular, D4.vector, max_frequency=2)
    assert basis.fingerprint == basis.descriptor.fingerprint == steer.kernels.cache.fingerprint(basis.descriptor)
    assert repr(basis) == f"KernelBasis({basis.descriptor!r})"
    assert pickle.loads(pickle.dumps(basis.descriptor)) == copy.deepcopy(basis.descriptor) == basis.descriptor
    other = kernel_basis(D4.regular, D4.vector, max_frequency=2, form="block")
    assert other.fingerprint != basis.fingerprint, "coefficients of the two forms are not the same"


def test_equal_rings_have_equal_fingerprints_whatever_their_number_type():
    plain = Rings((0.0, 1.0), (0.6, 1.0), (0, 2))
    other = Rings((0, np.float64(1)), (np.float64(0.6), 1), (np.int64(0), 2))
    assert plain == other
    assert repr(plain) == repr(other)
    assert repr(Grid((3, 3))) == repr(Grid([np.int64(3), 3]))
