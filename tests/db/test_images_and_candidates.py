from __future__ import annotations

from dataclasses import replace

import pytest

from db import Database
from db.store import candidates, images, projects, scores
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import Score
from tests.db.filled import CLASSES, Filled, fill, new_candidate, new_image


def test_adding_tiles_again_returns_those_recorded_unchanged(filled: Filled) -> None:
    new = [new_image(1, name="renamed"), new_image(50), new_image(50), new_image(0)]
    with filled.database.begin() as session:
        found = images.add(session, filled.project.id, new)
        every = images.all_of(session, filled.project.id)
    assert found[0] == filled.images[1]
    assert found[1] == found[2]
    assert found[3] == filled.images[0]
    assert [i.id for i in every] == [*(i.id for i in filled.images), found[1].id]


def test_windows_of_one_source_are_images_of_their_own(filled: Filled) -> None:
    windows = [new_image(70, x_px=x, y_px=y) for x in (0, 64) for y in (0, 64)]
    with filled.database.begin() as session:
        found = images.add(session, filled.project.id, windows)
        again = images.add(session, filled.project.id, windows[::-1])
    assert len({image.id for image in found}) == 4
    assert again == found[::-1]


def test_the_same_tile_in_another_project_is_another_image(filled: Filled) -> None:
    other = fill(filled.database, slug="village")
    assert {i.id for i in filled.images}.isdisjoint(i.id for i in other.images)


def test_every_field_of_an_image_comes_back(filled: Filled) -> None:
    new = new_image(
        80,
        stretch=((0.0, 4000.5), (1.0, 2.0)),
        crs="EPSG:32640",
        transform=(0.5, 0.0, 3e5, 0.0, -0.5, 2.8e6),
        reference_mask_path="cc/80.png",
        generated=True,
    )
    with filled.database.begin() as session:
        (stored,) = images.add(session, filled.project.id, [new])
    for name in new.__dataclass_fields__:
        assert getattr(stored, name) == getattr(new, name)
    assert (stored.status, stored.best_score, stored.version) == ("open", None, 1)


def test_ids_of_deleted_images_are_not_given_out_again(filled: Filled) -> None:
    with filled.database.begin() as session:
        projects.delete(session, "town")
    again = fill(filled.database)
    assert min(i.id for i in again.images) > max(i.id for i in filled.images)
    assert min(c.id for c in again.candidates) > max(c.id for c in filled.candidates)


def test_scenes_and_sources_are_listed_once(filled: Filled) -> None:
    with filled.database.read() as session:
        assert images.scenes(session, filled.project.id) == ["scene-0", "scene-1", "scene-2"]
        assert images.source_sha256s(session, filled.project.id) == {
            image.source_sha256 for image in filled.images
        }


def test_disagreement_is_a_share_of_images_that_exist(filled: Filled) -> None:
    with filled.database.begin() as session:
        images.set_disagreement(session, {filled.images[0].id: 0.25})
        assert images.get(session, filled.images[0].id).disagreement == 0.25
        for bad in (float("nan"), 1.5):
            with pytest.raises(InvalidInputError):
                images.set_disagreement(session, {filled.images[0].id: bad})
        with pytest.raises(NotFoundError):
            images.set_disagreement(session, {999: 0.5})


def test_informative_is_a_share_of_images_and_heads_that_exist(filled: Filled) -> None:
    image = filled.images[0]
    with filled.database.begin() as session:
        images.set_informative(session, {image.id: 0.25})
        for bad in (float("nan"), 1.5):
            with pytest.raises(InvalidInputError):
                images.set_informative(session, {image.id: bad})
        with pytest.raises(NotFoundError):
            images.set_informative(session, {image.id: 0.5, 999: 0.5})
        with pytest.raises(NotFoundError):
            images.set_informative(session, {image.id: 0.5}, head_id="unheard")
        assert images.get(session, image.id).informative == 0.25


def test_informative_needs_a_head(database: Database) -> None:
    with database.begin() as session:
        project = projects.create(
            session, slug="bare", name="Bare", classes=CLASSES, origin="generated"
        )
        (image,) = images.add(session, project.id, [new_image(1)])
        with pytest.raises(InvalidInputError, match="no current head"):
            images.set_informative(session, {image.id: 0.5})


def test_what_does_not_exist_is_named(filled: Filled) -> None:
    with filled.database.begin() as session:
        for ask in (
            lambda: images.get(session, 999),
            lambda: images.add(session, 999, [new_image(1)]),
            lambda: candidates.get(session, 999),
            lambda: candidates.put(session, [new_candidate(999, "alpha")]),
            lambda: candidates.set_overall_accuracy(session, 999, 0.5, 10),
        ):
            with pytest.raises(NotFoundError, match="999"):
                ask()


def test_candidates_come_back_whole_and_by_image(filled: Filled) -> None:
    first, second = filled.images[:2]
    new = new_candidate(
        first.id,
        "gamma",
        segmenter_fingerprint="f",
        probs_path="dd/1.npz",
        overall_accuracy=0.75,
        valid_px=4096,
    )
    with filled.database.begin() as session:
        (stored,) = candidates.put(session, [new])
        by_image = candidates.of_images(session, [second.id, first.id, 999])
        names = candidates.segmenters(session, filled.project.id)
        every = candidates.all_of(session, filled.project.id)
    for name in new.__dataclass_fields__:
        assert getattr(stored, name) == getattr(new, name)
    assert list(by_image) == [second.id, first.id, 999]
    assert by_image[first.id] == [filled.of(0, 0), filled.of(0, 1), stored]
    assert by_image[999] == []
    assert names == ["alpha", "beta", "gamma"]
    assert [(c.image_id, c.id) for c in every] == sorted((c.image_id, c.id) for c in every)


def test_a_measured_accuracy_outlives_the_same_mask_but_not_another(filled: Filled) -> None:
    candidate = filled.of(0)
    same = new_candidate(candidate.image_id, "alpha")
    with filled.database.begin() as session:
        candidates.set_overall_accuracy(session, candidate.id, 0.5, 100)
        (kept,) = candidates.put(session, [same])
        (changed,) = candidates.put(session, [replace(same, mask_sha256="new")])
    assert (kept.overall_accuracy, kept.valid_px, kept.version) == (0.5, 100, 1)
    assert (changed.overall_accuracy, changed.valid_px, changed.version) == (None, None, 2)


def test_candidates_without_sense_are_refused(filled: Filled) -> None:
    image_id = filled.images[0].id
    with filled.database.begin() as session:
        for bad in (
            new_candidate(image_id, " "),
            new_candidate(image_id, "x", overall_accuracy=float("nan")),
            new_candidate(image_id, "x", area_shares=(1.5,)),
        ):
            with pytest.raises(InvalidInputError):
                candidates.put(session, [bad])
        with pytest.raises(InvalidInputError):
            candidates.set_overall_accuracy(session, filled.of(0).id, 2.0, 10)


def test_removing_candidates_takes_their_scores_and_spares_what_verdicts_name(
    filled: Filled,
) -> None:
    filled.say("confirm", 0)
    with filled.database.begin() as session:
        asked = [filled.of(0).id, filled.of(0, 1).id, filled.of(1).id, 10**6]
        assert candidates.remove(session, asked) == 2
    with filled.database.read() as session:
        left = {c.id for c in candidates.all_of(session, filled.project.id)}
        by_candidate = scores.of_head(session, filled.project.id, "base")
        image = images.get(session, filled.images[1].id)
    assert left == {c.id for c in filled.candidates} - {filled.of(0, 1).id, filled.of(1).id}
    assert by_candidate.keys() == left
    assert image.best_score == by_candidate[filled.of(1, 1).id].score


def test_images_are_counted_by_status_and_named_by_id(filled: Filled) -> None:
    filled.say("confirm", 0)
    filled.say("skip", 1)
    fill(filled.database, slug="village")

    with filled.database.read() as session:
        counts = images.count_by_status(session, filled.project.id)
        names = images.names(session, {filled.images[2].id, filled.images[5].id, 10**6})
        segmenters = candidates.segmenters_of(session, {filled.of(0, 1).id, 10**6})

    assert counts == {"open": len(filled.images) - 2, "reviewed": 1, "skipped": 1}
    assert names == {image.id: image.name for image in (filled.images[2], filled.images[5])}
    assert segmenters == {filled.of(0, 1).id: filled.of(0, 1).segmenter}


def test_the_state_of_images_grows_with_scores_and_decisions(filled: Filled) -> None:
    fill(filled.database, slug="village")

    def state() -> tuple[int, int]:
        with filled.database.read() as session:
            return images.state_of(session, filled.project.id)

    first = state()
    filled.say("skip", 0)
    decided = state()
    with filled.database.begin() as session:
        one = Score(filled.of(2).id, "base", 0.9, 0.8, 1.0)
        scores.publish(session, filled.project.id, "base", [one])
        assert images.state_of(session, 10**6) == (0, 0)
    scored = state()

    assert first[0] == decided[0] == scored[0] == len(filled.images)
    assert first[1] < decided[1] < scored[1]


def test_some_images_and_the_images_of_some_candidates_are_found_by_id(filled: Filled) -> None:
    chosen = [filled.images[2], filled.images[0]]
    one, *_, last = filled.candidates
    with filled.database.read() as session:
        found = images.some(session, [*(image.id for image in chosen), 10**9])
        of_candidates = candidates.images_of(session, [last.id, one.id, 10**9])
    assert {image.id for image in found} == {image.id for image in chosen}
    assert of_candidates == {one.id: one.image_id, last.id: last.image_id}
