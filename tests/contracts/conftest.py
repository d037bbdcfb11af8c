"""Settings of the contracts: small tensors are fastest on one thread."""

from tests.nn.conftest import _one_thread, _seed  # noqa: F401
