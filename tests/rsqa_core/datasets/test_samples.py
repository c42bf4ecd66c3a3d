from __future__ import annotations

import re
from pathlib import Path

import pytest

from rsqa_core.datasets.classes import DEFAULT_CLASSES, build_scheme
from rsqa_core.datasets.palette import Palette, PaletteEntry
from rsqa_core.datasets.samples import find_sample, read_samples
from rsqa_core.downloading import is_verified
from rsqa_core.errors import NotFoundError


def test_every_entry_of_the_catalogue_is_complete() -> None:
    samples = read_samples()
    assert "dubai" in samples
    for name, sample in samples.items():
        assert sample.name == name
        assert sample.licence
        assert sample.licence_source
        assert re.fullmatch(r"[0-9a-f]{40}", sample.commit)
        assert set(sample.train_scenes) | set(sample.candidate_scenes) <= set(sample.scenes)
        assert not set(sample.train_scenes) & set(sample.candidate_scenes)
        for file in sample.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert file.size > 0
            assert file.url.startswith("https://")
            assert sample.commit in file.url
            assert not Path(file.name).is_absolute()
            assert ".." not in Path(file.name).parts


def test_dubai_has_nine_images_and_masks_in_each_of_six_scenes() -> None:
    sample = find_sample("dubai")
    assert sample.scenes == ("tile1", "tile2", "tile3", "tile5", "tile6", "tile7")
    for scene in sample.scenes:
        names = [f.name for f in sample.files_of([scene])]
        for kind, suffix in (("images", "jpg"), ("masks", "png")):
            assert [n for n in names if n.startswith(kind)] == [
                f"{kind}/{scene}_image_part_{i:03}.{suffix}" for i in range(1, 10)
            ]
    assert sample.candidate_scenes == ("tile2", "tile6", "tile7")


def test_dubais_palette_gives_the_default_classes() -> None:
    sample = find_sample("dubai")
    palette = Palette(
        tuple(PaletteEntry(name, None, color) for name, color in sample.palette.items()), "dubai"
    )
    assert build_scheme(palette, ignored=sample.ignored).classes == DEFAULT_CLASSES


def test_unknown_names_are_answered_with_known_ones() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'dubai'"):
        find_sample("duabi")
    with pytest.raises(NotFoundError, match="tile6"):
        find_sample("dubai").files_of(["tile9"])


def test_the_mirror_holds_what_the_catalogue_promises(sample_mirror: Path) -> None:
    sample = find_sample("dubai")
    for file in sample.files:
        assert is_verified(sample_mirror / sample.mirror_folder / file.name, file), file.name
