from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rsqa_core.datasets.samples import SampleFile
from rsqa_core.downloading import copy_verified, download_verified, is_verified
from rsqa_core.errors import DownloadError
from tests.rsqa_core.serving import Site, serving

CONTENT = bytes(range(256)) * 1200


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"a.bin": CONTENT})) as running:
        yield running


def promised(url: str, content: bytes = CONTENT) -> SampleFile:
    return SampleFile(
        "images/a.bin", "tile1", len(content), hashlib.sha256(content).hexdigest(), url
    )


@dataclass(frozen=True)
class Unknown:
    """A file of which nobody knows size or checksum beforehand."""

    url: str
    name: str = "a.bin"
    size: int | None = None
    sha256: str | None = None


def files_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def test_a_file_arrives_with_progress(site: Site, tmp_path: Path) -> None:
    file, counts = promised(site.url("a.bin")), list[int]()
    download_verified(file, tmp_path / "images/a.bin", bytes_done=counts.append)
    assert (tmp_path / "images/a.bin").read_bytes() == CONTENT
    assert counts == sorted(counts)
    assert counts[-1] == len(CONTENT)
    assert is_verified(tmp_path / "images/a.bin", file)
    assert files_in(tmp_path) == ["a.bin"]


def test_a_dropped_connection_is_taken_up_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.drops, site.drop_after = 3, 80_000
    download_verified(promised(site.url("a.bin")), tmp_path / "a.bin", wait_s=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    ranges = [wanted for _, wanted in site.requests]
    assert ranges == [None, "bytes=80000-", "bytes=160000-", "bytes=240000-"]


def test_a_server_without_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    site.drops, site.drop_after, site.knows_ranges = 1, 80_000, False
    download_verified(promised(site.url("a.bin")), tmp_path / "a.bin", wait_s=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_the_next_call_goes_on_from_what_the_last_one_kept(site: Site, tmp_path: Path) -> None:
    site.drops, site.drop_after = 1, 100_000
    file = promised(site.url("a.bin"))
    with pytest.raises(DownloadError, match=r"a\.bin could not be downloaded"):
        download_verified(file, tmp_path / "a.bin", wait_s=0, attempts=1)
    assert not (tmp_path / "a.bin").exists()
    download_verified(file, tmp_path / "a.bin", wait_s=0)
    assert site.requests[-1][1] == "bytes=100000-"
    assert files_in(tmp_path) == ["a.bin"]


def test_what_an_earlier_call_kept_wrongly_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".a.bin.partial").write_bytes(b"wrong" * 100)
    download_verified(promised(site.url("a.bin")), tmp_path / "a.bin", wait_s=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("sent", [CONTENT[:-1] + b"X", CONTENT + b"more"])
def test_other_bytes_than_promised_leave_nothing_behind(
    site: Site, tmp_path: Path, sent: bytes
) -> None:
    site.files["a.bin"] = sent
    (tmp_path / "a.bin").write_bytes(b"old")
    expected = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(DownloadError, match=rf"images/a\.bin .*expected.*{expected}.*but got"):
        download_verified(promised(site.url("a.bin")), tmp_path / "a.bin", wait_s=0)
    assert files_in(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_a_file_that_is_not_there_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404"):
        download_verified(promised(site.url("b.bin")), tmp_path / "b.bin", wait_s=0)
    assert len(site.requests) == 1
    assert files_in(tmp_path) == []


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.failures = [503, 429]
    download_verified(promised(site.url("a.bin")), tmp_path / "a.bin", wait_s=0)
    assert len(site.requests) == 3


def test_an_unreachable_server_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="RSQA_SAMPLE_MIRROR"):
        download_verified(
            promised("http://127.0.0.1:9/a.bin"), tmp_path / "a.bin", wait_s=0, timeout_s=2
        )


def test_a_mirror_is_copied_only_when_it_is_right(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(CONTENT)
    copy_verified(tmp_path / "m.bin", promised(""), tmp_path / "deep/a.bin")
    assert (tmp_path / "deep/a.bin").read_bytes() == CONTENT
    (tmp_path / "m.bin").write_bytes(CONTENT[1:])
    with pytest.raises(DownloadError, match=r"m\.bin is not the file of the catalogue"):
        copy_verified(tmp_path / "m.bin", promised(""), tmp_path / "new/a.bin")
    assert files_in(tmp_path / "new") == []


def test_verified_means_size_and_checksum(tmp_path: Path) -> None:
    file = promised("")
    assert not is_verified(tmp_path / "a.bin", file)
    (tmp_path / "a.bin").write_bytes(CONTENT[:-1] + b"X")
    assert not is_verified(tmp_path / "a.bin", file)


def test_size_and_checksum_are_reported_where_nobody_knew_them(site: Site, tmp_path: Path) -> None:
    totals, counts = list[int](), list[int]()
    received = download_verified(
        Unknown(site.url("a.bin")),
        tmp_path / "a.bin",
        bytes_done=counts.append,
        total_known=totals.append,
    )
    assert (received.size, received.sha256) == (
        len(CONTENT),
        hashlib.sha256(CONTENT).hexdigest(),
    )
    assert totals == [len(CONTENT)]
    assert counts[-1] == len(CONTENT)


def test_without_a_checksum_a_file_is_continued_while_its_tag_is_the_same(
    site: Site, tmp_path: Path
) -> None:
    site.drops, site.drop_after, site.tag = 1, 100_000, '"v1"'
    file = Unknown(site.url("a.bin"))
    with pytest.raises(DownloadError, match="could not be downloaded"):
        download_verified(file, tmp_path / "a.bin", wait_s=0, attempts=1)
    download_verified(file, tmp_path / "a.bin", wait_s=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert site.requests[-1][1] == "bytes=100000-"
    assert files_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("tags", [('"v1"', '"v2"'), ("", "")], ids=["other tag", "no tag"])
def test_without_a_checksum_a_file_that_may_have_changed_starts_over(
    site: Site, tmp_path: Path, tags: tuple[str, str]
) -> None:
    site.drops, site.drop_after, site.tag = 1, 100_000, tags[0]
    file = Unknown(site.url("a.bin"))
    with pytest.raises(DownloadError, match="could not be downloaded"):
        download_verified(file, tmp_path / "a.bin", wait_s=0, attempts=1)
    site.files["a.bin"], site.tag = CONTENT[::-1], tags[1]
    download_verified(file, tmp_path / "a.bin", wait_s=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT[::-1]
    assert site.requests[-1][1] is None


def test_what_a_hub_states_of_a_file_is_checked_behind_its_redirect(
    site: Site, tmp_path: Path
) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    site.linked = {"X-Linked-Etag": f'"{digest}"', "X-Repo-Commit": "c0ffee"}
    received = download_verified(Unknown(site.url("a.bin")), tmp_path / "a.bin", wait_s=0)
    assert received.revision == "c0ffee"
    site.files["a.bin"] = CONTENT[:-1] + b"X"
    with pytest.raises(DownloadError, match=rf"the server states: .*{digest}, but got"):
        download_verified(Unknown(site.url("a.bin")), tmp_path / "b.bin", wait_s=0)
    assert files_in(tmp_path) == ["a.bin"]
