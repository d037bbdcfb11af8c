"""Field types and equivariant layers; plain tensors in, plain tensors out."""

from . import init
from ._batch_norm import BatchNorm
from ._blur_pool import BlurPool
from ._conv import Conv2d, Conv3d
from ._conv_transpose import ConvTranspose2d, ConvTranspose3d
from ._crelu import CReLU
from ._disentangle import Disentangle
from ._dropout import Dropout
from ._export import export
from ._field_type import FieldTensor, FieldType
from ._gate import Gate
from ._hexagonal import HexConv2d, HexMask, HexPool
from ._hexmap import act_on_hexagonal, from_hexagonal, to_hexagonal
from ._invariant import GroupPool, NormPool
from ._linear import Linear
from ._mask import Mask
from ._module import Module
from ._norm_act import NormAct
from ._norm_max_pool import NormMaxPool
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
    "CReLU",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Disentangle",
    "Dropout",
    "FieldTensor",
    "FieldType",
    "Gate",
    "GroupPool",
    "HexConv2d",
    "HexMask",
    "HexPool",
    "LeakyReLU",
    "Linear",
    "Mask",
    "MaxPool",
    "Module",
    "NormAct",
    "NormMaxPool",
    "NormPool",
    "Pointwise",
    "ReLU",
    "Restrict",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "TensorProduct",
    "TensorSquare",
    "Upsample",
    "VectorFieldAct",
    "act_on_hexagonal",
    "export",
    "from_hexagonal",
    "init",
    "project",
    "to_hexagonal",
]
