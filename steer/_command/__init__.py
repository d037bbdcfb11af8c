"""The pages and commands of the command line."""

from ._cache_command import app, precompute
from ._group_page import catalogue, page

__all__ = ["app", "catalogue", "page", "precompute"]
