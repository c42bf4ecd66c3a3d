"""Listing and fetching encoders, as the command line does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from click.testing import CliRunner

from rsqa_core.encoders import registry
from rsqa_core.encoders.fetching import WEIGHTS
from rsqa_core.errors import DownloadError
from rsqa_core.settings import Settings
from tests.rsqa_core.serving import Site, serving
from workflows import cli
from workflows.encoders import fetch_encoder, list_encoders

TINY = "rsqa-tiny-listed"
NAME = "remoteclip-vit-b-32"


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({})) as running:
        yield running


@pytest.fixture
def tiny(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the registered encoder NAME a tiny one, and the site have its checkpoint."""
    tower = {"width": 16, "layers": 1}
    config = {
        "embed_dim": 12,
        "vision_cfg": {**tower, "image_size": 32, "patch_size": 8, "head_width": 8},
        "text_cfg": {**tower, "heads": 2, "context_length": 77, "vocab_size": 49408},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, TINY, config)
    spec = registry.find_spec(NAME)
    assert spec.preprocessing is not None
    small = replace(spec.preprocessing, size_px=32)
    changed = replace(spec, architecture=TINY, dim=12, preprocessing=small)
    monkeypatch.setitem(registry._ENCODERS, NAME, changed)
    torch.manual_seed(0)
    out = io.BytesIO()
    torch.save(open_clip.create_model(TINY, force_quick_gelu=True).state_dict(), out)
    site.files["chendelong/RemoteCLIP/resolve/main/RemoteCLIP-ViT-B-32.pt"] = out.getvalue()
    return changed


def run(*arguments: str, **variables: str) -> Any:
    return CliRunner().invoke(cli.rsqa, ["encoders", *arguments], env=variables)


def test_the_list_says_of_every_encoder_whether_it_is_here(tmp_path: Path) -> None:
    listed = list_encoders(Settings(tmp_path))

    assert [spec.id for spec, _ in listed] == list(registry.encoder_ids())
    assert [spec.id for spec, here in listed if here] == ["rsqa-compact"]


def test_a_fetched_encoder_is_listed_as_here(site: Site, tiny: Any, tmp_path: Path) -> None:
    settings = Settings(tmp_path, model_hub=site.address)

    fingerprint, folder = fetch_encoder(NAME, settings)

    assert (folder / WEIGHTS).is_file()
    assert NAME in {spec.id for spec, here in list_encoders(settings) if here}
    offline = replace(settings, offline=True)
    assert fetch_encoder(NAME, offline) == (fingerprint, folder)


def test_the_command_prints_a_row_an_encoder(tmp_path: Path) -> None:
    result = run("list", RSQA_HOME=str(tmp_path))

    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if line.startswith("clip-rs+gelu "))
    assert row.split() == [
        *("clip-rs+gelu", "768", "yes", "~5,131", "MB", "GELU,", "unknown"),
        *("none", "stated", "no"),
    ]


def test_the_command_lists_open_clips_weights_on_demand(tmp_path: Path) -> None:
    result = run("list", "--open-clip", RSQA_HOME=str(tmp_path))

    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 1 + len(open_clip.list_pretrained())


def test_the_command_fetches_and_says_what_to_do_next(
    site: Site, tiny: Any, tmp_path: Path
) -> None:
    result = run("fetch", NAME, RSQA_HOME=str(tmp_path), RSQA_MODEL_HUB=site.address)

    assert result.exit_code == 0, result.output
    assert f"rsqa train-head --project P --encoder {NAME}" in result.output
    assert (tmp_path / "encoders" / NAME / WEIGHTS).is_file()


def test_offline_nothing_is_fetched(site: Site, tiny: Any, tmp_path: Path) -> None:
    settings = Settings(tmp_path, offline=True, model_hub=site.address)

    with pytest.raises(DownloadError, match="RSQA_OFFLINE is 1"):
        fetch_encoder(NAME, settings)

    assert site.requests == []
