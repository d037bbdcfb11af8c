"""Fixtures of the tests of kernels."""

import pytest

from steer.kernels import cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, which keeps everything that is solved, and solves nothing without a lock."""
    place = tmp_path / "new" / "cache"
    monkeypatch.setenv("STEER_CACHE_DIR", str(place))
    monkeypatch.setattr(cache, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(cache, "LOCK_COST", 0.0)
    cache.clear()
    yield place
    cache.clear()
