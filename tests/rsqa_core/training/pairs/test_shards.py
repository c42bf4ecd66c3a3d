"""Pairs from tar shards, as webdataset's own writer makes them and as they should not be."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset
from PIL import Image

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.training.pairs.shards import ShardPairs


def png(value: int = 90) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (5, 3), (value, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def write_shard(path: Path, members: dict[str, bytes], mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_shard_of_webdatasets_writer_is_read_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "shard-0.tar"
    with webdataset.TarWriter(str(path)) as writer:
        writer.write({"__key__": "one", "png": png(10), "txt": "a river"})
        writer.write({"__key__": "two", "png": png(20), "json": {"caption": "a road"}})

    source = ShardPairs([path], trusted=False)

    assert [(e.key, e.caption, e.trusted) for e in source.entries] == [
        ("shard-0.tar/one", "a river", False),
        ("shard-0.tar/two", "a road", False),
    ]
    assert source.left_out == []
    assert source.picture(1)[0][:, 0, 0].tolist() == [20, 0, 0]
    assert source.picture(0)[0].shape == (3, 3, 5)
    assert source.picture(0)[0].dtype == np.uint8


def test_samples_without_use_are_named_with_the_reason(tmp_path: Path) -> None:
    path = write_shard(
        tmp_path / "s.tar",
        {
            "a.png": png(),
            "b.txt": b"text without image",
            "c.png": png(),
            "c.txt": b"  \n",
            "d.png": png(),
            "d.json": b"{broken",
            "e.png": png(),
            "e.json": json.dumps({"label": 3}).encode(),
            "f.png": png(),
            "f.txt": b"\xff\xfe\xfa",
            "good.png": png(),
            "good.cls": b"4",
            "good.json": json.dumps({"title": "a field"}).encode(),
        },
    )

    source = ShardPairs([path], trusted=True)

    assert [entry.caption for entry in source.entries] == ["a field"]
    reasons = {each.name: each.reason for each in source.left_out}
    assert set(reasons) == {f"s.tar/{key}" for key in "abcdef"}
    assert reasons["s.tar/a"] == "it has no caption"
    assert reasons["s.tar/b"] == "it has no image"
    assert "empty" in reasons["s.tar/c"]
    assert "cannot be read" in reasons["s.tar/d"]
    assert "caption, title, text" in reasons["s.tar/e"]
    assert "cannot be read" in reasons["s.tar/f"]


def test_nothing_leaves_the_archive(tmp_path: Path) -> None:
    """Names that climb out are only names, and links are no images."""
    inside = tmp_path / "inside"
    inside.mkdir()
    path = inside / "s.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in (("../evil.png", png()), ("../evil.txt", b"a field")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)

    source = ShardPairs([path], trusted=True)

    assert source.picture(0)[0].shape == (3, 3, 5)
    assert [each.name for each in source.left_out] == ["s.tar/link.png"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inside", "s.tar"]


def test_a_member_that_is_too_large_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsqa_core.training.pairs.shards.MAX_MEMBER_BYTES", 40)
    path = write_shard(tmp_path / "s.tar", {"a.png": png(), "a.txt": b"a field"})

    source = ShardPairs([path], trusted=True)

    assert source.entries == ()
    assert "of at most 40" in source.left_out[0].reason


@pytest.mark.parametrize("mode", ["w:gz", None], ids=["compressed", "no tar"])
def test_what_is_no_plain_tar_file_is_refused(tmp_path: Path, mode: str | None) -> None:
    path = tmp_path / "s.tar"
    if mode is None:
        path.write_bytes(b"nothing of the kind" * 100)
    else:
        write_shard(path, {"a.png": png(), "a.txt": b"a field"}, mode)

    with pytest.raises(InvalidInputError, match="uncompressed tar"):
        ShardPairs([path], trusted=True)


def test_no_shard_at_all_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        ShardPairs([], trusted=True)


def test_a_shard_that_lost_its_end_is_told_when_the_image_is_read(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "s.tar", {"a.txt": b"a field", "a.png": png()})
    source = ShardPairs([path], trusted=True)
    path.write_bytes(path.read_bytes()[:1600])

    with pytest.raises(UnreadableFileError, match="ends within a member"):
        source.picture(0)
