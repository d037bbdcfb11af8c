"""One of two processes that hold a batch together; run by test_sync_batch_norm.py. Saves what it finds.

python -m tests.nn.sync_ranks RANK FOLDER [wrapped]
"""

import copy
import sys
from pathlib import Path

import torch
import torch.distributed as dist

import steer
from steer import nn

from . import zoo

O2, C4 = (steer.group(name, dim=2) for name in ("O(2)", "C4"))
REGULAR = nn.FieldType(C4, 2 * [C4.regular])  # with a kernel of torch's in one process
WAVES = zoo.linear_types(O2)[2]  # a field with two invariant vectors
SCALARS = nn.FieldType(C4, 3 * [C4.trivial])
SETTINGS = {
    "regular": (REGULAR, {}),
    "waves": (WAVES, {"momentum": None}),
    "scalars": (SCALARS, {"affine": False}),
    "mean of each batch": (WAVES, {"track_running_stats": False}),
}
SPLITS = {"uneven": (3, 1), "one without samples": (4, 0)}
"""Samples in each process."""


def model(name: str) -> nn.BatchNorm:
    torch.manual_seed(0)
    field_type, options = SETTINGS[name]
    return zoo.scrambled(nn.BatchNorm(field_type, **options)).double()


def batch(name: str, split: tuple[int, int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The whole batch, and the gradient of the output. Its halves differ in mean and scale."""
    torch.manual_seed(seed)
    x = torch.randn(sum(split), SETTINGS[name][0].size, 3, 2, dtype=torch.float64) + 1
    x[split[0] :] = 3 * x[split[0] :] - 5
    return x, torch.randn_like(x)


def train(layer: torch.nn.Module, name: str, split: tuple[int, int], part: slice, second: bool) -> list[torch.Tensor]:
    """Outputs and gradients of two steps on a part of the batch; of the parameters last."""
    found = []
    for seed in (1, 2):
        x, slope = (value[part].clone().requires_grad_() for value in batch(name, split, seed))
        out = layer(x)
        (grad,) = torch.autograd.grad((out * slope).sum(), x, create_graph=second, retain_graph=True)
        found += [out, grad]
        if second:
            found += torch.autograd.grad(grad.pow(2).sum(), (x, slope))
        parameters = list(layer.parameters())
        if parameters:
            found += torch.autograd.grad((out * slope).sum(), parameters)
    return [value.detach() for value in found]


def state(layer: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in layer.state_dict().items()}


def wrapped(rank: int) -> dict[str, object]:
    layer = nn.convert_sync_batchnorm(model("waves"))
    split = SPLITS["uneven"]
    steps = train(torch.compile(layer, backend="aot_eager"), "waves", split, mine(rank, split), False)
    return {"compiled": (steps, state(layer)), "ddp": by_ddp(mine(rank, split), split)}


def by_ddp(part: slice, split: tuple[int, int]) -> torch.Tensor:
    """Gradients of the parameters, which DDP averages over the processes."""
    from torch.nn.parallel import DistributedDataParallel  # seconds to import

    layer = DistributedDataParallel(nn.convert_sync_batchnorm(model("waves")))
    x, slope = (value[part] for value in batch("waves", split, 1))
    (layer(x) * slope).sum().backward()
    return torch.cat([parameter.grad for parameter in layer.parameters()])


def eager(rank: int) -> dict[str, object]:
    alone = [dist.new_group([index]) for index in range(2)][rank]
    found = {}
    for key, split in SPLITS.items():
        for name in SETTINGS:
            layer = nn.convert_sync_batchnorm(torch.nn.Sequential(model(name)))
            steps = train(layer, name, split, mine(rank, split), True)
            found[f"{name}, {key}"] = (steps, state(layer[0]))
    by_itself = copy.deepcopy(nn.convert_sync_batchnorm(model("waves"), alone))
    found["alone"] = by_itself.sync and not by_itself.processes.several
    return found


def mine(rank: int, split: tuple[int, int]) -> slice:
    return slice(0, split[0]) if rank == 0 else slice(split[0], None)


def main(rank: int, folder: Path, option: str = "") -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store=dist.FileStore(str(folder / "store"), 2), rank=rank, world_size=2)
    found = wrapped(rank) if option == "wrapped" else eager(rank)
    torch.save(found, folder / f"rank{rank}")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
