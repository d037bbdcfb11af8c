"""Field types and equivariant layers; plain tensors in, plain tensors out."""

from ._batch_norm import BatchNorm
from ._conv import Conv2d
from ._dropout import Dropout
from ._export import export
from ._field_type import FieldTensor, FieldType
from ._invariant import GroupPool, NormPool
from ._linear import Linear
from ._module import Module
from ._norm_act import NormAct
from ._pointwise import ELU, GELU, LeakyReLU, Pointwise, ReLU, Sigmoid, SiLU, Tanh
from ._pool import AvgPool, BlurPool, MaxPool
from ._structural import Restrict, Sequential

__all__ = [
    "ELU",
    "GELU",
    "AvgPool",
    "BatchNorm",
    "BlurPool",
    "Conv2d",
    "Dropout",
    "FieldTensor",
    "FieldType",
    "GroupPool",
    "LeakyReLU",
    "Linear",
    "MaxPool",
    "Module",
    "NormAct",
    "NormPool",
    "Pointwise",
    "ReLU",
    "Restrict",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "export",
]
