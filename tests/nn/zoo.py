"""The groups, field types and layers that the tests of steer.nn run over."""

import math
import random
from collections.abc import Callable

import torch

import steer
from steer import nn
from steer.reps import Group

O2 = steer.group("O(2)", dim=2)
GROUPS = [
    *(steer.group(name, dim=2) for name in ("C1", "C2", "C4", "C8", "D1", "D4", "D8", "SO(2)")),
    O2,
    O2.subgroup("D2", axis=math.pi / 4),  # its reflections exchange x and y
]

Layer = Callable[[nn.FieldType], nn.Module]


def longer(field_type: nn.FieldType, shuffle: bool = False) -> nn.FieldType:
    """Four times the fields, one period after the other or in an order without a period."""
    if not isinstance(field_type, nn.FieldType):
        return field_type  # for the layer to refuse
    fields = 4 * list(field_type)
    return nn.FieldType(field_type.group, random.Random(0).sample(fields, len(fields)) if shuffle else fields)


ANY_TYPE: dict[str, Layer] = {
    "NormAct relu": nn.NormAct,
    "NormAct sigmoid": lambda t: nn.NormAct(t, "sigmoid"),
    "NormAct softplus": lambda t: nn.NormAct(t, "softplus"),
    "NormAct squash": lambda t: nn.NormAct(t, "squash", bias=False),
    "Gate": nn.Gate,
    "Gate periodic": lambda t: nn.Gate(longer(t), torch.nn.Hardsigmoid(), torch.nn.ELU()),
    "Gate irregular": lambda t: nn.Gate(longer(t, shuffle=True), "tanh"),
    "BatchNorm": nn.BatchNorm,
    "BatchNorm average": lambda t: nn.BatchNorm(t, momentum=None),
    "BatchNorm plain": lambda t: nn.BatchNorm(t, affine=False, track_running_stats=False),
    "AvgPool": lambda t: nn.AvgPool(t, 3, 2, 1),
    "AvgPool even": lambda t: nn.AvgPool(t, 2),
    "BlurPool": nn.BlurPool,
    "BlurPool even": lambda t: nn.BlurPool(t, 4, 1, sigma=1.1),
    "NormPool": nn.NormPool,
    "Dropout": nn.Dropout,
    "Mask": nn.Mask,
    "ConvTranspose2d": lambda t: nn.ConvTranspose2d(t, t, 4, stride=2, padding=1),
    "Restrict": lambda t: nn.Restrict(t, "C1"),
    "Sequential": lambda t: nn.Sequential(nn.NormAct(t), nn.BatchNorm(t), nn.AvgPool(t, 3, 1, 1), nn.NormPool(t)),
}
PERMUTATIONS: dict[str, Layer] = {
    "ReLU": nn.ReLU,
    "ELU": nn.ELU,
    "LeakyReLU": nn.LeakyReLU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
    "Sigmoid": nn.Sigmoid,
    "Tanh": nn.Tanh,
    "Pointwise": lambda t: nn.Pointwise(t, torch.nn.Softplus()),
    "MaxPool": lambda t: nn.MaxPool(t, 3, 2, 1),
    "GroupPool max": nn.GroupPool,
    "GroupPool mean": lambda t: nn.GroupPool(t, "mean"),
}
LAYERS = {**ANY_TYPE, **PERMUTATIONS}


def sizes(name: str) -> list[int]:
    """Sizes of grids on which the windows of a layer fit: an odd and an even one, or one of them."""
    if name in ("AvgPool", "BlurPool", "MaxPool"):
        return [7]
    return [8] if name == "AvgPool even" else [7, 8]


def permutation_types(group: Group) -> list[nn.FieldType]:
    """Types that the group permutes: one field of each kind, and several sizes interleaved."""
    if group.is_finite:
        kinds = [group.regular, *(group.quotient(small) for small in group.subgroups() if small.order > 1)]
    else:
        kinds = [group.trivial] + ([group.quotient("SO(2)")] if group.name == "O(2)" else [])
    kinds = list(dict.fromkeys(kinds))
    return [
        nn.FieldType(group, 3 * [kinds[0]]),
        nn.FieldType(group, [group.trivial, *kinds, group.trivial, kinds[-1]]),
    ]


def linear_types(group: Group) -> list[nn.FieldType]:
    """Types of irreps, vectors and tensor products: one kind alone, sorted by size, and interleaved."""
    irreps = list(group.irreps(None if group.is_finite else 3))
    product = irreps[-1].tensor(group.vector)
    return [
        nn.FieldType(group, 2 * [group.vector]),
        nn.FieldType(group, [irreps[-1], *irreps, group.vector, product, *irreps[::-1]]),
        nn.FieldType(group, [product, group.trivial, group.vector.tensor(group.vector) + irreps[0] + irreps[-1]]),
    ]


def types_for(name: str, group: Group) -> list[nn.FieldType]:
    """The types that the layer called `name` takes, of one group."""
    found = permutation_types(group)
    return found if name in PERMUTATIONS else found + linear_types(group)


def scrambled(module: nn.Module) -> nn.Module:
    """The module with random parameters and running statistics, as after training."""
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif name.endswith(("weight", "bias", "running_mean")):
                tensor.uniform_(-1.0, 1.0)
    return module


def require_transforms(layer, x):
    """Assert that vmap, torch.func.grad, both, and batched gradients agree with a loop over x (n, batch, ...)."""
    torch.testing.assert_close(torch.func.vmap(layer)(x), torch.stack([layer(one) for one in x]))

    def loss(one):
        return layer(one).pow(3).sum()

    expected = torch.stack([torch.autograd.grad(loss(leaf := one.clone().requires_grad_()), leaf)[0] for one in x])
    torch.testing.assert_close(torch.stack([torch.func.grad(loss)(one) for one in x]), expected)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(loss))(x), expected)
    leaf = x[0].clone().requires_grad_()
    out, slopes = layer(leaf), torch.randn_like(x)
    found = torch.autograd.grad(out, leaf, slopes, retain_graph=True, is_grads_batched=True)[0]
    expected = torch.stack([torch.autograd.grad(out, leaf, slope, retain_graph=True)[0] for slope in slopes])
    torch.testing.assert_close(found, expected)
