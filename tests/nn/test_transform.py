"""The action on sampled fields: for symmetries of the grid against its definition, for others against functions."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

import steer
from steer import nn
from steer.errors import FieldTypeError, GroupError, ShapeError
from steer.nn._fields._transform import act_on_grid
from steer.testing import grid_symmetries
from tests.catalogue import HALF_TURN, INTERNAL, LINE, SPACE, THROUGH_D2, group_id

PLANAR = [steer.group(name, dim=2) for name in ("C4", "D4", "C8", "O(2)")]
SPATIAL = [steer.group(name, dim=3) for name in ("O", "Oh", "Th", "D2d", "C4v", "C6h", "SO(3)", "O(3)")]
GROUPS = PLANAR + SPATIAL
OH, O3, SO3 = (steer.group(name, dim=3) for name in ("Oh", "O(3)", "SO(3)"))
SO2 = steer.group("SO(2)", dim=2)


def mixed(group):
    irreps = group.irreps(None if group.is_finite else 2)
    permuted = [group.quotient(small) for small in group.subgroups() if small.order >= 2][:1] if group.is_finite else []
    return nn.FieldType(group, [irreps[-1], *permuted, group.vector, irreps[-1].tensor(group.vector)])


def reference(field_type, x, g):
    """Sample by sample: out[p] = rho(g) x[g^-1 p], space axes exchanged where g exchanges them."""
    dim = field_type.group.dim
    move = np.round(field_type.group.action(g))[::-1, ::-1]  # of tensor axes
    sizes = np.array(x.shape[2:])
    target = np.abs(move) @ sizes
    out = torch.zeros(*x.shape[:2], *map(int, target), dtype=x.dtype)
    rho = torch.from_numpy(field_type.representation(g))
    for index in itertools.product(*(range(int(size)) for size in target)):
        p = np.array(index) - (target - 1) / 2
        q = move.T @ p + (sizes - 1) / 2
        source = tuple(int(i) for i in q)
        assert np.array_equal(source, q)
        out[(..., *index)] = torch.einsum("ij,nj->ni", rho, x[(..., *source)])
    assert len(target) == dim
    return out


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_symmetries_of_the_grid_against_the_definition(group):
    kind = mixed(group)
    shape = (3, 3, 3) if group.dim == 3 else (4, 4)
    x = torch.randn(2, kind.size, *shape, dtype=torch.float64)
    for g in grid_symmetries(group):
        torch.testing.assert_close(kind.transform(x, g), reference(kind, x, g), rtol=0, atol=1e-14)


@pytest.mark.parametrize("group", [THROUGH_D2, HALF_TURN, SPACE, LINE, *INTERNAL[:2]], ids=group_id)
def test_groups_that_move_space_otherwise(group):
    # the representation takes the element, space what it acts by
    kind = nn.FieldType(group, [group.irreps(None if group.is_finite else 1)[-1], group.vector])
    x = torch.randn(1, kind.size, *(3, 3, 3)[: group.dim], dtype=torch.float64)
    for g in grid_symmetries(group):
        torch.testing.assert_close(kind.transform(x, g), reference(kind, x, g), rtol=0, atol=1e-14)


def test_all_symmetries_of_the_cube_on_a_box():
    # sizes are exchanged with the axes
    kind = nn.FieldType(OH, [OH.vector, OH.trivial])
    x = torch.randn(2, 4, 2, 3, 4, dtype=torch.float64)
    assert len(OH.elements) == 48
    shapes = set()
    for g in OH.elements:
        moved = kind.transform(x, g)
        torch.testing.assert_close(moved, reference(kind, x, g), rtol=0, atol=1e-15)
        shapes.add(tuple(moved.shape[2:]))
    assert len(shapes) == 6


@pytest.mark.parametrize("group", [*PLANAR[:2], *SPATIAL[:5]], ids=group_id)
def test_it_is_an_action(group):
    # exactly for fields whose matrices are exact, signed permutations; on boxes of any sizes
    kind = nn.FieldType(group, [group.vector, group.quotient(group.subgroups()[1]), group.trivial])
    x = torch.randn(1, kind.size, *((3, 4, 5) if group.dim == 3 else (3, 4)), dtype=torch.float64)
    elements = group.elements[:: max(1, len(group.elements) // 12)]
    for g, h in itertools.product(elements, elements):
        twice = kind.transform(kind.transform(x, h), g)
        torch.testing.assert_close(kind.transform(x, g @ h), twice, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_dtype_and_bits_of_permuted_fields_are_kept(dtype):
    kind = nn.FieldType(OH, [OH.quotient("C4v"), OH.vector])
    x = torch.randn(1, 9, 3, 3, 3).to(dtype)
    for g in OH.elements:
        moved = kind.transform(x, g)
        assert moved.dtype == dtype
        # the matrices are permutations to within rounding in float64, and all smaller types round that away
        exact = kind.transform(x.double(), g)
        torch.testing.assert_close(moved.double(), exact, rtol=0, atol=1e-15 if dtype == torch.float64 else 1e-6)
        torch.testing.assert_close(moved.double().sort().values, exact.sort().values, rtol=0, atol=1e-6)


def test_gradients_flow_through_permutations():
    kind = nn.FieldType(OH, [OH.vector])
    x = torch.randn(1, 3, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    g = OH.elements[17]
    y = torch.randn(1, 3, 3, 3, 3, dtype=torch.float64)
    (kind.transform(x, g) * y).sum().backward()
    torch.testing.assert_close(x.grad, kind.transform(y, g.T), rtol=0, atol=1e-15)  # orthogonal


@pytest.mark.parametrize("group", [SO2, SO3], ids=group_id)
def test_batches_and_memory_formats(group):
    kind = nn.FieldType(group, [group.vector])
    x = torch.randn(3, kind.size, *(7,) * group.dim, dtype=torch.float64)
    form = torch.channels_last if group.dim == 2 else torch.channels_last_3d
    turn = np.eye(group.dim)
    turn[:2, :2] = [[0, -1], [1, 0]]
    for g in (*group.sample(2, seed=0), turn):
        moved = kind.transform(x, g)
        assert torch.equal(kind.transform(x.contiguous(memory_format=form), g), moved)
        for index in range(3):
            torch.testing.assert_close(kind.transform(x[index : index + 1], g), moved[index : index + 1])
        assert kind.transform(x[:0], g).shape == (0, *x.shape[1:])
        field = kind(x).transform(g, order=1)
        assert torch.equal(field.tensor, kind.transform(x, g, order=1))


# Turns by other angles


def points(size, dim):
    axis = np.arange(size) - (size - 1) / 2
    return np.stack(np.meshgrid(*dim * [axis], indexing="ij")[::-1], axis=-1)


def wave(dim, wavelength, sigma, rng):
    """A plane wave in a random direction, in a Gaussian window, as a function of points (..., d)."""
    k = rng.normal(size=dim)
    k *= 2 * math.pi / wavelength / np.linalg.norm(k)
    phase = rng.uniform(0, 2 * math.pi)
    return lambda p: np.cos(p @ k + phase) * np.exp(-np.sum(p**2, axis=-1) / (2 * sigma**2))


@pytest.mark.parametrize("group", [SO2, SO3], ids=group_id)
@pytest.mark.parametrize(
    ("order", "eight", "four"), [(1, 0.12, 0.4), (2, 1e-2, 0.1), (3, 3e-3, 4e-2), (4, 5e-4, 2e-2), (5, 1.5e-4, 8e-3)]
)
def test_splines_turn_waves(group, order, eight, four):
    # a window of 3.5 pixels in a box of 41 is below 1e-7 at the edge; bounds for wavelengths of 8 and 4 pixels
    kind = nn.FieldType(group, [group.trivial])
    where = points(41, group.dim)
    rng = np.random.default_rng(0)
    for wavelength, bound in ((8, eight), (4, four)):
        for g in group.sample(3 if group.dim == 2 else 1, seed=0):
            f = wave(group.dim, wavelength, 3.5, rng)
            moved = kind.transform(torch.from_numpy(f(where))[None, None], g, order=order)
            assert np.abs(moved[0, 0].numpy() - f(where @ g)).max() < bound


@pytest.mark.parametrize("group", [SO2, SO3, O3], ids=group_id)
def test_vector_fields_turn_with_their_vectors(group):
    kind = nn.FieldType(group, [group.vector])
    where = points(31, group.dim)
    rng = np.random.default_rng(1)
    f = [wave(group.dim, 12, 2.8, rng) for _ in range(group.dim)]
    x = torch.from_numpy(np.stack([component(where) for component in f]))[None]
    for g in group.sample(2, seed=0):
        expected = np.stack([component(where @ g) for component in f], axis=-1) @ group.vector(g).T
        moved = np.moveaxis(kind.transform(x, g, order=5)[0].numpy(), 0, -1)
        assert np.abs(moved - expected).max() < 1e-4


@pytest.mark.parametrize("order", range(6))
def test_the_smallest_turn_is_near_the_identity_at_every_order(order):
    # 1e-8 radian moves the samples by 1e-7 pixels, too far for a permutation
    c, s = math.cos(1e-8), math.sin(1e-8)
    x = torch.randn(1, 1, 9, 9, dtype=torch.float64)
    turned = nn.FieldType(SO2, [SO2.trivial]).transform(x, [[c, -s], [s, c]], order=order)
    inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # the edge turns out of the grid
    assert (turned - x)[inside].abs().max() < 1e-6


def test_axes_that_a_turn_does_not_mix_may_differ():
    kind = nn.FieldType(O3, [O3.vector])
    c, s = math.cos(0.7), math.sin(0.7)
    g = np.array([[c, -s, 0], [s, c, 0], [0, 0, -1]])
    x = torch.randn(2, 3, 5, 9, 9, dtype=torch.float64)
    moved = kind.transform(x, g)
    assert moved.shape == x.shape
    # slice by slice in the plane, the third component and the order of the slices reversed
    flat = nn.FieldType(SO2, [SO2.vector, SO2.trivial])
    for z in range(5):
        expected = flat.transform(x[:, :, 4 - z], g[:2, :2]) * torch.tensor([1.0, 1.0, -1.0]).reshape(1, 3, 1, 1)
        torch.testing.assert_close(moved[:, :, z], expected, rtol=0, atol=1e-13)


def test_float32_is_rounded_once():
    kind = nn.FieldType(SO3, [SO3.vector])
    x = torch.randn(1, 3, 7, 7, 7)
    g = SO3.sample(1, seed=0)[0]
    assert torch.equal(kind.transform(x, g), kind.transform(x.double(), g).float())
    x.requires_grad_()
    assert torch.equal(kind.transform(x, g), kind.transform(x.double(), g).float())


@pytest.mark.parametrize("order", [-1, 6, 2.5, "3", True, None])
def test_orders_that_do_not_exist_are_refused(order):
    kind = nn.FieldType(SO2, [SO2.trivial])
    for g in (SO2.sample(1, seed=0)[0], np.eye(2)):
        with pytest.raises(ShapeError, match=rf"order: expected an integer from 0 to 5, got {order!r}"):
            kind.transform(torch.zeros(1, 1, 5, 5), g, order=order)


def test_what_does_not_fit_is_refused():
    kind = nn.FieldType(OH, [OH.trivial])
    with pytest.raises(
        ShapeError, match=r"x: expected \(batch, channels\) and 3 axes of space, got shape \(1, 1, 5, 5\)"
    ):
        kind.transform(torch.zeros(1, 1, 5, 5), np.eye(3))
    with pytest.raises(GroupError, match="g: a matrix is"):
        kind.transform(torch.zeros(1, 1, 5, 5, 5), SO3.sample(1, seed=0)[0])
    with pytest.raises(ShapeError, match="2 axes of space"):
        act_on_grid(torch.zeros(1, 1, 5, 5, 5), np.eye(2))
    x = torch.zeros(2, 1, 5, 5, 5)
    with pytest.raises(ShapeError, match=r"g: expected an element for each of 2 samples, .* got 3"):
        kind.transform(x, OH.elements[:3])
    with pytest.raises(ShapeError, match=r"g: expected one matrix, .* got shape \(1, 48, 3, 3\)"):
        kind.transform(x, OH.elements[None])
    with pytest.raises(GroupError, match=r"g: elements are constants here, without gradient; pass g.detach\(\)"):
        kind.transform(x, torch.eye(3, requires_grad=True))
    with pytest.raises(ShapeError, match="lattice: expected 'square' or 'hexagonal', got 'cubic'"):
        kind.transform(x, OH.elements[1], lattice="cubic")
    with pytest.raises(ShapeError, match="x: expected a hexagonal map"):
        kind.transform(x, OH.elements[1], lattice="hexagonal")
    with pytest.raises(ShapeError, match=r"points: expected a tensor, got ndarray"):
        kind.transform_points(torch.zeros(2, 1, 5), torch.zeros(5, 3).numpy(), OH.elements[1])
    for points in (torch.zeros(4, 2), torch.zeros(3, 5, 3)):
        with pytest.raises(ShapeError, match=r"points: expected coordinates of shape \(5, 3\) or \(2, 5, 3\) beside"):
            kind.transform_points(torch.zeros(2, 1, 5), points, OH.elements[1])


# Gradients, batches, grids of other shapes, points

CINF = steer.group("SO(2)", dim=2)
OFF = {2: SO2.sample(3, seed=5), 3: O3.sample(3, seed=5)}
TURNED = [
    pytest.param(nn.FieldType(CINF, [CINF.vector, CINF.trivial]), (5, 4), id="plane"),
    pytest.param(nn.FieldType(O3, [O3.irrep("1o"), O3.trivial]), (3, 4, 2), id="space"),
]


@pytest.mark.parametrize("noise", [1e-8, 3e-7, 1e-5, 6e-5])
@pytest.mark.parametrize("order", [0, 1, 3])
def test_noise_of_an_element_does_not_cut_off_the_border(noise, order):
    group = steer.group("O(2)", dim=2)
    kind = nn.FieldType(group, [group.trivial])
    x = torch.randn(1, 1, 16, 16, dtype=torch.float64)
    slope = 4 * x.abs().max()  # a cubic spline's, at most
    for quarters in range(4):
        angles = (quarters * math.pi / 2 + noise, quarters * math.pi / 2)
        turns = [[[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]] for a in angles]
        found, exact = (kind.transform(x, turn, order=order) for turn in turns)
        assert (found - exact).abs().max() <= 16 * noise * slope  # corners move by 11 noise, along two axes


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # of torch, which compiles its jvp rules
@pytest.mark.parametrize(("kind", "shape"), TURNED)
@pytest.mark.parametrize("order", [0, 1, 3, 4])
def test_gradients_at_any_angle(kind, shape, order):
    dim = len(shape)
    x = torch.randn(2, kind.size, *shape, dtype=torch.float64, requires_grad=True)
    for g in (OFF[dim][0], np.stack([np.eye(dim), OFF[dim][0]])):
        torch.autograd.gradcheck(lambda x, g=g: kind.transform(x, g, order=order), x, fast_mode=True)
    torch.autograd.gradgradcheck(lambda x: kind.transform(x, g, order=order), x, fast_mode=True)
    tangent = torch.randn_like(x)
    _, forward = torch.func.jvp(lambda x: kind.transform(x, g, order=order), (x.detach(),), (tangent,))
    torch.testing.assert_close(forward, kind.transform(tangent, g, order=order))  # it is linear


@pytest.mark.parametrize(("kind", "shape"), TURNED)
def test_an_element_for_each_sample(kind, shape):
    # elements between those of the grid, and on it: a quarter turn, a half turn, the identity
    dim = len(shape)
    quarter = np.eye(dim)
    quarter[:2, :2] = [[0, -1], [1, 0]]
    elements = np.stack([OFF[dim][0], quarter, OFF[dim][1], np.eye(dim), quarter @ quarter, quarter])
    x = torch.randn(6, kind.size, *(5,) * dim, dtype=torch.float64)
    moved = kind.transform(x, elements)
    for index, g in enumerate(elements):
        torch.testing.assert_close(moved[index], kind.transform(x[index : index + 1], g)[0], rtol=0, atol=1e-14)
    for given in (list(elements), torch.from_numpy(elements), [torch.from_numpy(g) for g in elements]):
        assert torch.equal(kind.transform(x, given), moved)
        assert torch.equal(kind(x).transform(given).tensor, moved)
    for exact in (1, 3, 4, 5):  # permutations, bit by bit
        assert torch.equal(moved[exact], kind.transform(x[exact : exact + 1], elements[exact])[0])
    flat = x.flatten(2)[..., 0]
    matrices = torch.from_numpy(np.stack([kind.representation(g) for g in elements]))
    torch.testing.assert_close(kind.transform(flat, elements), torch.einsum("nij,nj->ni", matrices, flat))
    assert kind.transform(x[:0], elements[:0]).shape == (0, *x.shape[1:])


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 9), (1, 7), (31, 20)])
def test_images_that_are_not_square_turn_as_a_window_on_a_square(shape):
    # zeros around the image change nothing inside of the window but what comes in from outside
    kind = nn.FieldType(SO2, [SO2.trivial, SO2.vector])
    x = torch.randn(4, 3, *shape, dtype=torch.float64)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    elements = np.stack([SO2.sample(1, seed=1)[0], quarter, -np.eye(2), quarter.T])
    moved = kind.transform(x, elements)
    assert moved.shape == x.shape
    for index, g in enumerate(elements[[0, 2]]):
        torch.testing.assert_close(moved[2 * index], kind.transform(x[2 * index : 2 * index + 1], g)[0])
    single = kind.transform(x, quarter)
    assert single.shape[2:] == shape[::-1]
    if (shape[0] - shape[1]) % 2 == 0:  # the samples fall on samples: the window is cut out of the turned image
        side = max(shape)
        pad = [(side - size) // 2 for size in shape]
        square = torch.nn.functional.pad(x, (pad[1], pad[1], pad[0], pad[0]))
        for index in (1, 3):
            turned = kind.transform(square, elements[index])[index]
            window = turned[:, pad[0] : side - pad[0], pad[1] : side - pad[1]]
            torch.testing.assert_close(moved[index], window, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(41, 61), (42, 61), (43, 41, 46)])
def test_waves_turn_on_grids_of_unequal_sizes(shape):
    # against the function itself, which is below 1e-7 at the edges
    dim = len(shape)
    group = SO2 if dim == 2 else SO3
    kind = nn.FieldType(group, [group.trivial])
    axes = [np.arange(size) - (size - 1) / 2 for size in shape]
    where = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1)
    rng = np.random.default_rng(3)
    f = wave(dim, 8, 3.5, rng)
    for g in group.sample(1, seed=2):
        moved = kind.transform(torch.from_numpy(f(where))[None, None], g)
        assert np.abs(moved[0, 0].numpy() - f(where @ g)).max() < 3e-3


@pytest.mark.parametrize("group", [SO2, O3], ids=group_id)
def test_point_sets_turn_in_their_fibres_and_their_positions(group):
    kind = nn.FieldType(group, [group.vector, group.trivial, group.harmonic(2)])
    x, points = torch.randn(3, kind.size, 7), torch.randn(3, 7, group.dim)
    g = group.sample(3, seed=4)
    rho, move = (torch.from_numpy(matrices).float() for matrices in (kind.representation(g), g))
    torch.testing.assert_close(kind.transform(x, g), torch.einsum("nij,njp->nip", rho, x))
    torch.testing.assert_close(kind.transform(x, g[0]), torch.einsum("ij,njp->nip", rho[0], x))
    features, places = kind.transform_points(x, points, g)
    torch.testing.assert_close(features, kind.transform(x, g))
    torch.testing.assert_close(places, torch.einsum("nij,npj->npi", move, points))
    shared = kind.transform_points(x, points[0], g)[1]  # one set of positions: one for each sample afterwards
    torch.testing.assert_close(shared, torch.einsum("nij,pj->npi", move, points[0]))
    features, places = kind.transform_points(x, points[0], g[0])
    torch.testing.assert_close(places, points[0] @ move[0].T)
    # nodes (n, size), as in graphs: an element for all, or one for each node
    nodes = x[..., 0]
    features, places = kind.transform_points(nodes, points[:, 0], g)
    torch.testing.assert_close(features, torch.einsum("nij,nj->ni", rho, nodes))
    torch.testing.assert_close(places, torch.einsum("nij,nj->ni", move, points[:, 0]))
    torch.testing.assert_close(kind.transform_points(nodes, points[:, 0], g[0])[1], points[:, 0] @ move[0].T)


def test_gradients_of_points():
    kind = nn.FieldType(O3, [O3.vector])
    x, points = (torch.randn(2, *shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 4), (4, 3)))
    torch.autograd.gradcheck(lambda x, p: kind.transform_points(x, p, OFF[3][:2]), (x, points))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_half_precision_and_autocast_compute_in_more(dtype):
    kind = nn.FieldType(SO2, [SO2.vector, SO2.trivial])
    x = torch.randn(2, 3, 9, 9).to(dtype)
    for g in (OFF[2][0], OFF[2][:2], np.array([[0.0, -1.0], [1.0, 0.0]])):
        exact = kind.transform(x.double(), g).to(dtype)
        assert torch.equal(kind.transform(x, g), exact)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(kind.transform(x, g), exact)


def test_values_that_are_not_numbers_stay_in_their_field():
    kind = nn.FieldType(OH, [OH.trivial, OH.vector, OH.trivial])
    x = torch.randn(1, 5, 3, 3, 3)
    x[:, 0, 0, 0, 0] = torch.nan
    moved = kind.transform(x, OH.elements[7])
    assert moved[:, 1:].isfinite().all()
    assert int(moved.isnan().sum()) == 1


# The hexagonal lattice

D6 = steer.group("D6", dim=2)


@pytest.mark.parametrize("radius", [0, 1, 4])
def test_hexagonal_maps_are_permuted_by_d6(radius):
    kind = nn.FieldType(D6, [D6.trivial, D6.vector, D6.regular])
    x = nn.HexMask(kind)(torch.randn(12, kind.size, 2 * radius + 1, 2 * radius + 1, dtype=torch.float64))
    every = kind.transform(x, D6.elements, lattice="hexagonal")
    for index, g in enumerate(D6.elements):
        rho = torch.from_numpy(kind.representation(g))
        expected = torch.einsum("ij,njyx->niyx", rho, nn.act_on_hexagonal(x, g))
        torch.testing.assert_close(kind.transform(x, g, lattice="hexagonal"), expected, rtol=0, atol=1e-15)
        torch.testing.assert_close(every[index], expected[index], rtol=0, atol=1e-15)
        assert torch.equal(kind(x).transform(g, lattice="hexagonal").tensor, kind.transform(x, g, lattice="hexagonal"))


@pytest.mark.parametrize("wavelength", [8, 4])
def test_waves_turn_between_the_elements_of_the_hexagonal_lattice(wavelength):
    kind = nn.FieldType(SO2, [SO2.trivial])
    grid = steer.kernels.Grid((61, 61), "hexagonal")
    f = wave(2, wavelength, 3.5, np.random.default_rng(0))

    def on_grid(p):
        return torch.from_numpy(grid.embed(f(p)).reshape(1, 1, 61, 61))

    for g in SO2.sample(3, seed=1):
        moved = kind.transform(on_grid(grid.points), g, lattice="hexagonal")
        error = (moved - on_grid(grid.points @ g)).abs().max()
        assert error < (3e-3 if wavelength == 8 else 4e-2)  # as on the square lattice


@pytest.mark.parametrize("lattice", ["square", "hexagonal"])
@pytest.mark.parametrize(
    "group", [SO2, steer.group("O(2)", dim=2), D6, steer.group("D4", dim=2), steer.group("C8", dim=2)], ids=str
)
def test_an_element_for_each_sample_is_that_element_alone(group, lattice):
    kind = nn.FieldType(group, [group.trivial, group.vector])
    x = nn.HexMask(kind)(torch.randn(8, 3, 13, 13, dtype=torch.float64))
    elements = group.sample(8, seed=0)
    every = kind.transform(x, elements, lattice=lattice)
    alone = [kind.transform(x[i : i + 1], g, lattice=lattice) for i, g in enumerate(elements)]
    torch.testing.assert_close(every, torch.cat(alone), rtol=0, atol=1e-13)


def test_no_axis_of_the_hexagonal_lattice_is_preferred():
    kind = nn.FieldType(SO2, [SO2.vector])
    x = nn.HexMask(kind)(torch.randn(1, 2, 13, 13, dtype=torch.float64))
    g = SO2.sample(1, seed=1)[0]
    for h in D6.elements[:6]:
        first = kind.transform(kind.transform(x, h, lattice="hexagonal"), g, lattice="hexagonal")
        after = kind.transform(kind.transform(x, g, lattice="hexagonal"), h, lattice="hexagonal")
        torch.testing.assert_close(first, after, rtol=0, atol=1e-12)
    torch.autograd.gradcheck(
        lambda x: kind.transform(x, g, lattice="hexagonal"), x[..., 4:-4, 4:-4].requires_grad_(), fast_mode=True
    )


def test_the_meta_device_and_fake_tensors_have_shapes_of_what_is_moved():
    group = steer.group("O(2)", dim=2)
    vectors = nn.FieldType(group, [group.trivial, group.vector])
    for elements in (group.sample(1, seed=0)[0], group.sample(2, seed=0)):
        x = torch.empty(2, 3, 9, 7, device="meta")
        assert vectors.transform(x, elements).shape == x.shape
        x, points = torch.empty(2, 3, 5, device="meta"), torch.empty(2, 5, 2, device="meta")
        moved = vectors.transform_points(x, points, elements)
        assert [tensor.shape for tensor in moved] == [x.shape, points.shape]
        with FakeTensorMode():
            assert isinstance(vectors.transform(torch.randn(2, 3, 9, 9), elements), FakeTensor)
        assert type(vectors.transform(torch.randn(2, 3, 9, 9), elements)) is torch.Tensor
    assert nn.RandomTransform(vectors)(torch.empty(2, 3, 9, 9, device="meta")).is_meta


# Labels and masks

WHOLE = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_integers_move_as_their_floats_do_at_order_0(dtype):
    D4, O2 = (steer.group(name, dim=2) for name in ("D4", "O(2)"))
    for group, reps in ((D4, [D4.regular, D4.trivial, D4.quotient("C2")]), (O2, 2 * [O2.trivial])):
        kind = nn.FieldType(group, reps)
        x = torch.randint(2 if dtype == torch.bool else 100, (4, kind.size, 6, 7)).to(dtype)
        for g in (*group._some_elements()[:5], group.sample(1, seed=0)[0], group.sample(4, seed=1)):
            moved = kind.transform(x, g, order=0)
            assert moved.dtype == dtype
            assert torch.equal(moved.double(), kind.transform(x.double(), g, order=0))
    fields = nn.FieldType(D4, [D4.regular])
    for shape in ((4, 8), (4, 8, 5)):  # without positions, and sets of points
        x = torch.randint(2, shape).to(dtype)
        assert torch.equal(
            fields.transform(x, D4.elements[3], order=0).double(), fields.transform(x.double(), D4.elements[3])
        )


def test_large_integers_are_exact_and_labels_of_volumes_and_hexagons_move():
    big = torch.randint(2**62, (2, 1, 3, 3, 3)) | 1
    kind = nn.FieldType(OH, [OH.trivial])
    assert torch.equal(
        kind.transform(big, OH.elements[7], order=0).sort().values.flatten().sort().values, big.flatten().sort().values
    )
    slices = kind.transform(big, OH.sample(2, seed=0), order=0, spacing=(2.0, 1.0, 1.0))
    assert slices.shape == big.shape
    D6 = steer.group("D6", dim=2)
    hexagons = nn.FieldType(D6, [D6.regular])
    x = nn.HexMask(hexagons)(torch.randint(9, (2, 12, 7, 7)).double())
    for g in (D6.elements[1], D6.elements[[7, 3]]):
        expected = hexagons.transform(x, g, lattice="hexagonal")
        assert torch.equal(hexagons.transform(x.long(), g, order=0, lattice="hexagonal").double(), expected)


def test_integers_that_would_be_added_are_refused():
    D4 = steer.group("D4", dim=2)
    label, vector = nn.FieldType(D4, [D4.trivial]), nn.FieldType(D4, [D4.trivial, D4.vector])
    x = torch.zeros(1, 1, 5, 5, dtype=torch.int64)
    with pytest.raises(ShapeError, match=r"a tensor of torch.int64 cannot be interpolated .* order 3; pass order=0"):
        label.transform(x, D4.elements[1])
    with pytest.raises(FieldTypeError, match=r"can only be permuted, but field 1 is .*vector"):
        vector.transform(x.expand(1, 3, 5, 5), D4.elements[1], order=0)
    with pytest.raises(ShapeError, match=r"expected a tensor \(batch, 1, ...\) .* got shape \(1, 5, 5\)"):
        label.transform(x[0], D4.elements[1], order=0)
    with pytest.raises(ShapeError, match="expected a floating-point tensor"):
        label(x)
    kind = nn.FieldType(SO2, [SO2.trivial])
    with pytest.raises(ShapeError, match=r"a hexagonal map of torch\.int64 moves only by"):
        kind.transform(x, SO2.sample(1, seed=0)[0], order=0, lattice="hexagonal")


def test_a_field_in_the_place_of_a_tensor_is_told_what_to_do():
    kind = nn.FieldType(SO2, [SO2.vector])
    field, g = kind(torch.zeros(1, 2, 5, 5)), SO2.sample(1, seed=0)[0]
    for call in (lambda: kind.transform(field, g), lambda: kind(field), lambda: kind.check(field)):
        with pytest.raises(
            ShapeError, match=r"got a FieldTensor f; pass f.tensor, or move the field by f.transform\(g\)"
        ):
            call()
