"""Random slices: drawn with a known probability, kept, and reviewed as a queue."""

from __future__ import annotations

from collections import Counter

import pytest

from db.store import queue, slices
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.records import IMAGE_STATUSES, QueueQuery
from rsqa_core.slices import Slice, SliceDesign
from tests.db.filled import Filled, fill


def draw(
    filled: Filled,
    name: str = "audit",
    size: int = 5,
    design: SliceDesign = "simple",
    seed: int = 0,
) -> Slice:
    with filled.database.begin() as session:
        return slices.draw(
            session,
            filled.project.id,
            name=name,
            size=size,
            design=design,
            seed=seed,
            drawn_by="ada",
        )


def members(filled: Filled, drawn: Slice) -> list[int]:
    with filled.database.read() as session:
        return [one.image_id for one in slices.images_of(session, drawn.id)]


def test_a_slice_keeps_what_was_drawn_and_how(filled: Filled) -> None:
    fill(filled.database, slug="village")

    drawn = draw(filled)

    assert (drawn.size, drawn.population, drawn.design) == (5, len(filled.images), "simple")
    with filled.database.read() as session:
        assert slices.all_of(session, filled.project.id) == [drawn]
        found = slices.images_of(session, drawn.id)
    assert len({one.image_id for one in found}) == 5
    assert {one.image_id for one in found} <= {image.id for image in filled.images}
    assert {(one.stratum, one.stratum_size) for one in found} == {("", len(filled.images))}
    assert {one.probability for one in found} == {5 / len(filled.images)}


def test_the_same_seed_draws_the_same_and_another_others(filled: Filled) -> None:
    first, again, other = (
        members(filled, draw(filled, name, seed=seed))
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )

    assert first == again
    assert first != other


def test_every_image_has_the_same_chance(filled: Filled) -> None:
    counts: Counter[int] = Counter()
    for seed in range(300):
        counts.update(members(filled, draw(filled, f"slice {seed}", 3, seed=seed)))

    expected = 300 * 3 / len(filled.images)
    assert len(counts) == len(filled.images)
    assert all(0.6 * expected < count < 1.4 * expected for count in counts.values())


def test_by_scene_every_scene_gives_its_share(filled: Filled) -> None:
    scenes = Counter(image.scene for image in filled.images)

    drawn = draw(filled, size=6, design="by_scene")
    few = draw(filled, "few", size=1, design="by_scene")

    with filled.database.read() as session:
        found = slices.images_of(session, drawn.id)
    assert Counter(one.stratum for one in found) == {name: n // 2 for name, n in scenes.items()}
    for one in found:
        assert one.stratum_size == scenes[one.stratum]
        assert one.probability == pytest.approx(0.5)
    assert few.size == len(scenes)  # one of each at least


def test_a_slice_is_a_queue(filled: Filled) -> None:
    drawn = draw(filled)
    filled.say(
        "skip", next(i for i, im in enumerate(filled.images) if im.id in members(filled, drawn))
    )

    with filled.database.read() as session:
        page = queue.page(
            session,
            filled.project.id,
            QueueQuery(order="random", statuses=IMAGE_STATUSES, slice="audit"),
        )
        nothing = queue.page(session, filled.project.id, QueueQuery(slice="nowhere"))

    assert sorted(page.image_ids) == members(filled, drawn)
    assert (page.total, page.done, nothing.total) == (5, 1, 0)


def test_what_cannot_be_drawn_is_refused(filled: Filled) -> None:
    draw(filled)

    with pytest.raises(ConflictError, match="'audit' already"):
        draw(filled)
    for size in (0, len(filled.images) + 1):
        with pytest.raises(InvalidInputError, match=f"but got {size}"):
            draw(filled, "other", size)
    for name in ("", "x" * 61, "a\nb"):
        with pytest.raises(InvalidInputError, match="printable"):
            draw(filled, name)
    with pytest.raises(InvalidInputError, match="simple, by_scene"):
        draw(filled, "other", design="by_magic")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError), filled.database.begin() as session:
        slices.draw(session, 99, name="x", size=1, drawn_by="ada")


def test_a_slice_that_is_forgotten_leaves_its_images(filled: Filled) -> None:
    drawn = draw(filled)
    with filled.database.begin() as session:
        slices.remove(session, filled.project.id, "audit")
        assert slices.all_of(session, filled.project.id) == []
        assert slices.images_of(session, drawn.id) == []
        with pytest.raises(NotFoundError, match="audit"):
            slices.remove(session, filled.project.id, "audit")
        assert queue.page(session, filled.project.id, QueueQuery()).total == len(filled.images)
