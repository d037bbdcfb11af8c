"""Checks of equivariance and of groups, for tests of your own code as much as for those of this package."""

from ._audit import audit
from ._audit_report import Audit
from ._elements import grid_symmetries
from ._equivariance import assert_equivariant, equivariance_error
from ._group import assert_group
from ._kernel import assert_kernel_constraint
from ._tolerance import TOLERANCES

__all__ = [
    "TOLERANCES",
    "Audit",
    "assert_equivariant",
    "assert_group",
    "assert_kernel_constraint",
    "audit",
    "equivariance_error",
    "grid_symmetries",
]


def __dir__() -> list[str]:
    return sorted(__all__)
