"""Fixtures of the tests of kernels."""

import pytest

from steer.kernels import cache
from steer.kernels.cache import _fetch


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, which keeps everything that is solved, and solves nothing without a lock."""
    place = tmp_path / "new" / "cache"
    monkeypatch.setenv("STEER_CACHE_DIR", str(place))
    monkeypatch.setattr(_fetch, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(_fetch, "LOCK_COST", 0.0)
    cache.clear()
    yield place
    cache.clear()
