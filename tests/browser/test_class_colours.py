"""Server and canvas give classes the same colours."""

from __future__ import annotations

from dataclasses import asdict

from pages.api import API_ROOT
from pages.components.canvas.assets_route import assets_key
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.records import ClassDef
from tests.browser.conftest import Review

NAMES = (
    ("Building", "Land", "Road", "Vegetation", "Water"),
    ("Lake", "River", "Roof", "Barn"),
    ("one", "two", "three"),
    ("Urban", "Forest", "Grass", "Farm land", "Bare soil", "Sea", "Cloud", "Shrub"),
    tuple(f"class {number}" for number in range(9)),
)


def test_both_follow_one_rule(review: Review) -> None:
    module = f"{API_ROOT}/canvas/{assets_key()}/palette.js"
    for names in NAMES:
        classes = [
            ClassDef(k, name, ((37 * k + 60) % 256, (91 * k) % 256, (200 - 23 * k) % 256))
            for k, name in enumerate(names)
        ]
        theirs = review.page.evaluate(
            """async ([module, classes]) =>
                 [...(await import(module)).classColours(classes, 'safe')]""",
            [module, [asdict(entry) for entry in classes]],
        )
        assert {k: tuple(colour) for k, colour in theirs} == dict(enumerate(safe_colours(classes)))
