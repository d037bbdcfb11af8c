"""Writes escnn.npz: filters, inputs and outputs of escnn, which docs/migrating/escnn.md says how to carry over.

Run with a Python that has escnn (1.0.11 made the file that is kept): python escnn_golden.py
"""

from pathlib import Path

import numpy as np
import torch
from escnn import group, gspaces, nn

CONVOLUTIONS = {
    # name: (space, input fields, output fields, kernel size)
    "C8": lambda g: (g, [g.regular_repr], 2 * [g.regular_repr], 5),
    "C8 lift": lambda g: (g, [g.trivial_repr], 2 * [g.regular_repr], 7),
    "C8 irreps": lambda g: (g, [g.irrep(0), g.irrep(1)], [g.irrep(k) for k in (0, 1, 2, 3)], 5),
    "D4": lambda g: (g, [g.regular_repr], [g.regular_repr], 5),
    "D3": lambda g: (g, [g.regular_repr], [g.regular_repr], 5),
    "D4 axis 0": lambda g: (g, [g.regular_repr], [g.regular_repr], 5),
    "D4 irreps": lambda g: (g, *2 * [[g.irrep(*k) for k in ((0, 0), (1, 0), (0, 2), (1, 2), (1, 1))]], 5),
    "D6 irreps": lambda g: (g, *2 * [[g.irrep(*k) for k in ((0, 0), (0, 3), (1, 3), (1, 1), (1, 2))]], 5),
    "SO(2)": lambda g: (g, [g.irrep(k) for k in (0, 1, 2)], [g.irrep(k) for k in (0, 1, 2, 3)], 5),
    "O(2)": lambda g: (g, *2 * [[g.irrep(0, 0), g.irrep(1, 0), g.irrep(1, 1), g.irrep(1, 2)]], 5),
    "SO(3)": lambda g: (g, [g.irrep(0), g.irrep(1)], [g.irrep(k) for k in (0, 1, 2)], 5),
    "O(3)": lambda g: (g, *2 * [[g.irrep(0, 0), g.irrep(1, 1), g.irrep(0, 1), g.irrep(0, 2)]], 3),
    "O": lambda g: (g, [g.trivial_repr], [g.regular_repr], 3),
}
SPACES = {
    "C8": gspaces.rot2dOnR2(8),
    "C8 lift": gspaces.rot2dOnR2(8),
    "C8 irreps": gspaces.rot2dOnR2(8),
    "D4": gspaces.flipRot2dOnR2(4),
    "D3": gspaces.flipRot2dOnR2(3),
    "D4 axis 0": gspaces.flipRot2dOnR2(4, axis=0.0),
    "D4 irreps": gspaces.flipRot2dOnR2(4),
    "D6 irreps": gspaces.flipRot2dOnR2(6),
    "SO(2)": gspaces.rot2dOnR2(),
    "O(2)": gspaces.flipRot2dOnR2(),
    "SO(3)": gspaces.rot3dOnR3(),
    "O(3)": gspaces.flipRot3dOnR3(),
    "O": gspaces.octaOnR3(),
}


def convolution(name):
    space, fields_in, fields_out, size = CONVOLUTIONS[name](SPACES[name])
    source, target = nn.FieldType(space, fields_in), nn.FieldType(space, fields_out)
    kind = nn.R2Conv if space.dimensionality == 2 else nn.R3Conv
    layer = kind(source, target, kernel_size=size)
    torch.nn.init.normal_(layer.bias)
    layer.eval()
    x = torch.randn(1, source.size, *space.dimensionality * (size,))
    found = {"filter": layer.filter, "bias": layer.expanded_bias, "x": x, "y": layer(source(x)).tensor}
    elements = space.fibergroup.elements if space.fibergroup.order() > 0 else []
    found["elements"] = torch.tensor(np.array([space.basespace_action(g) for g in elements]))
    found["regular"] = torch.tensor(np.array([space.regular_repr(g) for g in elements]) if elements else [])
    return found


def layers():
    """Layers without a filter: what they are given, and what they return."""
    so2, c8 = gspaces.rot2dOnR2(), gspaces.rot2dOnR2(8)
    vectors, regular = nn.FieldType(so2, [so2.irrep(1), so2.irrep(2)]), nn.FieldType(c8, 2 * [c8.regular_repr])
    norm = nn.NormNonLinearity(vectors)
    torch.nn.init.normal_(norm.log_bias)
    gates = nn.FieldType(so2, 2 * [so2.trivial_repr]) + vectors
    gate = nn.GatedNonLinearity1(gates)
    torch.nn.init.normal_(gate.bias)
    pools = {
        "PointwiseMaxPoolAntialiased": nn.PointwiseMaxPoolAntialiased(regular, 3, stride=2, padding=1),
        "PointwiseAvgPoolAntialiased": nn.PointwiseAvgPoolAntialiased(regular, 0.66, stride=2),
        "GroupPooling": nn.GroupPooling(regular),
    }
    for name, layer in {"NormNonLinearity": norm, "GatedNonLinearity1": gate, **pools}.items():
        x = torch.randn(2, layer.in_type.size, 9, 9)
        yield name, {"x": x, "y": layer(layer.in_type(x)).tensor}
    yield "NormNonLinearity", {"log_bias": norm.log_bias.flatten()}
    yield "GatedNonLinearity1", {"bias": gate.bias.flatten()}


def network():
    """The network of the page."""
    g = gspaces.rot2dOnR2(8)
    image, first = nn.FieldType(g, [g.trivial_repr]), nn.FieldType(g, 3 * [g.regular_repr])
    second = nn.FieldType(g, 4 * [g.regular_repr])
    net = nn.SequentialModule(
        nn.R2Conv(image, first, kernel_size=5, padding=2, bias=False),
        nn.InnerBatchNorm(first),
        nn.ReLU(first),
        nn.PointwiseMaxPoolAntialiased(first, kernel_size=2, stride=2),
        nn.R2Conv(first, second, kernel_size=5, padding=2),
        nn.InnerBatchNorm(second),
        nn.ELU(second),
        nn.GroupPooling(second),
    )
    for index in (1, 5):
        for parameter in net[index].parameters():
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    torch.nn.init.normal_(net[4].bias)
    for _ in range(3):
        net(image(2 * torch.randn(8, 1, 17, 17) + 1))
    net.eval()
    x = torch.randn(2, 1, 17, 17)
    found = {"x": x, "y": net(image(x)).tensor}
    found |= {f"{index}.filter": net[index].filter for index in (0, 4)} | {"4.bias": net[4].expanded_bias}
    for index in (1, 5):
        found |= {
            f"{index}.{name}": net.state_dict()[f"{index}.batch_norm_[8].{name}"]
            for name in ("weight", "bias", "running_mean", "running_var")
        }
    return found


def main():
    torch.manual_seed(0)
    found = {name: convolution(name) for name in CONVOLUTIONS}
    for name, values in layers():
        found[name] = found.get(name, {}) | values
    found["network"] = network()
    so3 = group.so3_group(3)
    turns = [so3.sample() for _ in range(6)]
    found["irreps of SO(3)"] = {"g": torch.tensor(np.array([so3.standard_representation()(g) for g in turns]))}
    found["irreps of SO(3)"] |= {
        str(degree): torch.tensor(np.array([so3.irrep(degree)(g) for g in turns])) for degree in range(4)
    }
    arrays = {f"{name}/{key}": value for name, values in found.items() for key, value in values.items()}
    np.savez_compressed(
        Path(__file__).with_name("escnn.npz"), **{key: value.detach().numpy() for key, value in arrays.items()}
    )


if __name__ == "__main__":
    main()
