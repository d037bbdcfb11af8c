"""The pages and commands of the command line."""

from . import _terminal as terminal
from ._audit_command import audit
from ._cache_command import app, precompute
from ._group_page import catalogue, one, page

__all__ = ["app", "audit", "catalogue", "one", "page", "precompute", "terminal"]
