"""Trains a steerable network in several processes, by DDP or FSDP2, on one machine or many.

torchrun --nproc-per-node 2 train_ddp.py
torchrun --nproc-per-node 2 train_ddp.py --fsdp --out net.pt
"""

import argparse
import os

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

import steer
from steer import nn


class Crosses(Dataset):
    """Noise with a cross of bright pixels, upright (label 0) or diagonal (label 1): what no quarter turn changes."""

    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(2, (count,), generator=generator)
        self.images = 0.3 * torch.randn(count, 1, 16, 16, generator=generator)
        lines = torch.arange(-3, 4)
        for image, label in zip(self.images, self.labels, strict=True):
            y, x = torch.randint(4, 12, (2,), generator=generator)
            for dy, dx in ((lines, lines), (lines, -lines)) if label else ((lines, 0 * lines), (0 * lines, lines)):
                image[0, y + dy, x + dx] += 1

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[index], self.labels[index]


def build() -> nn.Module:
    """The network; the one function that `steer precompute` and all processes call."""
    group = steer.group("D4", dim=2)
    image = nn.FieldType(group, [group.trivial])
    return nn.models.ResNet(image, num_classes=2, channels=(8, 16), blocks=1)


def shard(net: nn.Module) -> nn.Module:
    """FSDP2: a shard for each residual block, and one for the rest."""
    for part in net.modules():
        if isinstance(part, nn.Residual):
            fully_shard(part)
    return fully_shard(net)


@torch.no_grad()
def evaluate(model: torch.nn.Module, data: Dataset, device: torch.device) -> float:
    """Accuracy over all processes: each takes every n-th sample, none twice, and equally many batches."""
    rank, size = dist.get_rank(), dist.get_world_size()
    mine = torch.utils.data.Subset(data, range(rank, len(data), size))
    counts = torch.zeros(2, dtype=torch.float64, device=device)
    model.eval()
    for images, labels in DataLoader(mine, batch_size=64):
        scores = model(images.to(device))
        counts += torch.stack([(scores.argmax(1).cpu() == labels).sum(), torch.tensor(len(labels))]).to(counts)
    model.train()
    dist.all_reduce(counts)
    return float(counts[0] / counts[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--fsdp", action="store_true", help="shard the parameters instead of replicating them")
    parser.add_argument("--out", help="where to save the weights")
    options = parser.parse_args()

    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    dist.init_process_group("nccl" if on_gpu else "gloo")

    torch.manual_seed(0)  # the same weights everywhere; DDP would copy those of rank 0, FSDP2 does not
    net = nn.convert_sync_batchnorm(build()).to(device)
    model = shard(net) if options.fsdp else DistributedDataParallel(net)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(1 + dist.get_rank())  # from here on dropout and augmentation differ

    train, test = Crosses(512, seed=0), Crosses(255, seed=1)
    sampler = DistributedSampler(train, seed=0)
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)  # another order each time
        for images, labels in DataLoader(train, batch_size=32, sampler=sampler):
            loss = torch.nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy = evaluate(model, test, device)
        if dist.get_rank() == 0:
            print(f"epoch {epoch}: accuracy {accuracy:.3f}", flush=True)

    # whole tensors on rank 0, and the same keys in all three cases: one process, DDP, FSDP2
    state = get_model_state_dict(net, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    if options.out and dist.get_rank() == 0:
        torch.save(state, options.out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
