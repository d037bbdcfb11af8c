"""The networks of the golden checkpoints. What is here must never change: a new version gets a new function.

`python -m tests.golden.networks` in the root of the repository writes the checkpoint of this version. It refuses to
write one again: an old file is there to be loaded, not to be made to fit.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch

import steer
from steer import nn

FOLDER = Path(__file__).parent


class Golden(NamedTuple):
    """A network and its fixed input."""

    network: torch.nn.Module
    x: torch.Tensor


def version_0_1() -> Iterator[tuple[str, Golden]]:
    """The networks of version 0.1, by name."""
    yield "C8 regular", Golden(_regular(), _waves(2, 1, 9, 9))
    yield "D4 mixed", Golden(_mixed(), _waves(2, 3, 9, 9))
    yield "SO(2) irreps", Golden(_irreps(), _waves(2, 1, 9, 9))
    yield "O regular", Golden(_cube(), _waves(1, 1, 5, 5, 5))
    yield "SO(3) gated", Golden(_gated(), _waves(1, 1, 5, 5, 5))
    yield "D6 hexagonal", Golden(_hexagonal(), _waves(1, 1, 7, 7))


def _waves(*shape: int) -> torch.Tensor:
    """An input that no random generator makes, so that none can change it."""
    count = int(torch.tensor(shape).prod())
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.7).reshape(shape).float()


def _regular() -> torch.nn.Module:
    group = steer.group("C8", dim=2)
    image, hidden = nn.FieldType(group, [group.trivial]), nn.FieldType(group, 2 * [group.regular])
    return nn.Sequential(
        nn.Conv2d(image, hidden, 5, padding=2, bias=False),
        nn.BatchNorm(hidden),
        nn.ReLU(hidden),
        nn.Conv2d(hidden, hidden, 3, groups=2),
        nn.GroupPool(hidden),
    )


def _mixed() -> torch.nn.Module:
    group = steer.group("D4", dim=2)
    image = nn.FieldType(group, [group.trivial, group.vector])
    hidden = nn.FieldType(group, [group.regular, group.quotient("C4"), group.irrep("E"), group.irrep("B1")])
    return nn.Sequential(
        nn.Conv2d(image, hidden, 5),
        nn.Conv2d(hidden, hidden, 3, basis="pixel"),
        nn.Conv2d(hidden, hidden, 3, basis="derivative"),
        nn.ConvTranspose2d(hidden, image, 3, stride=2),
    )


def _irreps() -> torch.nn.Module:
    group = steer.group("SO(2)", dim=2)
    image = nn.FieldType(group, [group.trivial])
    hidden = nn.FieldType(group, 2 * [group.irrep("0"), group.irrep("1"), group.irrep("2")])
    return nn.Sequential(nn.Conv2d(image, hidden, 5), nn.NormAct(hidden), nn.Conv2d(hidden, hidden, 3, stride=2))


def _cube() -> torch.nn.Module:
    group = steer.group("O", dim=3)
    image, hidden = nn.FieldType(group, [group.trivial]), nn.FieldType(group, [group.regular])
    scores = nn.FieldType(group, [group.trivial, group.vector])
    return nn.Sequential(nn.Conv3d(image, hidden, 3), nn.ELU(hidden), nn.Conv3d(hidden, scores, 3))


def _gated() -> torch.nn.Module:
    group = steer.group("SO(3)", dim=3)
    image = nn.FieldType(group, [group.trivial])
    features = nn.FieldType(group, [group.irrep("0"), group.irrep("1"), group.irrep("2")])
    gate = nn.Gate(features)
    return nn.Sequential(nn.Conv3d(image, gate.in_type, 3, padding=1), gate, nn.Conv3d(features, image, 5))


def _hexagonal() -> torch.nn.Module:
    group = steer.group("D6", dim=2)
    image, hidden = nn.FieldType(group, [group.trivial]), nn.FieldType(group, [group.regular])
    return nn.Sequential(nn.HexConv2d(image, hidden, 3, basis="pixel"), nn.ReLU(hidden), nn.HexConv2d(hidden, image, 3))


def write(path: Path) -> None:
    """Write the checkpoints and outputs of all networks, with weights and statistics that are not the fresh ones."""
    if path.exists():
        raise FileExistsError(f"{path} is golden: it is loaded for ever and never written again")
    torch.manual_seed(0)
    tensors = {}
    for name, (network, x) in version_0_1():
        network.train()
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        with torch.no_grad():
            network(x)  # running statistics
            tensors[f"{name}/output"] = network.eval()(x)
        tensors |= {f"{name}/state/{key}": value for key, value in network.state_dict().items()}
    safetensors.torch.save_file(tensors, path)


if __name__ == "__main__":
    write(FOLDER / "version_0_1.safetensors")
