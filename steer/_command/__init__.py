"""The pages and commands of the command line."""

from . import _terminal as terminal
from ._cache_command import app, precompute
from ._group_page import catalogue, one, page

__all__ = ["app", "catalogue", "one", "page", "precompute", "terminal"]
