from __future__ import annotations

import pytest

from rsqa_core.datasets.classes import DEFAULT_CLASSES, build_scheme, default_color
from rsqa_core.datasets.palette import Palette, PaletteEntry
from rsqa_core.errors import ConflictError, InvalidInputError
from rsqa_core.records import VOID, ClassDef

PALETTE = Palette(
    (
        PaletteEntry("Building", 4, (60, 16, 152)),
        PaletteEntry("Low Vegetation", 1, (0, 200, 0)),
        PaletteEntry("Tree", 2, (0, 100, 0)),
        PaletteEntry("Unlabeled", 0, (155, 155, 155)),
    ),
    "the palette",
)


def test_classes_follow_the_palettes_order_without_the_ignored() -> None:
    scheme = build_scheme(PALETTE, ignored=["unlabeled"])
    assert [(c.id, c.name, c.color) for c in scheme.classes] == [
        (0, "Building", (60, 16, 152)),
        (1, "Low Vegetation", (0, 200, 0)),
        (2, "Tree", (0, 100, 0)),
    ]
    assert scheme.targets == (0, 1, 2, VOID)
    assert scheme.ignored == ("unlabeled",)


def test_mapped_classes_merge_and_the_star_takes_the_rest() -> None:
    scheme = build_scheme(
        PALETTE, ignored=["Unlabeled"], class_map={"low vegetation": "Green", "*": "Other"}
    )
    assert [c.name for c in scheme.classes] == ["Other", "Green"]
    assert scheme.targets == (0, 1, 0, VOID)
    assert scheme.class_map == {"low_vegetation": "Green", "*": "Other"}
    assert scheme.classes[1].color == (0, 200, 0)


def test_a_target_with_the_name_of_an_entry_has_its_colour_and_is_that_class() -> None:
    scheme = build_scheme(PALETTE, class_map={"Low Vegetation": "tree"})
    assert [c.name for c in scheme.classes] == ["Building", "tree", "Unlabeled"]
    assert scheme.classes[1].color == (0, 100, 0)
    assert scheme.targets == (0, 1, 1, 2)


def test_classes_without_colours_get_distinct_ones() -> None:
    numbered = Palette(tuple(PaletteEntry(f"c{i}", i) for i in range(40)), "numbers")
    colors = [c.color for c in build_scheme(numbered).classes]
    assert len(set(colors)) == 40
    assert colors[0] == default_color(0)


def test_an_existing_project_gives_its_ids_by_name() -> None:
    existing = [ClassDef(3, "low_vegetation", (1, 1, 1)), ClassDef(7, "BUILDING", (2, 2, 2))]
    scheme = build_scheme(
        PALETTE, ignored=["Unlabeled"], class_map={"Tree": "Low vegetation"}, existing=existing
    )
    assert scheme.targets == (7, 3, 3, VOID)
    assert scheme.classes == tuple(existing)


def test_a_class_that_the_project_lacks_is_a_conflict_that_says_what_to_do() -> None:
    with pytest.raises(ConflictError, match=r"no class 'Tree'.*--map"):
        build_scheme(
            PALETTE,
            ignored=["Unlabeled"],
            existing=[ClassDef(0, "Building", (0, 0, 0)), ClassDef(1, "low vegetation", (1, 1, 1))],
        )


def test_choices_that_contradict_or_leave_nothing_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="both ignored and mapped"):
        build_scheme(PALETTE, ignored=["Tree"], class_map={"tree": "Green"})
    with pytest.raises(InvalidInputError, match="nothing is left"):
        build_scheme(PALETTE, ignored=[e.name for e in PALETTE.entries])


def test_the_default_classes_are_those_of_the_live_segmenters() -> None:
    assert [(c.id, c.name) for c in DEFAULT_CLASSES] == list(
        enumerate(["Building", "Land", "Road", "Vegetation", "Water"])
    )
