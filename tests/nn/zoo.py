"""The groups, field types and layers that the tests of steer.nn run over."""

import math
import random
from collections.abc import Callable

import numpy as np
import torch

import steer
from steer import nn
from steer.reps import Group

O2, C4 = (steer.group(name, dim=2) for name in ("O(2)", "C4"))
D1 = steer.group("D1", dim=1)
SERIES = steer.reps.with_action(C4, C4.trivial)
"""Turns the channels of sequences alone."""

GROUPS = [
    D1,
    SERIES,
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


def part(group: Group) -> str:
    """The name of a subgroup: half turns where they are in the group."""
    if group.dim == 3:
        return "D2"
    if group.dim == 1:
        return "C1"
    return "C2" if group.contains(-np.eye(2)) else "C1"


def branch(field_type: nn.FieldType) -> nn.Module:
    return nn.Branch(nn.Identity(field_type), nn.NormPool(field_type), nn.Sequential(nn.NormAct(field_type)))


def parallel(field_type: nn.FieldType) -> nn.Module:
    return nn.Parallel(nn.NormAct(field_type), nn.Sequential(nn.BatchNorm(field_type)), nn.NormPool(field_type))


def residual(field_type: nn.FieldType) -> nn.Module:
    body = nn.Sequential(nn.BatchNorm(field_type), nn.NormAct(field_type, "softplus"))
    return nn.Residual(nn.Residual(body), nn.BatchNorm(field_type))


def odd_gate(field_type: nn.FieldType) -> nn.Module:
    """Gates that change sign, where the group has irreps of one component that do, and pseudoscalars with none."""
    if not isinstance(field_type, nn.FieldType):
        return nn.Gate(field_type)
    group = field_type.group
    sign = [psi for psi in group.irreps(None if group.is_finite else 0) if psi.size == 1][-1]
    count = sum(rep.size > 1 for rep in field_type)
    gates = nn.FieldType(group, count * [sign]) if count else None
    return nn.Gate(field_type, "tanh", pseudoscalars=torch.nn.Tanh(), gates=gates)


ANY_TYPE: dict[str, Layer] = {
    "NormAct relu": nn.NormAct,
    "NormAct sigmoid": lambda t: nn.NormAct(t, "sigmoid"),
    "NormAct softplus": lambda t: nn.NormAct(t, "softplus"),
    "NormAct squash": lambda t: nn.NormAct(t, "squash", bias=False),
    # fields of one kind in periods, and without a period
    "NormAct irregular": lambda t: nn.NormAct(longer(t, shuffle=True)),
    "Gate": nn.Gate,
    "Gate own functions": lambda t: nn.Gate(t, torch.nn.Hardsigmoid(), torch.nn.ELU()),
    "Gate periodic": lambda t: nn.Gate(longer(t)),
    "Gate irregular": lambda t: nn.Gate(longer(t, shuffle=True), "tanh"),
    "Gate odd": odd_gate,
    "BatchNorm": nn.BatchNorm,
    "BatchNorm irregular": lambda t: nn.BatchNorm(longer(t, shuffle=True), momentum=None),
    "BatchNorm plain": lambda t: nn.BatchNorm(t, affine=False, track_running_stats=False),
    "InstanceNorm": nn.InstanceNorm,
    "InstanceNorm affine": lambda t: nn.InstanceNorm(t, affine=True),
    "LayerNorm": lambda t: nn.LayerNorm(longer(t)),
    "AvgPool": lambda t: nn.AvgPool(t, 3, 2, 1),
    "AvgPool even": lambda t: nn.AvgPool(t, 2, 1),
    "AdaptiveAvgPool": lambda t: nn.AdaptiveAvgPool(t, 3),
    "GlobalAvgPool": nn.GlobalAvgPool,
    "BlurPool": nn.BlurPool,
    "BlurPool even": lambda t: nn.BlurPool(t, 2, 1, sigma=1.1),
    "NormMaxPool": lambda t: nn.NormMaxPool(t, 3, 2, 1),
    "NormMaxPool dilated": lambda t: nn.NormMaxPool(t, 2, 1, dilation=3),
    "Upsample nearest": lambda t: nn.Upsample(t, scale_factor=2),
    "Upsample linear": lambda t: nn.Upsample(t, scale_factor=1.5, mode="linear"),
    "Upsample cubic": lambda t: nn.Upsample(t, size=9, mode="cubic", align_corners=True),
    "NormPool": nn.NormPool,
    "Dropout": nn.Dropout,
    "Mask": nn.Mask,
    "Restrict": lambda t: nn.Restrict(t, part(t.group) if isinstance(t, nn.FieldType) else "C1"),
    "Sequential": lambda t: nn.Sequential(nn.BatchNorm(t), nn.NormAct(t), nn.AvgPool(t, 3, 1, 1), nn.NormPool(t)),
    "AliasFree": lambda t: nn.AliasFree(nn.NormAct(t, "squash", bias=False)),
    "Branch": branch,
    "Parallel": parallel,
    "Residual": residual,
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
    "Dropout elementwise": lambda t: nn.Dropout(t, elementwise=True),
    "MaxPool": lambda t: nn.MaxPool(t, 3, 2, 1),
    "AdaptiveMaxPool": lambda t: nn.AdaptiveMaxPool(t, 3),
    "GroupPool": nn.GroupPool,
    "GroupPool mean": lambda t: nn.GroupPool(t, "mean"),
}
LAYERS = {**ANY_TYPE, **PERMUTATIONS}
"""Layers that can be made of a type alone, by name: the contracts choose settings for them, other tests groups."""


def sizes(name: str) -> list[int]:
    """Sizes of grids on which the windows of a layer fit: an odd and an even one, or one of them."""
    return [7] if name in ("AvgPool", "BlurPool", "MaxPool", "NormMaxPool") else [7, 8]


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
