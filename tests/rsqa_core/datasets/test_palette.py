from __future__ import annotations

from pathlib import Path

import pytest

from rsqa_core.datasets.palette import Palette, PaletteEntry, palette_of_classes, read_palette
from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.records import ClassDef


def written(folder: Path, text: str, name: str = "palette.json") -> Path:
    (folder / name).write_text(text)
    return folder / name


def entries(path: Path) -> list[tuple[str, int | None, tuple[int, int, int] | None]]:
    return [(e.name, e.id, e.color) for e in read_palette(path).entries]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2, 3], "b": [4, 5, 6]}', [("a", None, (1, 2, 3)), ("b", None, (4, 5, 6))]),
        ('{"a": 0, "b": 7}', [("a", 0, None), ("b", 7, None)]),
        ('{"a": {"index": 1, "rgb": [0, 0, 255]}}', [("a", 1, (0, 0, 255))]),
        ('{"a": {"id": 1}, "b": {"color": [9, 9, 9]}}', [("a", 1, None), ("b", None, (9, 9, 9))]),
    ],
)
def test_the_json_forms_are_read(tmp_path: Path, text: str, expected: object) -> None:
    assert entries(written(tmp_path, text)) == expected


def test_csv_is_read_with_ids_colours_or_both(tmp_path: Path) -> None:
    both = "name,id,r,g,b\nWater,1,0,0,255\nTree,2,,,\n"
    assert entries(written(tmp_path, both, "p.csv")) == [
        ("Water", 1, (0, 0, 255)),
        ("Tree", 2, None),
    ]
    assert entries(written(tmp_path, "Name, ID\nWater, 3\n", "q.csv")) == [("Water", 3, None)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "Expected the palette"),
        ("{}", "has none"),
        ('{"a": "red"}', "'red'"),
        ('{"a": true}', "True"),
        ('{"a": [1, 2]}', "three whole numbers"),
        ('{"a": [1, 2, 256]}', "three whole numbers"),
        ('{"a": -1}', "0..65535"),
        ('{"a": 1, "b": 1}', "id once"),
        ('{"a": [1, 1, 1], "b": [1, 1, 1]}', "colour once"),
        ('{"a": 1, "a": 2}', "name once"),
        ('{"Low Veg": 1, "low_veg": 2}', "name once"),
        ('{"水": 1}', "letter"),
    ],
)
def test_what_has_no_meaning_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        read_palette(written(tmp_path, text))


def test_a_table_without_its_columns_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="columns name"):
        read_palette(written(tmp_path, "class,id\nx,1\n", "p.csv"))
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableFileError, match=r"b\.json"):
        read_palette(tmp_path / "b.json")


def test_colours_alone_number_the_classes_by_their_order() -> None:
    palette = Palette((PaletteEntry("a", None, (9, 9, 9)), PaletteEntry("b", None, (8, 8, 8))), "t")
    assert palette.by_id() == {0: 0, 1: 1}
    assert palette.by_color() == {0x090909: 0, 0x080808: 1}


def test_a_project_whose_classes_share_a_colour_is_read_by_number_only() -> None:
    classes = [ClassDef(0, "a", (1, 1, 1)), ClassDef(1, "b", (1, 1, 1))]
    assert palette_of_classes(classes, "t").by_color() == {}
