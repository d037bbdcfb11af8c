"""The other verbs of a plan: spectra, which with the functions are the kernels anywhere, and maps of features."""

import numpy as np
import pytest
import torch

import steer
from steer import kernels
from steer.errors import KernelError
from steer.kernels import (
    FiniteDifferences,
    GaussianDerivatives,
    Grid,
    Interpolated,
    Pixels,
    Rings,
    kernel_basis,
)
from tests.catalogue import ACTIONS, IN_PLANE, SPATIAL, few_types, group_id, mostly_slow

TOL = 1e-12  # relative to the largest entry: sums of a hundred terms of float64
C8, D4, O2 = (steer.group(name, dim=2) for name in ("C8", "D4", "O(2)"))
OCT, OH, SO3, O3 = (steer.group(name, dim=3) for name in ("O", "Oh", "SO(3)", "O(3)"))
D8 = steer.group("D8", dim=2)
TILTED = D8.subgroup("D4", axis=np.pi / 8)


def draw(plan, *batch):
    return torch.randn(*batch, plan.num_weights, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def close(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOL * scale)


def contracted(plan, weight, points):
    """(out, in, m): the kernels at points, from the spectrum and the functions of a plan."""
    return plan.spectrum(weight).numpy() @ plan.sample(points)


def at(plan, weight, points):
    """(out, in, m): the same from the basis kernels, cell by cell as the documentation orders coefficients."""
    out, used = np.zeros((plan.out_size, plan.in_size, len(points))), 0
    for b, rows in plan.rows.items():
        for a, columns in plan.columns.items():
            sampled = kernel_basis(a, b, radial=plan.functions).sample(points)
            for row in rows:
                for column in columns:
                    mine = weight[used : used + len(sampled)].numpy()
                    out[row : row + b.size, column : column + a.size] = np.einsum("n,nijm->ijm", mine, sampled)
                    used += len(sampled)
    return out


def check(in_reps, out_reps, grid, anywhere=True, **options):
    """The theorem, by every strategy: the spectrum with the functions is the filter, and the kernel at other points."""
    dim = in_reps[0].group.dim
    elsewhere = np.random.default_rng(0).normal(size=(7, dim))
    for strategy in ("auto", "dense"):
        plan = kernels.compile(in_reps, out_reps, grid, strategy=strategy, **options)
        weight = draw(plan)
        filters = plan.grid.embed(contracted(plan, weight, plan.grid.points)).reshape(plan.expand(weight).shape)
        close(filters, plan.expand(weight).numpy())
        if anywhere:
            close(contracted(plan, weight, elsewhere), at(plan, weight, elsewhere))
    return plan


@pytest.mark.parametrize("group", mostly_slow(IN_PLANE + SPATIAL + ACTIONS), ids=group_id)
def test_rings(group):
    small = [rep for rep in few_types(group) if rep.size <= 6]
    plan = check([*small, small[0]], [small[-1], *small], (3,) * group.dim)
    assert plan.spectrum(draw(plan)).shape == (plan.out_size, plan.in_size, plan.functions.count(group.dim))


SPACE = {
    "O": ([OCT.regular, OCT.vector], [OCT.vector, OCT.quotient("C4")]),
    "Oh": ([OH.quotient("C4v"), OH.irrep("A1u")], [OH.quotient("C4v"), OH.vector]),
    "SO(3)": ([SO3.irrep("1"), SO3.irrep("2"), SO3.irrep("1")], [SO3.vector.tensor(SO3.vector), SO3.trivial]),
    "O(3)": ([O3.irrep("0o"), O3.vector], [O3.irrep("1e"), O3.irrep("2e"), O3.vector]),
    "induced": ([O2.subgroup("SO(2)").irrep("2").induce(O2)], [O2.irrep("1"), O2.quotient("SO(2)"), O2.trivial]),
    "tilted": ([TILTED.regular, TILTED.vector], [TILTED.quotient("D1"), TILTED.irrep("E")]),
}


@pytest.mark.parametrize("name", SPACE)
def test_rings_in_space_and_other_settings(name):
    in_reps, out_reps = SPACE[name]
    check(in_reps, out_reps, (3,) * in_reps[0].group.dim)


@pytest.mark.parametrize("functions", [GaussianDerivatives(3, 0.7), FiniteDifferences((5, 5), 3)], ids=repr)
def test_derivatives(functions):
    check(
        [D8.regular, D8.vector],
        [D8.quotient("D2"), D8.vector],
        (5, 5),
        anywhere=isinstance(functions, GaussianDerivatives),
        radial=functions,
    )


PIXELS = {
    "C4": (steer.group("C4", dim=2), Grid((3, 3))),
    "D4 even": (D4, Grid((4, 4))),
    "O": (OCT, Grid((3, 3, 3))),
    "hexagon": (steer.group("D6", dim=2), Grid((5, 5), "hexagonal")),
    "plane about z": (steer.group("D4", dim=3), Grid((1, 3, 3))),
}


@pytest.mark.parametrize("name", PIXELS)
def test_pixels_are_permuted(name):
    group, grid = PIXELS[name]
    plan = check([group.regular, group.vector], [group.vector, group.quotient("C2")], grid, radial=Pixels(grid))
    assert plan.spectrum(draw(plan)).shape[-1] == len(grid.points)
    # the functions are those of the grid: where they fill it, the spectrum is the filter
    if grid.index is None:
        assert torch.equal(plan.spectrum(draw(plan)).reshape(plan.expand(draw(plan)).shape), plan.expand(draw(plan)))


@pytest.mark.parametrize("order", [1, 3])
def test_splines_are_permuted_by_turns_of_the_lattice_and_else_taken_at_each_coset(order):
    functions = Interpolated((5, 5), order=order)
    count = functions.count(2)
    plan = check([D4.regular], [D4.vector, D4.quotient("D1"), D4.regular], (5, 5), radial=functions)
    assert plan.spectrum(draw(plan)).shape[-1] == count
    plan = check([C8.regular, C8.trivial], [C8.regular], (5, 5), radial=functions)
    assert plan.spectrum(draw(plan)).shape[-1] == 8 * count
    plan = check([D8.regular], [D8.quotient("C4"), D8.regular], (5, 5), radial=functions)
    assert plan.spectrum(draw(plan)).shape[-1] == 16 * count
    assert functions.action(D8, D8.elements) is None


@pytest.mark.parametrize(
    ("group", "functions"),
    [
        (O2.subgroup("D3"), Rings.for_kernel((5, 5))),
        (OH, Rings.for_kernel((3, 3, 3))),
        (OH, GaussianDerivatives(4, 0.6)),
        (OH, Pixels(Grid((2, 2, 2)))),
        (D4, Interpolated((4, 4), masked=False)),
        (steer.group("D2", dim=2), Interpolated((2, 5))),
    ],
    ids=repr,
)
def test_moved_functions_are_combinations_of_the_functions(group, functions):
    points = np.random.default_rng(1).normal(size=(9, group.dim))
    points[:4] = np.round(points[:4])  # some of them pixels
    elements = group.sample(5, seed=2)
    action = functions.action(group, elements)
    moved = functions.turned(group, elements, points)
    np.testing.assert_allclose(np.einsum("gcb,cm->bgm", action, functions.sample(points)), moved, rtol=0, atol=1e-12)


def test_splines_across_a_kernel_of_one_pixel_are_not_turned_about_it():
    group = steer.group("C8", dim=3)
    assert Interpolated((5, 1, 1)).action(group, group.elements) is None
    check([group.regular], [group.regular], (3, 1, 1), radial=Interpolated((3, 1, 1)))


def test_edges_need_the_spectrum_alone():
    # what a convolution over points does: functions of the edges times features, then one linear map
    plan = kernels.compile([C8.vector, C8.trivial], [C8.regular, C8.vector], (5, 5))
    weight, rng = draw(plan), np.random.default_rng(3)
    positions, features = rng.normal(size=(6, 2)), rng.normal(size=(6, plan.in_size))
    offsets = (positions[None] - positions[:, None]).reshape(-1, 2)
    aggregated = np.einsum("bij,jc->icb", plan.sample(offsets).reshape(-1, 6, 6), features)
    found = np.einsum("ocb,icb->io", plan.spectrum(weight).numpy(), aggregated)
    expected = np.einsum("ocij,jc->io", at(plan, weight, offsets).reshape(plan.out_size, plan.in_size, 6, 6), features)
    close(found, expected)


PLANS = {
    "orbit": lambda: kernels.compile([D4.regular, D4.trivial], [D4.quotient("C2"), D4.vector], (3, 3)),
    "block": lambda: kernels.compile([SO3.trivial, SO3.vector], [SO3.irrep("2"), SO3.vector], (3, 3, 3)),
    "pixel": lambda: kernels.compile([D4.vector], [D4.regular], (3, 3), radial=Pixels(Grid((3, 3)))),
}


@pytest.fixture(params=PLANS)
def plan(request):
    return PLANS[request.param]()


def test_its_derivatives_are_those_of_a_linear_map(plan):
    basis = torch.stack([plan.spectrum(row) for row in torch.eye(plan.num_weights, dtype=torch.float64)])
    weights = draw(plan, 2, 3)
    expected = torch.einsum("abn,n...->ab...", weights, basis)
    close(plan.spectrum(weights), expected)
    close(torch.func.vmap(torch.func.vmap(plan.spectrum))(weights), expected)
    weight = weights[0, 0].clone().requires_grad_()
    (first,) = torch.autograd.grad(plan.spectrum(weight).square().sum() / 2, weight, create_graph=True)
    gram = basis.flatten(1) @ basis.flatten(1).T
    close(first.detach(), (gram @ weight).detach())
    (second,) = torch.autograd.grad(first @ weights[1, 0], weight)
    close(second, gram @ weights[1, 0])


def test_it_is_one_graph(plan):
    torch.compiler.reset()
    held = plan.tensors(torch.float64, torch.device("cpu"), verb="spectrum")
    compiled = torch.compile(lambda weight: plan.spectrum(weight, held), fullgraph=True, backend="aot_eager")
    close(compiled(draw(plan)), plan.spectrum(draw(plan)))


def test_a_graph_needs_what_has_been_solved_for():
    torch.compiler.reset()
    arguments = kernels.compile([D4.vector], [D4.regular], (5, 5))._arguments
    plan = kernels.KernelPlan(*arguments)  # shared with no other test
    compiled = torch.compile(lambda weight: plan.spectrum(weight), fullgraph=True, backend="eager")
    with pytest.raises(Exception, match=r"call plan.tensors\(dtype, device, verb='spectrum'\) once before"):
        compiled(draw(plan))
    plan.tensors(torch.float64, torch.device("cpu"), verb="spectrum")
    torch.compiler.reset()
    close(compiled(draw(plan)), plan.spectrum(draw(plan)))


def test_points_may_be_tensors(plan):
    points = torch.randn(4, len(plan.grid.shape), dtype=torch.float64)
    for same in (points, points.tolist()):
        np.testing.assert_array_equal(plan.sample(same), plan.sample(points.numpy()))
    np.testing.assert_array_equal(plan.sample(points.bfloat16()), plan.sample(points.bfloat16().double().numpy()))


def test_features_and_weights_meet_in_mixed_precision():
    plan = kernels.compile([D4.vector], [D4.vector], (1, 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert plan.apply(draw(plan).float(), torch.zeros(3, 2, dtype=torch.bfloat16)).dtype is torch.bfloat16


def test_unknown_verbs_and_other_coefficients_are_refused(plan):
    with pytest.raises(KernelError, match="verb: expected 'expand' or 'spectrum', got 'apply'"):
        plan.tensors(torch.float64, torch.device("cpu"), verb="apply")
    with pytest.raises(KernelError, match=r"weight: expected shape \(\.\.\., \d+\), got"):
        plan.spectrum(draw(plan)[:-1])


POINTS = {
    "regular": ([D4.regular, D4.vector], [D4.vector, D4.regular]),
    "irreps": ([SO3.trivial, SO3.vector, SO3.vector], [SO3.vector, SO3.trivial]),
}


@pytest.mark.parametrize("name", POINTS)
def test_features_without_positions(name):
    in_reps, out_reps = POINTS[name]
    group = in_reps[0].group
    plan = kernels.compile(in_reps, out_reps, (1,) * group.dim, radial=Rings.point())
    weight, x = draw(plan), torch.randn(2, 3, plan.in_size, dtype=torch.float64)
    matrix = plan.expand(weight).flatten(1)
    torch.testing.assert_close(plan.apply(weight, x), x @ matrix.T)
    torch.testing.assert_close(plan.apply(weight, x[0, 0]), matrix @ x[0, 0])
    image = torch.randn(2, plan.in_size, 4, 5, dtype=torch.float64)
    expected = torch.nn.functional.conv2d(image, matrix[:, :, None, None])
    torch.testing.assert_close(plan.apply(weight, image, dim=1), expected)
    torch.testing.assert_close(plan.apply(weight, image, dim=-3), expected)
    torch.testing.assert_close(plan.apply(weight, x.mT, dim=1), (x @ matrix.T).mT)
    held = plan.tensors(torch.float64, torch.device("cpu"))
    torch.testing.assert_close(plan.apply(weight, x, tensors=held), x @ matrix.T)
    # it commutes with the group
    g = group.sample(1, seed=4)[0]
    moved = [torch.block_diag(*(torch.from_numpy(np.array(rep(g))) for rep in reps)) for reps in (in_reps, out_reps)]
    torch.testing.assert_close(plan.apply(weight, x @ moved[0].T), plan.apply(weight, x) @ moved[1].T)
    torch.autograd.gradcheck(plan.apply, (weight.requires_grad_(), x[0].requires_grad_()))


def test_maps_of_more_than_one_point_and_other_channels_are_refused():
    plan = kernels.compile([D4.vector], [D4.vector], (3, 3))
    with pytest.raises(KernelError, match="apply: kernels of 3 x 3 points need positions; expand them"):
        plan.apply(draw(plan), torch.zeros(2, dtype=torch.float64))
    plan = kernels.compile([D4.vector], [D4.vector], (1, 1))
    for x, dim in ((torch.zeros(3), -1), (torch.zeros(2, 3), 1), (torch.zeros(2), 1), (torch.zeros(()), -1)):
        with pytest.raises(KernelError, match=r"x: expected 2 channels in axis .*, got the shape"):
            plan.apply(draw(plan), x, dim=dim)
    with pytest.raises(KernelError, match=r"weight: expected shape \(\d+,\), got \(1, \d+\)"):
        plan.apply(draw(plan, 1), torch.zeros(2))


def test_a_plan_projects_filters():
    plan = kernels.compile([D4.regular, D4.vector], [D4.vector], (3, 3))
    weight = draw(plan)
    found = plan.project(plan.expand(weight))
    close(found.weight, weight)
    assert found.residual < 1e-12
    with pytest.raises(steer.errors.ShapeError, match="filter: expected shape"):
        plan.project(plan.expand(weight)[:1])
