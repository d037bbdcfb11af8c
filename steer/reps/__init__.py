"""Representation theory of compact groups: exact, deterministic, float64; NumPy only."""

import importlib
from typing import TYPE_CHECKING, Final

from .._names import missing
from . import rotations
from .groups._actions import GroupAction, with_action
from .groups._catalogue import group
from .groups._diagonal import Diagonal
from .groups._e3nn import e3nn_basis
from .groups._line import LineGroup
from .groups._planar import PlanarGroup
from .groups._products import DirectProduct, Inflation, direct_product
from .groups._spatial import AxialGroup, PolyhedralGroup, RotationGroup, SpatialGroup
from .special._harmonics import harmonic_size, harmonics, solid_harmonics
from .special._wigner import wigner_d
from .theory._coupling import Coupling, coupling, square_coupling
from .theory._decompose import decompose
from .theory._decomposition import Decomposition
from .theory._fields import Fields
from .theory._group import Group
from .theory._induced import BandLimited, Induced, Sections
from .theory._intertwiner import clebsch_gordan, intertwiners, multiplicity
from .theory._lie_algebra import lie_algebra
from .theory._matrices import MatrixRepresentation, representation
from .theory._orbits import orbits
from .theory._reduced import ReducedTensorProduct, reduced_tensor_product
from .theory._representation import DirectSum, Irrep, IrrepData, Representation, Restriction, TensorProduct
from .theory._signed import SignedPoints, Unsigned

if TYPE_CHECKING:
    from .analysis._fourier import FourierTransform, fourier
    from .analysis._quadrature import Quadrature, quadrature
    from .analysis._signal import SphericalSignal

__all__ = [
    "AxialGroup",
    "BandLimited",
    "Coupling",
    "Decomposition",
    "Diagonal",
    "DirectProduct",
    "DirectSum",
    "Fields",
    "FourierTransform",
    "Group",
    "GroupAction",
    "Induced",
    "Inflation",
    "Irrep",
    "IrrepData",
    "LineGroup",
    "MatrixRepresentation",
    "PlanarGroup",
    "PolyhedralGroup",
    "Quadrature",
    "ReducedTensorProduct",
    "Representation",
    "Restriction",
    "RotationGroup",
    "Sections",
    "SignedPoints",
    "SpatialGroup",
    "SphericalSignal",
    "TensorProduct",
    "Unsigned",
    "clebsch_gordan",
    "coupling",
    "decompose",
    "direct_product",
    "e3nn_basis",
    "fourier",
    "group",
    "harmonic_size",
    "harmonics",
    "intertwiners",
    "lie_algebra",
    "multiplicity",
    "orbits",
    "quadrature",
    "reduced_tensor_product",
    "representation",
    "rotations",
    "solid_harmonics",
    "square_coupling",
    "wigner_d",
    "with_action",
]

_LATER: Final = {
    "FourierTransform": ".analysis._fourier",
    "Quadrature": ".analysis._quadrature",
    "SphericalSignal": ".analysis._signal",
    "fourier": ".analysis._fourier",
    "quadrature": ".analysis._quadrature",
}
"""The file of each name that loads on first use (PEP 562): no other part of the theory rests on these."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise missing(f"module {__name__!r}", name, __all__)
    found = globals()[name] = getattr(importlib.import_module(_LATER[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
