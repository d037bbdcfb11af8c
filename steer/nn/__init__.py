"""Field types and equivariant layers; plain tensors in, plain tensors out."""

import importlib
from typing import TYPE_CHECKING, Final

from torch.nn import ModuleList

from .._names import missing
from ._engine._grid import grid_loss, set_grid_warnings
from ._engine._module import Module
from ._engine._sampling import GridLoss
from ._fields._fields import cat, split
from ._fields._types import FieldTensor, FieldType

if TYPE_CHECKING:
    from . import init, models, utils
    from ._act._crelu import CReLU
    from ._act._fourier import FourierAct, FourierMaxPool
    from ._act._gate import Gate
    from ._act._invariant import GroupPool, NormPool
    from ._act._norm_act import NormAct
    from ._act._pointwise import ELU, GELU, LeakyReLU, Pointwise, ReLU, Sigmoid, SiLU, Tanh
    from ._act._vector_field import VectorFieldAct
    from ._chain._alias_free import AliasFree
    from ._chain._branch import Branch, Identity, Parallel, Residual
    from ._chain._chain import Restrict, Sequential
    from ._chain._check_types import check_types
    from ._chain._disentangle import Disentangle
    from ._chain._reorder import Reorder
    from ._engine._export import export
    from ._hex._hexagonal import HexConv2d, HexMask, HexPool
    from ._hex._hexmap import act_on_hexagonal, from_hexagonal, to_hexagonal
    from ._linear._attention import SelfAttention
    from ._linear._bilinear import Bilinear
    from ._linear._conv import Conv1d, Conv2d, Conv3d
    from ._linear._conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
    from ._linear._linear import Linear
    from ._linear._project import project
    from ._linear._tensor_product import TensorProduct, TensorSquare
    from ._norm._batch_norm import BatchNorm, convert_sync_batchnorm
    from ._norm._dropout import Dropout
    from ._norm._norms import GroupNorm, InstanceNorm, LayerNorm
    from ._space._blur_pool import BlurPool
    from ._space._global_pool import GlobalAvgPool
    from ._space._mask import Mask
    from ._space._norm_max_pool import NormMaxPool
    from ._space._pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
    from ._space._random_transform import RandomTransform
    from ._space._upsample import Upsample

__all__ = [
    "ELU",
    "GELU",
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AliasFree",
    "AvgPool",
    "BatchNorm",
    "Bilinear",
    "BlurPool",
    "Branch",
    "CReLU",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
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
    "GridLoss",
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
    "Parallel",
    "Pointwise",
    "RandomTransform",
    "ReLU",
    "Reorder",
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
    "check_types",
    "convert_sync_batchnorm",
    "export",
    "from_hexagonal",
    "grid_loss",
    "init",
    "models",
    "project",
    "set_grid_warnings",
    "split",
    "to_hexagonal",
    "utils",
]

_LATER: Final = {
    name: module
    for module, names in {
        "": ("init", "models", "utils"),
        "._act._crelu": ("CReLU",),
        "._act._fourier": ("FourierAct", "FourierMaxPool"),
        "._act._gate": ("Gate",),
        "._act._invariant": ("GroupPool", "NormPool"),
        "._act._norm_act": ("NormAct",),
        "._act._pointwise": ("ELU", "GELU", "LeakyReLU", "Pointwise", "ReLU", "Sigmoid", "SiLU", "Tanh"),
        "._act._vector_field": ("VectorFieldAct",),
        "._chain._alias_free": ("AliasFree",),
        "._chain._branch": ("Branch", "Identity", "Parallel", "Residual"),
        "._chain._chain": ("Restrict", "Sequential"),
        "._chain._check_types": ("check_types",),
        "._chain._disentangle": ("Disentangle",),
        "._chain._reorder": ("Reorder",),
        "._engine._export": ("export",),
        "._hex._hexagonal": ("HexConv2d", "HexMask", "HexPool"),
        "._hex._hexmap": ("act_on_hexagonal", "from_hexagonal", "to_hexagonal"),
        "._linear._attention": ("SelfAttention",),
        "._linear._bilinear": ("Bilinear",),
        "._linear._conv": ("Conv1d", "Conv2d", "Conv3d"),
        "._linear._conv_transpose": ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
        "._linear._linear": ("Linear",),
        "._linear._project": ("project",),
        "._linear._tensor_product": ("TensorProduct", "TensorSquare"),
        "._norm._batch_norm": ("BatchNorm", "convert_sync_batchnorm"),
        "._norm._dropout": ("Dropout",),
        "._norm._norms": ("GroupNorm", "InstanceNorm", "LayerNorm"),
        "._space._blur_pool": ("BlurPool",),
        "._space._global_pool": ("GlobalAvgPool",),
        "._space._mask": ("Mask",),
        "._space._norm_max_pool": ("NormMaxPool",),
        "._space._pool": ("AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "MaxPool"),
        "._space._random_transform": ("RandomTransform",),
        "._space._upsample": ("Upsample",),
    }.items()
    for name in names
}
"""The file of each layer, which loads on first use (PEP 562): a network takes a few of them."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise missing(f"module {__name__!r}", name, __all__)
    if not _LATER[name]:
        return importlib.import_module(f".{name}", __name__)
    found = globals()[name] = getattr(importlib.import_module(_LATER[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
