from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsqa_core import downloading
from rsqa_core.datasets import samples
from rsqa_core.datasets.palette import read_palette
from rsqa_core.datasets.samples import Sample, SampleFile
from rsqa_core.errors import DownloadError, NotFoundError
from rsqa_core.settings import Settings
from tests.rsqa_core.serving import Site, serving
from workflows.cli import rsqa
from workflows.samples import fetch_sample, list_samples

CONTENTS = {f"images/tile{i}_a.jpg": bytes([i]) * 5000 for i in (1, 2)}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(
        Site({name.replace("/", "-"): body for name, body in CONTENTS.items()})
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def sample(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sample:
    """A catalogue with one sample of two files on the loopback server."""
    files = [
        {
            "name": name,
            "scene": f"tile{i}",
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "url": site.url(name.replace("/", "-")),
        }
        for i, (name, body) in enumerate(CONTENTS.items(), start=1)
    ]
    entry = {
        "name": "town",
        "title": "Town",
        "description": "Two files.",
        "attribution": "nobody",
        "licence": "CC0 1.0",
        "licence_source": "here",
        "source": "http://127.0.0.1",
        "commit": "0" * 40,
        "mirror_folder": "town_mirror",
        "palette": {"Land": [1, 2, 3]},
        "ignored": [],
        "train_scenes": ["tile1"],
        "candidate_scenes": ["tile2"],
        "files": files,
    }
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "town.json").write_text(json.dumps(entry))
    read = samples.read_samples(folder)
    monkeypatch.setattr(samples, "read_samples", lambda: read)
    monkeypatch.setattr("workflows.samples.read_samples", lambda: read)
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)
    return read["town"]


def settings(tmp_path: Path, *, mirror: bool = False, offline: bool = False) -> Settings:
    return Settings(tmp_path / "home", tmp_path / "mirror" if mirror else None, offline)


def fill_mirror(tmp_path: Path, contents: dict[str, bytes] = CONTENTS) -> None:
    for name, body in contents.items():
        path = tmp_path / "mirror/town_mirror" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "palette.json"
    }


def test_a_sample_is_downloaded_once_with_its_palette(site: Site, tmp_path: Path) -> None:
    counts: list[tuple[int, int]] = []
    folder = fetch_sample(
        "town", settings(tmp_path), progress=lambda step, done, total: counts.append((done, total))
    )
    assert content_of(folder) == CONTENTS
    assert read_palette(folder / "palette.json").entries[0].color == (1, 2, 3)
    assert counts[-1] == (10_000, 10_000)
    assert counts == sorted(counts)
    assert len(site.requests) == 2
    fetch_sample("town", settings(tmp_path))
    assert len(site.requests) == 2


def test_only_the_scenes_that_are_asked_for_are_fetched(site: Site, tmp_path: Path) -> None:
    folder = fetch_sample("town", settings(tmp_path), scenes=("tile2",))
    assert list(content_of(folder)) == ["images/tile2_a.jpg"]
    with pytest.raises(NotFoundError, match="tile3"):
        fetch_sample("town", settings(tmp_path), scenes=("tile3",))


def test_the_mirror_is_asked_before_the_network(site: Site, tmp_path: Path) -> None:
    fill_mirror(tmp_path)
    folder = fetch_sample("town", settings(tmp_path, mirror=True, offline=True))
    assert content_of(folder) == CONTENTS
    assert site.requests == []


def test_what_the_mirror_lacks_comes_from_the_network(site: Site, tmp_path: Path) -> None:
    fill_mirror(tmp_path, {"images/tile1_a.jpg": CONTENTS["images/tile1_a.jpg"]})
    assert content_of(fetch_sample("town", settings(tmp_path, mirror=True))) == CONTENTS
    assert [name for name, _ in site.requests] == ["images-tile2_a.jpg"]


def test_offline_without_the_files_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"tile1_a\.jpg.*RSQA_SAMPLE_MIRROR.*town_mirror"):
        fetch_sample("town", settings(tmp_path, offline=True))


def test_a_wrong_checksum_leaves_nothing_half_written(
    site: Site, sample: Sample, tmp_path: Path
) -> None:
    site.files["images-tile2_a.jpg"] = b"x" * 5000
    with pytest.raises(DownloadError, match=rf"tile2_a\.jpg.*{sample.files[1].sha256}"):
        fetch_sample("town", settings(tmp_path))
    assert list(content_of(tmp_path / "home")) == ["samples/town/images/tile1_a.jpg"]
    fill_mirror(tmp_path, {"images/tile2_a.jpg": b"y" * 5000})
    with pytest.raises(DownloadError, match="town_mirror"):
        fetch_sample("town", settings(tmp_path, mirror=True))
    assert list(content_of(tmp_path / "home")) == ["samples/town/images/tile1_a.jpg"]


def test_a_file_that_went_bad_is_fetched_again(site: Site, tmp_path: Path) -> None:
    folder = fetch_sample("town", settings(tmp_path))
    (folder / "images/tile1_a.jpg").write_bytes(b"damaged")
    assert content_of(fetch_sample("town", settings(tmp_path))) == CONTENTS
    assert len(site.requests) == 3


def test_an_unknown_sample_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Known: town"):
        fetch_sample("twon", settings(tmp_path))
    assert [s.name for s in list_samples()] == ["town"]


def test_the_commands_list_and_fetch(tmp_path: Path) -> None:
    runner = CliRunner(env={"RSQA_HOME": str(tmp_path / "home")})
    result = runner.invoke(rsqa, ["samples", "list"], catch_exceptions=False)
    assert "town: Town" in result.output
    assert "CC0 1.0" in result.output
    result = runner.invoke(
        rsqa, ["samples", "fetch", "town", "--scene", "tile1"], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert (tmp_path / "home/samples/town/images/tile1_a.jpg").exists()
    assert "Next: rsqa import" in result.output


def test_a_sample_file_knows_its_scene(sample: Sample) -> None:
    assert sample.files_of(None) == sample.files
    assert [isinstance(f, SampleFile) for f in sample.files] == [True, True]
