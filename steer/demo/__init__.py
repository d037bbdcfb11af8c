"""The demo: steerable networks beside a plain one, trained on upright digits and tested on rotated ones."""

from ._run import run

__all__ = ["run"]
