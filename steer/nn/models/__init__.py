"""Ready networks, as wide as their plain twins, and a calculator that compares the two; built of all rooms."""

from ._blocks import conv_block, residual_block
from ._features import Features
from ._resnet import ResNet, wide_resnet
from ._summary import Summary, summary
from ._unet import UNet, unet_stage

__all__ = [
    "Features",
    "ResNet",
    "Summary",
    "UNet",
    "conv_block",
    "residual_block",
    "summary",
    "unet_stage",
    "wide_resnet",
]


def __dir__() -> list[str]:
    return sorted(__all__)
