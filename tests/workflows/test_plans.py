"""Images without a georeference stand where they were cut, and no two source images overlap."""

from __future__ import annotations

from rsqa_core.records import ImageRecord
from workflows.plans import plan_of


def tile(image_id: int, source: str, size: tuple[int, int], x: int = 0, y: int = 0) -> ImageRecord:
    return ImageRecord(
        name=f"tile {image_id}",
        scene="scene",
        sha256=f"{image_id:064d}",
        source_name=f"{source}.png",
        source_sha256=source,
        source_width_px=size[0],
        source_height_px=size[1],
        x_px=x,
        y_px=y,
        width_px=min(100, size[0] - x),
        height_px=min(100, size[1] - y),
        bands=3,
        dtype="uint8",
        tile_path="tile",
        display_path="display",
        id=image_id,
    )


def box(ring: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return min(xs), min(ys), max(xs), max(ys)


def test_tiles_of_a_source_keep_their_places() -> None:
    plan = plan_of([tile(1, "a", (200, 150)), tile(2, "a", (200, 150), 100, 100)])
    first, second = box(plan[1]), box(plan[2])
    assert (second[0] - first[0], second[3] - first[3]) == (100, -100)
    assert (second[2] - second[0], second[3] - second[1]) == (100, 50)
    assert plan[1][0] == plan[1][-1]


def test_sources_do_not_overlap_and_fill_a_sheet_about_as_wide_as_high() -> None:
    sizes = [(100 + 20 * (n % 3), 80 + 30 * (n % 2)) for n in range(40)]
    images = [tile(n + 1, f"source {n}", size) for n, size in enumerate(sizes)]
    plan = plan_of(images)
    boxes = [
        (
            plan[n + 1][3][0],
            plan[n + 1][3][1] - size[1],
            plan[n + 1][3][0] + size[0],
            plan[n + 1][3][1],
        )
        for n, size in enumerate(sizes)
    ]
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            apart = (
                one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
            )
            assert apart
    width = max(b[2] for b in boxes) - min(b[0] for b in boxes)
    height = max(b[3] for b in boxes) - min(b[1] for b in boxes)
    assert 0.6 < width / height < 1.7


def test_nothing_has_no_plan() -> None:
    assert plan_of([]) == {}
