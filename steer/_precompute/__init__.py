"""Filling the cache ahead of time: what models and lists of kernels need, solved by parallel processes."""

from ._run import Report, precompute

__all__ = ["Report", "precompute"]
