"""Captions from labelled boxes in their three forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.training.pairs.boxes import BoxPairs

HEADER = "image,class,x_min,y_min,x_max,y_max\n"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("P1.png", "P2.jpg"):
        Image.new("RGB", (8, 8), (9, 9, 9)).save(folder / name)
    return folder


def test_boxes_of_a_table_are_counted_by_class(images: Path, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(
        HEADER
        + "P1.png,ship,0,0,2,2\nP1.png,ship,3,3,5,5\nP1.png,Storage-Tank,1,1,2,2\n"
        + "P2.jpg,plane,0,0,4,4\n"
    )

    source = BoxPairs(table, trusted=True, images=images)

    assert [entry.key for entry in source.entries] == ["P1.png", "P2.jpg"]
    assert "two ships and one storage tank" in source.entries[0].caption
    assert "one plane" in source.entries[1].caption
    assert source.picture(0)[0].shape == (3, 8, 8)
    assert source.picture(0)[1] is None


def test_a_json_list_is_read_and_bad_items_are_named(images: Path, tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(
        json.dumps(
            [
                {"image": "P1.png", "class": "ship", "box": [0, 0, 2, 2]},
                {"image": "P1.png", "class": "ship", "box": [0, 0, 2]},
                {"image": "P1.png", "class": "ship", "box": [4, 0, 2, 2]},
                {"image": "P1.png", "class": " ", "box": [0, 0, 2, 2]},
                {"image": "P1.png", "class": "ship", "box": [-9, -9, -2, -2]},
                {"image": "gone.png", "class": "ship", "box": [0, 0, 2, 2]},
                {"image": "../boxes.json", "class": "ship", "box": [0, 0, 2, 2]},
                "ship",
            ]
        )
    )

    source = BoxPairs(path, trusted=False, images=images)

    assert [entry.caption.count("one ship") for entry in source.entries] == [1]
    assert not source.entries[0].trusted
    reasons = {each.name: each.reason for each in source.left_out}
    assert reasons["boxes.json item 1"] == "it has no box of four numbers"
    assert reasons["boxes.json item 2"] == "its box has no area"
    assert reasons["boxes.json item 3"] == "it has no class"
    assert reasons["boxes.json item 4"] == "its box lies outside of the image"
    assert reasons["boxes.json item 7"] == "it has no box of four numbers"
    assert "no image gone.png" in reasons["gone.png"]
    assert "leads out of" in reasons["../boxes.json"]


def test_a_folder_as_dota_has_it_is_read_past_its_header(images: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labelTxt"
    labels.mkdir()
    (labels / "P1.txt").write_text(
        "imagesource:GoogleEarth\ngsd:0.14\n"
        "0.0 0.0 4.0 0.0 4.0 4.0 0.0 4.0 large-vehicle 0\n"
        "0 0 4 0 4 4 0 4 large-vehicle 1\n"
        "0 0 4 0 4 4 0 4 swimming-pool\n"
        "0 0 4 0 4 4 large-vehicle 0\n"
        "1 1 1 1 1 1 1 1 plane 0\n"
    )

    source = BoxPairs(labels, trusted=True, images=images)

    (entry,) = source.entries
    assert entry.key == "P1"
    assert "two large vehicles and one swimming pool" in entry.caption
    assert {each.name: each.reason for each in source.left_out} == {
        "P1.txt line 6": "it is not eight coordinates, a class and perhaps a difficulty",
        "P1.txt line 7": "its box has no area",
    }


def test_corners_that_are_no_numbers_are_named(images: Path, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(HEADER + "P1.png,ship,0,0,x,2\nP1.png,ship,0,0,nan,2\n")

    source = BoxPairs(table, trusted=True, images=images)

    assert source.entries == ()
    assert [each.name for each in source.left_out] == ["boxes.csv line 2", "boxes.csv line 3"]


@pytest.mark.parametrize("text", ["{broken", '{"image": 1}'])
def test_json_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(text)

    with pytest.raises(InvalidInputError, match="list of objects"):
        BoxPairs(path, trusted=True)


def test_an_image_that_went_away_is_told_when_it_is_read(images: Path, tmp_path: Path) -> None:
    table = images / "boxes.csv"
    table.write_text(HEADER + "P1.png,ship,0,0,2,2\n")
    source = BoxPairs(table, trusted=True)
    (images / "P1.png").unlink()

    with pytest.raises(UnreadableFileError, match="cannot be read"):
        source.picture(0)
