from __future__ import annotations

from pathlib import Path

import pytest

from rsqa_core.datasets.scene_rule import read_manifest_scenes, scene_of
from rsqa_core.errors import InvalidInputError, UnreadableFileError


@pytest.mark.parametrize(
    ("key", "scene"),
    [
        ("tile6_image_part_001", "tile6"),
        ("Scene-12-b", "Scene-12"),
        ("Tile 3/image_part_001", "Tile 3"),
        ("tiles6_x", "tiles6_x"),
        ("OAM-1238424-1046544-21", "OAM-1238424-1046544-21"),
        ("north/field", "north/field"),
    ],
)
def test_a_prefix_names_the_scene_else_each_file_is_its_own(key: str, scene: str) -> None:
    assert scene_of(key) == scene


def test_the_pattern_comes_first_and_must_match() -> None:
    assert scene_of("tile6_b", pattern="_(b)$", manifest={"tile6_b": "x"}) == "b"
    with pytest.raises(InvalidInputError, match="does not match 'tile6_b'"):
        scene_of("tile6_b", pattern="^(site.)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image,tile\nimages/a.jpg,6\n", {"a": "tile6"}),
        ("file,scene\na.tif,harbour\nb.tif,\n", {"a": "harbour"}),
        ("Name,Split_Group\nx/a.png,west 2\n", {"a": "west 2"}),
        ("image,split\na.png,train\n", {}),
    ],
)
def test_a_manifest_names_the_scenes(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    scenes = read_manifest_scenes(tmp_path / "manifest.csv")
    assert scenes == expected
    for stem, scene in expected.items():
        assert scene_of(f"deep/{stem}", manifest=scenes) == scene


def test_a_manifest_that_is_no_text_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UnreadableFileError, match=r"manifest\.csv"):
        read_manifest_scenes(tmp_path / "manifest.csv")
