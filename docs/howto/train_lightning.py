"""Trains a steerable network with Lightning, with an average of the weights or pruned ones.

python train_lightning.py
python train_lightning.py --callback ema
"""

import argparse

import lightning
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelPruning,
    StochasticWeightAveraging,
    WeightAveraging,
)
from torch.utils.data import DataLoader, TensorDataset

import steer
from steer import nn

group = steer.group("C8", dim=2)
image, hidden = nn.FieldType(group, [group.trivial]), nn.FieldType(group, 4 * [group.regular])


class Classifier(lightning.LightningModule):
    """Invariant features of steer, and a linear map of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.augment = nn.RandomTransform(image, order=1)
        self.body = nn.Sequential(
            nn.models.conv_block(image, hidden, 5),
            nn.models.conv_block(hidden, hidden, 3),
            nn.GroupPool(hidden),
            nn.GlobalAvgPool(nn.FieldType(group, 4 * [group.trivial])),
        )
        self.head = torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        images, labels = batch
        loss = torch.nn.functional.cross_entropy(self(self.augment(images)), labels)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        images, labels = batch
        self.log("accuracy", (self(images).argmax(1) == labels).float().mean())

    def maps(self) -> list[torch.nn.Module]:
        """The modules whose weights decay, or are pruned: linear maps and convolutions, of torch and of steer."""
        return [part for part in self.modules() if isinstance(part, torch.nn.Linear) or hasattr(part, "fingerprint")]

    def configure_optimizers(self) -> dict:
        decay = [part.weight for part in self.maps()]
        rest = [weight for weight in self.parameters() if all(weight is not other for other in decay)]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=0.03)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.03, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def data(count: int, seed: int) -> DataLoader:
    """Discs and rings, as a stand-in for your data."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, 13)], indexing="ij")
    labels = torch.randint(2, (count,), generator=generator)
    inner = 0.35 * labels[:, None, None]
    images = ((x**2 + y**2 < 0.5) & (x**2 + y**2 >= inner)).float()
    images += 0.1 * torch.randn(images.shape, generator=generator)
    return DataLoader(TensorDataset(images[:, None], labels), 16)


def callbacks(name: str, model: Classifier) -> list[Callback]:
    """What the option --callback names."""
    weights = [(part, "weight") for part in model.maps()]
    known = {
        "none": lambda: [],
        "ema": lambda: [EMAWeightAveraging(decay=0.9)],  # 0.999 for a long training
        "average": lambda: [WeightAveraging()],
        "swa": lambda: [StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=0.5, annealing_epochs=1)],
        "prune": lambda: [ModelPruning("l1_unstructured", weights, amount=lambda epoch: 0.3 if epoch == 2 else 0.0)],
    }
    return known[name]()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callback", default="none", choices=("none", "ema", "average", "swa", "prune"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", help="where to save a checkpoint")
    options = parser.parse_args()

    lightning.seed_everything(0)
    model = Classifier()
    trainer = lightning.Trainer(
        max_epochs=options.epochs,
        callbacks=callbacks(options.callback, model),
        gradient_clip_val=1.0,
        precision="bf16-mixed",
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(model, data(256, seed=0), data(64, seed=1))
    trainer.validate(model, data(256, seed=2))
    steer.testing.assert_equivariant(model.eval().body)  # averaged and pruned, too
    if options.out:
        trainer.save_checkpoint(options.out)


if __name__ == "__main__":
    main()
