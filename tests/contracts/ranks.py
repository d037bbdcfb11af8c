"""One of two processes that train modules together; run by test_distributed.py. Prints digests of what they have.

python -m tests.contracts.ranks RANK STORE few|every
"""

import hashlib
import sys
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from tests.contracts.case import collect

CASES = collect()
STEPS = 2


def keep_few() -> None:
    """One case of each kind of module, its first."""
    kinds = {name.split()[0]: name for name in reversed(CASES)}
    for name in CASES.keys() - kinds.values():
        del CASES[name]


class Every(torch.nn.Module):
    """The modules of all cases side by side; the sum of their losses."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = torch.nn.ModuleList(case.build() for case in CASES.values())

    def forward(self, inputs: list[torch.Tensor]) -> torch.Tensor:
        losses = [part(x).square().mean() for part, x in zip(self.parts, inputs, strict=True)]
        return torch.stack(losses).sum()


def inputs(every: Every, seed: int) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    return [case.input(part) for case, part in zip(CASES.values(), every.parts, strict=True)]


def digest(tensors: Iterable[tuple[str, torch.Tensor]]) -> str:
    found = hashlib.sha256()
    for name, tensor in tensors:
        found.update(name.encode())
        found.update(tensor.detach().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def train(every: Every, wrapped: torch.nn.Module, rank: int) -> None:
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=1e-3)
    for step in range(STEPS):
        optimizer.zero_grad()
        wrapped(inputs(every, 10 * step + rank)).backward()
        optimizer.step()


def model() -> Every:
    torch.manual_seed(0)
    return Every()


def by_ddp(rank: int) -> str:
    every = model()
    train(every, DistributedDataParallel(every), rank)
    return digest(every.named_parameters())


def by_fsdp(rank: int) -> str:
    every = model()
    for part in every.parts:
        if list(part.parameters()):
            fully_shard(part)
    fully_shard(every)
    train(every, every, rank)
    return digest((name, value.full_tensor()) for name, value in every.named_parameters())


def main(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store=dist.FileStore(store, 2), rank=rank, world_size=2)
    built = model()
    found = {
        "built": digest([*built.named_parameters(), *built.named_buffers()]),
        "ddp": by_ddp(rank),
        "fsdp": by_fsdp(rank),
    }
    sys.stdout.writelines(f"{name} {value}\n" for name, value in found.items())
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    if sys.argv[3] == "few":
        keep_few()
    main(int(sys.argv[1]), sys.argv[2])
