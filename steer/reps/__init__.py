"""Representation theory of compact groups: exact, deterministic, float64; NumPy only."""

from ._catalogue import group
from ._decompose import Decomposition, decompose
from ._group import Group
from ._harmonics import harmonic_size, harmonics
from ._induced import Induced
from ._intertwiner import clebsch_gordan, intertwiners, multiplicity
from ._planar import PlanarGroup
from ._representation import DirectSum, Irrep, Representation, Restriction, TensorProduct

__all__ = [
    "Decomposition",
    "DirectSum",
    "Group",
    "Induced",
    "Irrep",
    "PlanarGroup",
    "Representation",
    "Restriction",
    "TensorProduct",
    "clebsch_gordan",
    "decompose",
    "group",
    "harmonic_size",
    "harmonics",
    "intertwiners",
    "multiplicity",
]
