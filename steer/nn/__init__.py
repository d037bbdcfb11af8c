"""Field types and equivariant layers; plain tensors in, plain tensors out."""

import importlib
from typing import TYPE_CHECKING

from torch.nn import ModuleList

from . import init
from ._attention import SelfAttention
from ._batch_norm import BatchNorm, convert_sync_batchnorm
from ._blur_pool import BlurPool
from ._containers import Branch, Identity, Residual
from ._conv import Conv2d, Conv3d
from ._conv_transpose import ConvTranspose2d, ConvTranspose3d
from ._crelu import CReLU
from ._disentangle import Disentangle
from ._dropout import Dropout
from ._export import export
from ._field_tensor import FieldTensor
from ._field_type import FieldType
from ._fields import cat, split
from ._fourier import FourierAct, FourierMaxPool
from ._gate import Gate
from ._global_pool import GlobalAvgPool
from ._hexagonal import HexConv2d, HexMask, HexPool
from ._hexmap import act_on_hexagonal, from_hexagonal, to_hexagonal
from ._invariant import GroupPool, NormPool
from ._linear import Linear
from ._mask import Mask
from ._module import Module
from ._norm_act import NormAct
from ._norm_max_pool import NormMaxPool
from ._norms import GroupNorm, InstanceNorm, LayerNorm
from ._pointwise import ELU, GELU, LeakyReLU, Pointwise, ReLU, Sigmoid, SiLU, Tanh
from ._pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from ._project import project
from ._structural import Restrict, Sequential
from ._tensor_product import TensorProduct, TensorSquare
from ._upsample import Upsample
from ._vector_field import VectorFieldAct

__all__ = [
    "ELU",
    "GELU",
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AvgPool",
    "BatchNorm",
    "BlurPool",
    "Branch",
    "CReLU",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Disentangle",
    "Dropout",
    "FieldTensor",
    "FieldType",
    "FourierAct",
    "FourierMaxPool",
    "Gate",
    "GlobalAvgPool",
    "GroupNorm",
    "GroupPool",
    "HexConv2d",
    "HexMask",
    "HexPool",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Mask",
    "MaxPool",
    "Module",
    "ModuleList",
    "NormAct",
    "NormMaxPool",
    "NormPool",
    "Pointwise",
    "ReLU",
    "Residual",
    "Restrict",
    "SelfAttention",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "TensorProduct",
    "TensorSquare",
    "Upsample",
    "VectorFieldAct",
    "act_on_hexagonal",
    "cat",
    "convert_sync_batchnorm",
    "export",
    "from_hexagonal",
    "init",
    "models",
    "project",
    "split",
    "to_hexagonal",
]

if TYPE_CHECKING:
    from . import models


def __getattr__(name: str) -> object:
    if name == "models":  # loads on first use (PEP 562): most who import the layers build networks of their own
        return importlib.import_module(".models", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
