"""Pairs from CSV and TSV files, and which rows give none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.raster import encode_mask
from rsqa_core.training.pairs import LeftOut, pick
from rsqa_core.training.pairs.tables import Columns, TablePairs


def write_image(path: Path, colour: tuple[int, int, int] = (200, 100, 50)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), colour).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "images/b.jpg"):
        write_image(tmp_path / name)
    return tmp_path


def test_rows_become_pairs_with_images_of_three_bands(folder: Path) -> None:
    table = folder / "pairs.csv"
    table.write_text('filepath,title,other\na.png,"water, and sand",1\nimages/b.jpg, a street ,2\n')

    source = TablePairs(table, trusted=True)

    assert [entry.caption for entry in source.entries] == ["water, and sand", "a street"]
    assert [entry.key for entry in source.entries] == ["a.png", "images/b.jpg"]
    assert source.left_out == []
    rgb, mask = source.picture(0)
    assert rgb.shape == (3, 4, 6)
    assert rgb[:, 0, 0].tolist() == [200, 100, 50]
    assert mask is None
    assert len(pick([source], trusted=True)) == 2
    assert pick([source], trusted=False) == []


def test_rows_without_use_are_named_with_the_reason(folder: Path) -> None:
    outside = write_image(folder.parent / "outside.png")
    table = folder / "pairs.csv"
    table.write_text(
        f"filepath,title\na.png,\n,text\nmissing.png,text\n../{outside.name},text\n"
        f"{outside},text\na.png,good\n"
    )

    source = TablePairs(table, trusted=False)

    assert [entry.caption for entry in source.entries] == ["good"]
    assert [each.name for each in source.left_out] == [
        "pairs.csv line 2",
        "pairs.csv line 3",
        "pairs.csv line 4, missing.png",
        f"pairs.csv line 5, ../{outside.name}",
        f"pairs.csv line 6, {outside}",
    ]
    assert source.left_out[0] == LeftOut("pairs.csv line 2", "it has no caption or no image path")
    assert "no file missing.png" in source.left_out[2].reason
    assert "leads out of" in source.left_out[3].reason
    assert "leads out of" in source.left_out[4].reason


def test_columns_folder_separator_and_masks_can_be_chosen(folder: Path) -> None:
    lists = folder / "lists"
    lists.mkdir()
    labels = np.arange(24, dtype=np.uint8).reshape(4, 6) % 3
    (folder / "a_mask.png").write_bytes(encode_mask(labels))
    table = lists / "pairs.tsv"
    table.write_text("picture\tsaid\tlabels\na.png\twater, sand\ta_mask.png\nimages/b.jpg\tsea\t\n")

    source = TablePairs(
        table, trusted=True, columns=Columns("picture", "said", "labels"), images=folder
    )

    first, second = source.picture(0)[1], source.picture(1)[1]
    assert source.entries[0].caption == "water, sand"
    assert first is not None
    assert first.tolist() == labels.tolist()
    assert second is None


def test_a_missing_column_names_those_that_are_there(folder: Path) -> None:
    table = folder / "pairs.csv"
    table.write_text("path,title\na.png,text\n")

    with pytest.raises(InvalidInputError, match="no column 'filepath', only path, title"):
        TablePairs(table, trusted=True)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    table.write_bytes(stream.getvalue())

    with pytest.raises(InvalidInputError, match="Cannot read the table"):
        TablePairs(table, trusted=True)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n then nothing"])
def test_an_image_that_is_none_is_told_when_it_is_read(folder: Path, content: bytes) -> None:
    (folder / "a.png").write_bytes(content)
    table = folder / "pairs.csv"
    table.write_text("filepath,title\na.png,text\n")

    with pytest.raises(UnreadableFileError, match=r"a\.png cannot be decoded"):
        TablePairs(table, trusted=True).picture(0)


def test_an_image_that_went_away_is_told_when_it_is_read(folder: Path) -> None:
    table = folder / "pairs.csv"
    table.write_text("filepath,title\na.png,text\n")
    source = TablePairs(table, trusted=True)
    (folder / "a.png").unlink()

    with pytest.raises(UnreadableFileError, match="cannot be read"):
        source.picture(0)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsqa_core.training.pairs.pair.MAX_PIXELS", 20)
    table = folder / "pairs.csv"
    table.write_text("filepath,title\na.png,text\n")

    with pytest.raises(UnreadableFileError, match="6 x 4 px"):
        TablePairs(table, trusted=True).picture(0)
