"""The kernel-basis cache: solutions by the hash of their descriptor, in memory and on disk.

A solution is a pure function of its descriptor, so the cache can cost or save time and never changes a number. Files
are safetensors (data only, nothing is executed) in `STEER_CACHE_DIR` or the user's cache directory; they appear in one
step and are verified when read. A directory that cannot be used costs one warning and the time to solve again.
"""

from ._descriptor import Descriptor
from ._fetch import clear, contents, directory, ensure, fingerprint, info, pack, unpack, use, verify
from ._reports import CacheInfo, CacheReport
from ._store import CONVENTION_VERSION

__all__ = [
    "CONVENTION_VERSION",
    "CacheInfo",
    "CacheReport",
    "Descriptor",
    "clear",
    "contents",
    "directory",
    "ensure",
    "fingerprint",
    "info",
    "pack",
    "unpack",
    "use",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
