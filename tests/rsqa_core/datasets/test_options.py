from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rsqa_core.datasets.options import ImportOptions, parse_class_map, parse_names
from rsqa_core.errors import InvalidInputError


def test_options_that_travelled_as_json_are_the_same() -> None:
    assert ImportOptions(palette="p.json", ignored=["a"], class_map={"b": "c"}) == ImportOptions(  # type: ignore[arg-type]
        palette=Path("p.json"), ignored=("a",), class_map={"b": "c"}
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"tile_px": 3}, "tile size"),
        ({"overlap_px": 300}, "half a tile"),
        ({"scene_pattern": "("}, "no regular expression"),
        ({"scene_pattern": "tile"}, "one group"),
        ({"scene_pattern": "(a)(b)"}, "one group"),
    ],
)
def test_options_without_meaning_are_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        ImportOptions(**values)


def test_names_and_maps_are_read_from_text() -> None:
    assert parse_names(" a, ,b") == ("a", "b")
    assert parse_class_map("") == {}
    assert parse_class_map("a=b,*=c d") == {"a": "b", "*": "c d"}
    for wrong in ("a", "a=", "=b", "a=b,a=c"):
        with pytest.raises(InvalidInputError, match=r"class map|twice"):
            parse_class_map(wrong)
