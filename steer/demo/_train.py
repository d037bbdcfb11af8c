"""Training and measuring one network."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from ..kernels import cache
from ._data import Digits
from ._networks import Classifier

BATCH = 32
ANGLES = tuple(range(0, 360, 15))


@dataclass
class Result:
    """What the table and the pictures show of one network."""

    name: str
    model: Classifier
    seconds: float
    upright: float
    rotated: float
    quarter_error: float
    error: float
    hits: int
    solved: int
    by_angle: list[float] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def build(make: Callable[[], Classifier], seed: int) -> tuple[Classifier, int, int]:
    """A network from a seed, with the cache hits and the kernel bases solved while it was built."""
    before = cache.info()
    torch.manual_seed(seed)
    model = make()
    after = cache.info()
    hits = after.memory_hits + after.disk_hits - before.memory_hits - before.disk_hits
    return model, hits, after.solved - before.solved


def train(model: torch.nn.Module, data: Digits, epochs: int, seed: int, advance: Callable[[float], None]) -> float:
    """Train on upright digits with Adam and a one-cycle rate; returns seconds.

    `advance` is told the loss of each step.
    """
    images, labels = data.enlarged(), data.labels
    steps = len(images) // BATCH
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=epochs * steps)
    generator = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: steps * BATCH].view(steps, BATCH):
            loss = torch.nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            advance(float(loss.detach()))
    model.eval()
    return time.perf_counter() - start


@torch.no_grad()
def scores(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Class scores of many images."""
    return torch.cat([model(batch) for batch in torch.split(images, 200)])


def measure(
    name: str, model: Classifier, data: Digits, views: dict[str, torch.Tensor], turned: list[torch.Tensor]
) -> Result:
    """Accuracies and equivariance errors on test digits.

    `views` are all digits "upright", "rotated" and turned by a "quarter"; `turned` are some of them at each angle.
    """
    found = {view: scores(model, images) for view, images in views.items()}
    right = {view: float((value.argmax(1) == data.labels).float().mean()) for view, value in found.items()}

    def error(view: str) -> float:
        # how far the scores of a turned image are from those of the upright one, which they should equal
        return float((found[view] - found["upright"]).norm() / found["upright"].norm())

    by_angle = []
    for images in turned:
        labels = data.labels[: len(images)]
        by_angle.append(float((scores(model, images).argmax(1) == labels).float().mean()))
    return Result(
        name, model, 0.0, right["upright"], right["rotated"], error("quarter"), error("rotated"), 0, 0, by_angle
    )


def test_views(data: Digits, seed: int, count: int) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    """The test digits upright, each at a random angle and at a quarter turn; and the first `count` at every angle."""
    angles = np.random.default_rng(seed).uniform(0, 360, len(data.images))
    upright = data.enlarged()
    views = {
        "upright": upright,
        "rotated": data.enlarged(angles),
        "quarter": torch.rot90(upright, 1, dims=(-1, -2)),
    }
    return views, [data.first(count).enlarged(angle) for angle in ANGLES]
