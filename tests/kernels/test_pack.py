"""Packs fill a cache elsewhere, with verified files only, and never write outside of it."""

import zipfile

import pytest

import steer
from steer.errors import CacheError
from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import describe, solve
from steer.kernels.cache import _store

from .cached import DESCRIPTOR, files, held, same

D6 = steer.group("D6", dim=2)
SMALL = describe(D6.vector, D6.vector, 1)


@pytest.fixture
def full(folder):
    """A cache of two files."""
    solve(DESCRIPTOR)
    solve(SMALL)
    return folder


def test_a_pack_fills_an_empty_cache(full, tmp_path):
    first = solve(DESCRIPTOR)
    path = tmp_path / "pack"
    packed = cache.pack(path)
    assert packed == (2, path.stat().st_size, {})
    with cache.use(tmp_path / "elsewhere"):
        assert cache.unpack(path) == (2, 0, {})
        assert cache.unpack(path) == (0, 2, {})
        assert {p.name: p.read_bytes() for p in files(tmp_path / "elsewhere")} == {
            p.name: p.read_bytes() for p in files(full)
        }
        cache.clear(disk=False)
        same(first, solve(DESCRIPTOR))
        assert cache.info().disk_hits == 1


def test_equal_caches_make_equal_packs(full, tmp_path):
    cache.pack(tmp_path / "a")
    for path in reversed(files(full)):  # other times, another order
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    cache.pack(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_packing_leaves_bad_files_out_and_names_them(full, tmp_path):
    path = files(full)[0]
    path.write_bytes(path.read_bytes()[:-1])
    packed = cache.pack(tmp_path / "pack")
    assert packed.files == 1
    assert list(packed.refused) == [path.name]


def test_an_empty_cache_makes_no_pack(folder, tmp_path):
    with pytest.raises(CacheError, match="holds no kernel basis to pack"):
        cache.pack(tmp_path / "pack")
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_cannot_be_written(full, tmp_path):
    with pytest.raises(CacheError, match="path: cannot write"):
        cache.pack(tmp_path / "no" / "folder" / "pack")


def test_a_bad_file_is_replaced_from_a_pack(full, tmp_path):
    cache.pack(tmp_path / "pack")
    path = files(full)[0]
    good = path.read_bytes()
    path.write_bytes(b"")
    assert cache.unpack(tmp_path / "pack") == (1, 1, {})
    assert path.read_bytes() == good


NAME = f"{cache.fingerprint(DESCRIPTOR)}-{_store.FORMAT}.safetensors"

ESCAPES = {
    "parent": f"../{NAME}",
    "absolute": f"/tmp/{NAME}",
    "folder": f"locks/{NAME}",
    "backslash": f"..\\{NAME}",
    "drive": f"C:{NAME}",
    "other": "notes.txt",
    "module": "steer.py",
    "no layout of this version": f"{cache.fingerprint(DESCRIPTOR)}-9.safetensors",
    "leading zero": f"{cache.fingerprint(DESCRIPTOR)}-0{_store.FORMAT}.safetensors",
}


@pytest.mark.parametrize("case", ESCAPES)
def test_no_member_leaves_the_directory(full, tmp_path, case):
    data = (full / NAME).read_bytes()
    with zipfile.ZipFile(tmp_path / "pack", "w") as archive:
        archive.writestr(ESCAPES[case], data)
        archive.writestr(NAME, data)
    before = sorted(tmp_path.rglob("*"))
    with cache.use(tmp_path / "elsewhere"):
        found = cache.unpack(tmp_path / "pack")
    assert (found.new, found.kept) == (1, 0)
    assert list(found.refused.values()) == ["its name is not that of a kernel basis of this version"]
    made = {tmp_path / "elsewhere", tmp_path / "elsewhere" / NAME}
    assert set(tmp_path.rglob("*")) == {*before, *made}


def members(path, change, compression=zipfile.ZIP_STORED):
    """Write a pack whose only member is changed bytes under the right name."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(NAME, change)


def test_bad_members_are_refused_and_the_others_taken(full, tmp_path):
    good = (full / NAME).read_bytes()
    other = next(p for p in files(full) if p.name != NAME)
    with zipfile.ZipFile(tmp_path / "pack", "w") as archive:
        archive.writestr(NAME, other.read_bytes())  # another descriptor under this name
        archive.write(other, other.name)
    with cache.use(tmp_path / "elsewhere"):
        found = cache.unpack(tmp_path / "pack")
        assert [path.name for path in files(tmp_path / "elsewhere")] == [other.name]
    assert (found.new, found.refused) == (1, {NAME: "it is the file of another kernel basis"})
    members(tmp_path / "cut", good[:-1])
    members(tmp_path / "deflated", good, zipfile.ZIP_DEFLATED)
    with cache.use(tmp_path / "third"):
        assert list(cache.unpack(tmp_path / "cut").refused) == [NAME]
        assert cache.unpack(tmp_path / "deflated").refused == {NAME: "it is compressed or encrypted"}
        assert files(tmp_path / "third") == []


def test_a_damaged_archive_is_refused(full, tmp_path):
    cache.pack(tmp_path / "pack")
    data = (tmp_path / "pack").read_bytes()
    (tmp_path / "flipped").write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    for name, damaged in (("half", data[: len(data) // 2]), ("empty", b""), ("pickle", b"\x80\x04K\x01.")):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(CacheError, match=f"{name} is no pack of kernel bases"):
            cache.unpack(tmp_path / name)
    with pytest.raises(CacheError, match=r"path: cannot unpack .*missing"):
        cache.unpack(tmp_path / "missing")
    with cache.use(tmp_path / "elsewhere"):
        found = cache.unpack(tmp_path / "flipped")
        assert (found.new, len(found.refused)) == (1, 1)
        assert cache.verify() == (1, {})


def test_a_pack_larger_than_the_cache_may_be_is_refused_before_anything_is_written(full, tmp_path):
    cache.pack(tmp_path / "pack")
    with cache.use(tmp_path / "elsewhere", max_bytes=1000):
        with pytest.raises(CacheError, match="exceed the bound of the cache, 1000; raise STEER_CACHE_DISK_MB"):
            cache.unpack(tmp_path / "pack")
        assert not (tmp_path / "elsewhere").exists()


def test_what_a_pack_holds_is_what_was_solved(full, tmp_path):
    cache.pack(tmp_path / "pack")
    with zipfile.ZipFile(tmp_path / "pack") as archive:
        assert archive.namelist() == [path.name for path in files(full)]
        assert held(archive.read(NAME)) == held(full / NAME)
