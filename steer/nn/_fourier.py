"""Nonlinearities on the samples of band-limited fields."""

import copy
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from ..errors import SteerError, nearest
from ..reps import Quadrature, Representation
from ..reps._linalg import Array
from ._field_type import FieldType
from ._gate import _elementwise
from ._module import Module, traced
from ._pool import MaxPool
from ._samples import Grids, Samples, kinds_of

FUNCTIONS: Final[dict[str, type[torch.nn.Module]]] = {
    "relu": torch.nn.ReLU,
    "elu": torch.nn.ELU,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
    "leaky_relu": torch.nn.LeakyReLU,
    "softplus": torch.nn.Softplus,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
}
