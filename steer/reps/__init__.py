"""Representation theory of compact groups: exact, deterministic, float64; NumPy only."""

from ._actions import GroupAction, with_action
from ._axial import AxialGroup
from ._catalogue import group
from ._composites import DirectSum, Restriction, TensorProduct
from ._decompose import Decomposition, decompose
from ._fourier import FourierTransform, fourier
from ._group import Group
from ._harmonics import harmonic_size, harmonics, solid_harmonics
from ._induced import BandLimited, Induced
from ._inflation import Inflation
from ._intertwiner import clebsch_gordan, intertwiners, multiplicity
from ._planar import PlanarGroup
from ._polyhedral import PolyhedralGroup
from ._products import DirectProduct, direct_product
from ._quadrature import Quadrature, quadrature
from ._representation import Irrep, Representation
from ._rotations import RotationGroup
from ._spatial import SpatialGroup
from ._wigner import wigner_d

__all__ = [
    "AxialGroup",
    "BandLimited",
    "Decomposition",
    "DirectProduct",
    "DirectSum",
    "FourierTransform",
    "Group",
    "GroupAction",
    "Induced",
    "Inflation",
    "Irrep",
    "PlanarGroup",
    "PolyhedralGroup",
    "Quadrature",
    "Representation",
    "Restriction",
    "RotationGroup",
    "SpatialGroup",
    "TensorProduct",
    "clebsch_gordan",
    "decompose",
    "direct_product",
    "fourier",
    "group",
    "harmonic_size",
    "harmonics",
    "intertwiners",
    "multiplicity",
    "quadrature",
    "solid_harmonics",
    "wigner_d",
    "with_action",
]
