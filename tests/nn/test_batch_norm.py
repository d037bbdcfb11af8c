"""BatchNorm is one formula for every representation: torch's for trivial fields, shared statistics for regular ones."""

import copy

import pytest
import torch

import steer
from steer import nn
from steer.errors import ShapeError, SteerError
from steer.nn._engine import _layout, _rows
from tests.catalogue import group_id

from . import zoo

C4, C8, O2 = (steer.group(name, dim=2) for name in ("C4", "C8", "O(2)"))
SO3, O3 = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)"))
MOMENTA = pytest.mark.parametrize("momentum", [0.1, 0.5, None])


def by_definition(layer, x):
    """The docstring's formula, one field at a time, in float64: output, coordinates of the mean, variances."""
    field_type = layer.in_type
    basis = torch.tensor(field_type.invariants)
    mean = x.transpose(0, 1).flatten(1).mean(1)
    coordinates = torch.linalg.lstsq(basis, mean[:, None]).solution[:, 0] if basis.shape[1] else mean[:0]
    centred = x - (basis @ coordinates)[:, None, None]
    out, variances = torch.empty_like(x), []
    for index, (start, stop) in enumerate(zip(field_type.offsets, field_type.offsets[1:], strict=False)):
        var = centred[:, start:stop].square().mean()
        variances.append(var)
        out[:, start:stop] = layer.weight[index] * centred[:, start:stop] / (var + layer.eps).sqrt()
    return out + (basis @ layer.bias)[:, None, None], coordinates, torch.stack(variances)


def run(layer, batches):
    for x in batches:
        layer(x)
    return layer


@pytest.mark.parametrize("group", zoo.GROUPS, ids=group_id)
@MOMENTA
def test_equals_its_definition(group, momentum):
    for field_type in zoo.types_for("BatchNorm", group):
        layer = zoo.scrambled(nn.BatchNorm(field_type, eps=1e-3, momentum=momentum)).double()
        x = 2 * torch.randn(3, field_type.size, 4, 5, dtype=torch.float64) + 1
        mean, var = layer.running_mean.clone(), layer.running_var.clone()
        expected, new_mean, new_var = by_definition(layer, x)
        torch.testing.assert_close(layer(x), expected, rtol=1e-11, atol=1e-11)
        share = 1.0 if momentum is None else momentum
        torch.testing.assert_close(layer.running_mean, (1 - share) * mean + share * new_mean)
        for index, rep in enumerate(field_type):
            free = sum(psi.is_trivial for psi in rep.irreps)
            unbiased = new_var[index] * 60 * rep.size / (60 * rep.size - free)
            torch.testing.assert_close(layer.running_var[index], (1 - share) * var[index] + share * unbiased)
        basis = torch.tensor(field_type.invariants)
        centred = x - (basis @ layer.running_mean)[:, None, None]
        scale = layer.weight / (layer.running_var + layer.eps).sqrt()
        scale, shift = scale[torch.tensor(field_type.field_of_channel)], basis @ layer.bias
        torch.testing.assert_close(layer.eval()(x), centred * scale[:, None, None] + shift[:, None, None])


@MOMENTA
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_trivial_fields_equal_torch(momentum, affine, track, dtype):
    field_type = nn.FieldType(C4, 6 * [C4.trivial])
    layer = nn.BatchNorm(field_type, momentum=momentum, affine=affine, track_running_stats=track).to(dtype)
    plain = torch.nn.BatchNorm2d(6, momentum=momentum, affine=affine, track_running_stats=track).to(dtype)
    assert layer.state_dict().keys() == plain.state_dict().keys()
    if affine:
        plain.load_state_dict(zoo.scrambled(layer).state_dict())
    for _ in range(3):
        x = (3 * torch.randn(4, 6, 5, 5, dtype=dtype) + 2).requires_grad_()
        y = x.detach().clone().requires_grad_()
        out, expected = layer(x), plain(y)
        torch.testing.assert_close(out, expected)
        out.pow(3).sum().backward()
        expected.pow(3).sum().backward()
        torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-4)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(layer.state_dict()[key], value)
    torch.testing.assert_close(layer.eval()(x), plain.eval()(x))


def test_a_regular_field_has_one_mean_and_variance():
    layer = nn.BatchNorm(nn.FieldType(C8, 3 * [C8.regular]))
    out = layer(3 * torch.randn(4, 24, 6, 6) + 5).unflatten(1, (3, 8))
    torch.testing.assert_close(out.mean((0, 2, 3, 4)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(out.var((0, 2, 3, 4), correction=0), torch.ones(3), rtol=0, atol=1e-4)
    assert layer.running_mean.shape == layer.running_var.shape == (3,)


def test_a_nontrivial_irrep_has_a_mean_square_and_no_mean():
    layer = nn.BatchNorm(nn.FieldType(O2, 3 * [O2.irrep("1")]))
    x = torch.randn(4, 6, 6, 6) + 5
    out = layer(x)
    torch.testing.assert_close(out.unflatten(1, (3, 2)).square().mean((0, 2, 3, 4)), torch.ones(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(out / x, (out / x).mean((0, 2, 3), keepdim=True).expand_as(x))
    assert layer.bias.numel() == layer.running_mean.numel() == 0


def test_the_kernel_of_torch_is_the_same_formula():
    layer = zoo.scrambled(nn.BatchNorm(nn.FieldType(C8, 3 * [C8.regular]))).double()
    general = copy.deepcopy(layer)
    general._shape = None
    for _ in range(3):
        x = torch.randn(4, 24, 6, 6, dtype=torch.float64) + 1
        torch.testing.assert_close(general(x), layer(x))
    for key, value in layer.state_dict().items():
        torch.testing.assert_close(general.state_dict()[key], value)


@pytest.mark.parametrize("training", [True, False])
def test_gradient(training):
    for field_type in (zoo.linear_types(O2)[1], zoo.permutation_types(C4)[0]):
        layer = zoo.scrambled(nn.BatchNorm(field_type, momentum=0.0)).double().train(training)

        def call(x, weight, bias, layer=layer):
            return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, x)

        x = torch.randn(3, field_type.size, 2, dtype=torch.float64, requires_grad=True)
        inputs = (x, layer.weight, layer.bias)
        assert torch.autograd.gradcheck(call, inputs)
        assert torch.autograd.gradgradcheck(call, inputs)


@pytest.mark.parametrize(
    "field_type", [zoo.linear_types(O2)[1], zoo.permutation_types(C4)[0]], ids=["linear", "regular"]
)
def test_function_transforms(field_type):
    layer = zoo.scrambled(nn.BatchNorm(field_type, track_running_stats=False)).double()
    x = torch.randn(3, 5, field_type.size, 2, 2, dtype=torch.float64)
    zoo.require_transforms(layer, x)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_wide_types_and_some_samples_at_a_time(memory, monkeypatch):
    # what is small in tests and large in use: maps between channels and fields by index, batches in parts
    for field_type in (zoo.linear_types(O2)[1], zoo.permutation_types(C4)[1]):
        x = torch.randn(5, field_type.size, 4, 3, dtype=torch.float64).to(memory_format=memory).requires_grad_()
        slope, found = torch.randn(x.shape, dtype=torch.float64), []
        state = zoo.scrambled(nn.BatchNorm(field_type)).state_dict()
        for dense, chunk in ((2**14, 2**20), (0, 2 * x[0].nbytes)):
            monkeypatch.setattr(_rows, "DENSE", dense)
            monkeypatch.setattr(_layout, "CHUNK", chunk)
            layer = nn.BatchNorm(field_type)
            layer.load_state_dict(state)
            layer.double()
            layer._shape = None
            assert layer.statistics.field_means.dense == (dense > 0)
            out = layer(x)
            gradients = torch.autograd.grad(out, (x, layer.weight, layer.bias), slope)
            found.append((out, *gradients, layer.running_mean, layer.running_var, layer.eval()(x)))
        torch.testing.assert_close(found[1], found[0])


def test_gradient_is_finite_at_zero():
    for field_type in (zoo.linear_types(O2)[1], zoo.permutation_types(C4)[0]):
        layer = nn.BatchNorm(field_type)
        x = torch.zeros(3, field_type.size, 2, 2, requires_grad=True)
        layer(x).sum().backward()
        assert x.grad.isfinite().all()
        assert layer.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    "field_type", [zoo.linear_types(O2)[1], zoo.permutation_types(C4)[0]], ids=["linear", "regular"]
)
def test_a_large_mean_does_not_spoil_the_variance(field_type):
    layer = nn.BatchNorm(field_type, affine=False)
    invariant = torch.tensor(field_type.invariants).sum(1).float()[:, None, None]
    x = torch.randn(8, field_type.size, 6, 6)
    exact = copy.deepcopy(layer).double()
    shifted = x + 1000 * invariant
    torch.testing.assert_close(layer(shifted).double(), exact(shifted.double()), rtol=1e-3, atol=1e-3)


def test_half_precision_statistics_are_those_of_single_precision():
    for field_type in (zoo.linear_types(O2)[1], zoo.permutation_types(C4)[0]):
        layer = nn.BatchNorm(field_type)
        twin = copy.deepcopy(layer)
        x = (torch.randn(8, field_type.size, 16, 16) + 0.5).bfloat16()
        assert layer(x).dtype == torch.bfloat16
        twin(x.float())
        torch.testing.assert_close(layer.running_var, twin.running_var)
        torch.testing.assert_close(layer.running_mean, twin.running_mean)


def test_features_without_positions():
    field_type = zoo.linear_types(O2)[1]
    layer = zoo.scrambled(nn.BatchNorm(field_type, momentum=0.0)).double()
    x = torch.randn(7, field_type.size, dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer(x[..., None, None])[..., 0, 0])
    torch.testing.assert_close(layer.eval()(x), layer(x[..., None, None])[..., 0, 0])


def test_one_value_has_no_variance():
    layer = nn.BatchNorm(nn.FieldType(C4, [C4.regular, C4.trivial]))
    with pytest.raises(
        ShapeError, match=r"x: BatchNorm needs more than one value .* \(1, 5, 1, 1\); use a larger batch"
    ):
        layer(torch.zeros(1, 5, 1, 1))
    layer.eval()(torch.zeros(1, 5, 1, 1))
    nn.BatchNorm(nn.FieldType(C4, [C4.regular]))(torch.randn(1, 4, 1, 1))


def test_an_empty_batch_changes_nothing():
    layer = nn.BatchNorm(zoo.linear_types(O2)[1])
    before = copy.deepcopy(layer.state_dict())
    layer(torch.zeros(0, layer.in_type.size, 3, 3))
    for key, value in layer.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("field_type", [nn.FieldType(C8, 2 * [C8.regular]), nn.FieldType(O2, O2.irreps(2))])
def test_a_tensor_of_another_dtype_is_refused(field_type, training):
    layer, x = nn.BatchNorm(field_type).train(training), torch.randn(2, field_type.size, 3, 3)
    for module, given in ((layer, x.double()), (copy.deepcopy(layer).double(), x)):
        with pytest.raises(ShapeError, match=r"x: BatchNorm has weights and statistics of torch\.float.*\.to\(dtype\)"):
            module(given)
    assert layer.num_batches_tracked == 0
    assert layer(x.half()).dtype == torch.float16  # as torch


FAMILIES = pytest.mark.parametrize("field_type", [nn.FieldType(C8, 2 * [C8.regular]), nn.FieldType(O2, O2.irreps(2))])


@pytest.mark.parametrize(
    "field_type",
    [
        nn.FieldType(C8, 2 * [C8.regular]),
        nn.FieldType(C8, 3 * [C8.trivial]),
        nn.FieldType(O2, O2.irreps(2)),
        nn.FieldType(SO3, SO3.irreps(2)),
        nn.FieldType(O3, [O3.trivial, *O3.irreps(1)]),
    ],
    ids=str,
)
@pytest.mark.parametrize("averaged", [True, False])
def test_update_bn_gives_the_statistics_of_the_data(field_type, averaged):
    layer = zoo.scrambled(nn.BatchNorm(field_type)).double().eval()
    model = torch.optim.swa_utils.AveragedModel(layer) if averaged else torch.nn.Sequential(layer)
    norm = model.module if averaged else layer
    model.eval()
    space = (4, 3, 2)[: field_type.group.dim]
    batches = [3 + torch.randn(size, field_type.size, *space, dtype=torch.float64) for size in (4, 7)]
    torch.optim.swa_utils.update_bn([(x, None) for x in batches], model)
    means, variances = zip(*(own_moments(field_type, x) for x in batches), strict=True)
    assert norm.num_batches_tracked == 2
    assert norm.momentum == 0.1
    assert not norm.training
    torch.testing.assert_close(norm.running_mean, sum(means) / 2, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_var, sum(variances) / 2, rtol=1e-12, atol=1e-12)
    torch.optim.swa_utils.update_bn(batches[:1], model)  # nothing is left of the pass before
    torch.testing.assert_close(norm.running_mean, means[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_var, variances[0], rtol=1e-12, atol=1e-12)


def own_moments(field_type, x):
    """Coordinates of the mean on the invariants, and variances with one taken from their count for each mean."""
    coordinates, variances = [], []
    for rep, start, stop in zip(field_type, field_type.offsets, field_type.offsets[1:], strict=False):
        basis = torch.linalg.svd(torch.tensor(field_type.invariants)[start:stop], full_matrices=False)
        basis = basis.U[:, basis.S > 1e-9]
        samples = x[:, start:stop].movedim(1, -1).flatten(0, -2)
        rest = samples - samples.mean(0) @ basis @ basis.T
        free = sum(psi.is_trivial for psi in rep.irreps)
        variances.append(rest.square().sum() / (rest.numel() - free))
        coordinates.append(samples.mean(0))
    invariants = torch.tensor(field_type.invariants)
    return torch.linalg.lstsq(invariants, torch.cat(coordinates)[:, None]).solution[:, 0], torch.stack(variances)


@pytest.mark.parametrize("field_type", [nn.FieldType(C8, [C8.regular]), nn.FieldType(C8, [C8.trivial])], ids=str)
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_what_fuses_filters_is_refused_and_takes_exports(field_type, kind):
    conv, norm = kind(field_type, field_type, 3).eval(), zoo.scrambled(nn.BatchNorm(field_type)).eval()
    transpose = kind is nn.ConvTranspose2d
    with pytest.raises(ShapeError, match=r"weight: .* coefficients, not a filter, got .* steer\.export\(model\)"):
        torch.nn.utils.fuse_conv_bn_eval(conv, norm, transpose)
    x = torch.randn(2, field_type.size, 6, 6)
    plain = torch.nn.utils.fuse_conv_bn_eval(steer.export(conv), steer.export(norm), transpose)
    torch.testing.assert_close(plain(x), norm(conv(x)), rtol=1e-5, atol=1e-5)


@FAMILIES
def test_the_tools_of_torch_find_it(field_type):
    layer = zoo.scrambled(nn.BatchNorm(field_type))
    model = torch.nn.Sequential(torch.nn.Identity(), layer)
    found = [part for part in model.modules() if isinstance(part, torch.nn.modules.batchnorm._BatchNorm)]
    assert found == [layer]
    x = torch.randn(4, field_type.size, 3, 3)
    expected = copy.deepcopy(layer)(x)
    fresh = nn.BatchNorm(field_type)
    reset = copy.deepcopy(layer)
    reset.reset_running_stats()
    for name, value in reset.named_buffers():
        assert torch.equal(value, fresh.state_dict()[name])
    assert torch.equal(reset.weight, layer.weight)
    reset.reset_parameters()
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in reset.state_dict().items())
    torch.func.replace_all_batch_norm_modules_(model)
    assert not layer.track_running_stats
    torch.testing.assert_close(model.eval()(x), expected, rtol=1e-5, atol=1e-5)
    nn.BatchNorm(field_type, affine=False, track_running_stats=False).reset_parameters()


@FAMILIES
@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_layers_of_torch_do_not_take_its_place(field_type):
    layer = zoo.scrambled(nn.BatchNorm(field_type)).eval()
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(field_type.size), layer)
    with pytest.raises(SteerError, match=r"num_features: .*use steer\.nn\.convert_sync_batchnorm\(model\)"):
        torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    x = torch.randn(4, field_type.size, 3, 3)
    traced = torch.jit.trace(layer, x)
    torch.testing.assert_close(traced(x), layer(x))
    converted = nn.convert_sync_batchnorm(torch.nn.BatchNorm2d(3))
    assert type(converted) is torch.nn.SyncBatchNorm


@pytest.mark.parametrize(
    ("options", "message"),
    [({"eps": -1.0}, "eps: expected a number >= 0, got -1.0"), ({"momentum": 2}, "momentum: expected .* got 2")],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(SteerError, match=message):
        nn.BatchNorm(zoo.linear_types(O2)[0], **options)


def test_statistics_are_not_updated_where_the_weights_alone_are_transformed():
    layer = nn.BatchNorm(nn.FieldType(C8, 3 * [C8.regular]))
    before, x = copy.deepcopy(layer.state_dict()), torch.randn(4, 24, 6, 6)
    weights = dict(layer.named_parameters())
    for transform in (torch.func.grad, lambda f: torch.func.vmap(f, randomness="different")):
        given = weights if transform is torch.func.grad else {key: torch.stack([w, w]) for key, w in weights.items()}
        with pytest.raises(SteerError, match="BatchNorm in training cannot update"):
            transform(lambda weights: torch.func.functional_call(layer, weights, (x,)).sum())(given)
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
