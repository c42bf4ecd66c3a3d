from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from rsqa_core.datasets import archives
from rsqa_core.datasets.archives import extract_archive, inner_folder, is_archive
from rsqa_core.errors import InvalidInputError, UnreadableFileError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "target"
    folder.mkdir(parents=True)
    return folder


def unpacked(target: Path) -> dict[str, bytes]:
    return {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}


def link_info(name: str, to: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    "climber", ["../evil.png", "a/../../evil.png", "/evil.png", "..\\evil.png"]
)
def test_zip_members_that_climb_out_are_named_and_the_rest_is_unpacked(
    tmp_path: Path, target: Path, climber: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("images/a.png", b"good")
        archive.writestr(climber, b"evil")
        archive.writestr(link_info("images/link.png", ""), "/etc/passwd")
    left_out = {e.name: e.reason for e in extract_archive(tmp_path / "a.zip", target)}
    assert "leads out" in left_out[climber]
    assert "link" in left_out["images/link.png"]
    assert unpacked(target) == {"images/a.png": b"good"}
    assert not list(tmp_path.rglob("evil.png"))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz"])
def test_tar_members_that_are_no_plain_files_are_named(
    tmp_path: Path, target: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    with tarfile.open(path, "w:gz" if "gz" in suffix else "w") as archive:
        for name, content in {"images/a.png": b"good", "../evil.png": b"evil"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in {"link.png": tarfile.SYMTYPE, "hard.png": tarfile.LNKTYPE}.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        device = tarfile.TarInfo("dev.png")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
    assert is_archive(path)
    left_out = {e.name for e in extract_archive(path, target)}
    assert left_out == {"../evil.png", "link.png", "hard.png", "dev.png"}
    assert unpacked(target) == {"images/a.png": b"good"}


def test_a_damaged_member_is_left_out_and_a_damaged_archive_refused(
    tmp_path: Path, target: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("bad.png", b"0123456789" * 9)
        archive.writestr("good.png", b"good")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"0123456789", b"012345678X", 1))
    (entry,) = extract_archive(tmp_path / "a.zip", target)
    assert (entry.name, "damaged" in entry.reason) == ("bad.png", True)
    assert unpacked(target) == {"good.png": b"good"}
    for name in ("b.zip", "b.tar.gz"):
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(UnreadableFileError, match=name):
            extract_archive(tmp_path / name, target)


def test_an_archive_made_to_fill_a_disk_is_refused(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 1 << 16)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.png", bytes(4 << 20))
    with pytest.raises(InvalidInputError, match="200 times"):
        extract_archive(tmp_path / "a.zip", target)


def test_bytes_and_members_are_limited(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(5):
            archive.writestr(f"{i}.png", os.urandom(1000))
    monkeypatch.setattr(archives, "MAX_MEMBERS", 4)
    with pytest.raises(InvalidInputError, match="more than 4 members"):
        extract_archive(tmp_path / "a.zip", target)
    monkeypatch.setattr(archives, "MAX_BYTES", 2500)
    with pytest.raises(InvalidInputError, match="unpacks to more"):
        extract_archive(tmp_path / "a.zip", tmp_path / "in")


def test_one_folder_that_holds_everything_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "survey/images").mkdir(parents=True)
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert inner_folder(tmp_path) == tmp_path / "survey"
    assert inner_folder(tmp_path / "survey") == tmp_path / "survey"
