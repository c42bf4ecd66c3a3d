"""The weights that come with RSQA: what they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from rsqa_core.datasets.samples import find_sample
from rsqa_core.segmenters.network import WEIGHTS_DIR
from rsqa_core.segmenters.specs import SEGMENTERS

FILES = sorted(WEIGHTS_DIR.glob("*.safetensors"))


def test_there_are_some_and_together_they_are_small() -> None:
    assert len(FILES) >= 6
    assert sum(path.stat().st_size for path in FILES) <= 25e6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_has_a_card_and_lists_the_images_that_it_saw(path: Path) -> None:
    with safe_open(path, framework="pt") as stream:
        metadata = stream.metadata()
    sample = find_sample("dubai")
    seen = {f.sha256 for f in sample.files_of(sample.train_scenes) if f.name.startswith("images/")}

    assert metadata["rsqa_segmenter"] == path.stem
    assert path.stem in SEGMENTERS
    assert set(json.loads(metadata["trained_on"])) == seen
    assert len(seen) == 27
    card = path.with_suffix(".md").read_text()
    assert f"- architecture: {SEGMENTERS[path.stem].architecture} with " in card
    assert "| tile7 | 0." in card
