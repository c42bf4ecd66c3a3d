"""Queue: filters and order in the address, pages by key, rows that open."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from db.store import (
    images,
    queue,
    searches,
    slices,
)
from pages.api.queue_input import parse_queue_query
from pages.components import thumbnails
from pages.components.queue_address import queue_parameters
from pages.components.queue_table import PAGE_SIZE, table_of
from pages.components.thumbnails import masked_thumbnail
from rsqa_core.features.keys import semantic_features
from rsqa_core.records import IMAGE_STATUSES, QueueQuery
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_candidates, add_labels, add_project, add_ready_project
from workflows.opening import Installation


@pytest.mark.parametrize(
    "query",
    [
        QueueQuery(),
        QueueQuery(order="random", seed=7),
        QueueQuery(statuses=IMAGE_STATUSES, scene="scene 1", segmenter="unet"),
        QueueQuery(statuses=("flagged", "skipped"), name_contains="a&b=c", score_below=0.35),
        QueueQuery(order="name", score_below=0.0),
        QueueQuery(order="similar", search=3),
        QueueQuery(order="diverse"),
    ],
)
def test_a_query_survives_its_way_through_the_address(query: QueueQuery) -> None:
    assert parse_queue_query(queue_parameters(query)) == query


def test_the_plain_queue_has_a_plain_address() -> None:
    assert queue_parameters(QueueQuery()) == {}


def test_the_table_shows_best_score_and_interval(installation: Installation) -> None:
    project = add_ready_project(installation, image_count=2)
    with installation.database.read() as session:
        ids = [image.id for image in images.all_of(session, project.id)]
        items = queue.items(session, ids)
    table = table_of(items, 0.9)
    best = items[0].candidates[0].score
    assert best is not None
    assert table["Best predicted"][0] == best.score
    assert table["90 % interval"][0] == f"{best.low:.2f}–{best.high:.2f}"
    assert table["Image"][0].startswith("data:image/jpeg;base64,")


def test_the_queue_can_be_looked_at_as_pictures(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation, image_count=8)
    test = open_page("queue", order="name")
    test.radio(key="queue_view").set_value("Pictures").run()
    assert not test.exception
    assert not test.dataframe
    pictures = [found.value for found in test.get("html") if "<img" in found.value]
    assert len(pictures) == 8
    assert all("data:image/jpeg;base64," in picture for picture in pictures)
    assert "tile_000" in pictures[0]
    assert "%" in pictures[0]


def test_a_picture_carries_the_colours_of_its_mask(installation: Installation) -> None:
    project = add_ready_project(installation, image_count=1)
    with installation.database.read() as session:
        (image,) = images.all_of(session, project.id)
        (item,) = queue.items(session, [image.id])
    mask = item.candidates[0].candidate.mask_path
    colours = tuple(entry.color for entry in project.classes)
    bare, covered, other = (
        masked_thumbnail(image.display_path, path, palette, 96)
        for path, palette in (
            (None, colours),
            (mask, colours),
            (mask, tuple((255, 0, 255) for _ in colours)),
        )
    )
    assert len({bare, covered, other}) == 3
    assert masked_thumbnail("ab/gone.jpg", None, colours, 96) is None


def test_previews_are_made_ahead_once_and_a_lost_file_hurts_nobody(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = add_ready_project(installation, image_count=2)
    with installation.database.read() as session:
        paths = [image.display_path for image in images.all_of(session, project.id)]
    waiting: list[Callable[[], None]] = []

    class Timer:
        def __init__(self, after_s: float, call: Callable[[], None]) -> None:
            waiting.append(call)

        def start(self) -> None: ...

    monkeypatch.setattr(threading, "Timer", Timer)

    def fails() -> list[tuple[str, str | None]]:
        raise OSError("gone")

    thumbnails.make_ahead(lambda: [(path, None) for path in ("ab/gone.jpg", *paths)], None)
    thumbnails.make_ahead(fails, None)  # left out: the first call is still at it
    assert len(waiting) == 1
    waiting.pop()()
    before = thumbnails._thumbnail.cache_info()
    assert all(thumbnails.thumbnail(path) for path in paths)
    after = thumbnails._thumbnail.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 2)

    thumbnails.make_ahead(fails, None)
    waiting.pop()()
    thumbnails.make_ahead(fails, None)  # a failure does not end looking ahead
    assert len(waiting) == 1
    waiting.pop()()


def test_a_new_segmenter_is_offered_at_once_though_the_choices_are_kept(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_project(installation, image_count=2)
    test = open_page("queue")
    assert test.selectbox(key="queue_segmenter").options == []
    add_candidates(installation, project)
    test.run()
    assert len(test.selectbox(key="queue_segmenter").options) > 0


def test_images_without_scores_are_listed_too(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_project(installation, image_count=2)
    add_candidates(installation, project)
    test = open_page("queue")
    assert not test.exception
    table = test.dataframe[0].value
    assert len(table) == 2
    assert table["Best predicted"].isna().all()


def test_the_filters_show_what_the_address_says(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)
    test = open_page("queue", order="worst", scene="scene 2", status="all", below="0.9", name="00")
    assert test.selectbox(key="queue_order").value == "worst"
    assert test.selectbox(key="queue_scene").value == "scene 2"
    assert test.multiselect(key="queue_statuses").value == []
    assert test.number_input(key="queue_score_below").value == 0.9
    assert test.text_input(key="queue_name_contains").value == "00"
    assert set(test.dataframe[0].value["Scene"]) == {"scene 2"}


def test_the_queue_begins_with_the_most_informative_images_and_says_what_that_is(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    with installation.database.begin() as session:
        last = images.all_of(session, project.id)[-1]
        images.set_informative(session, {last.id: 0.5})
    test = open_page("queue")
    assert test.selectbox(key="queue_order").value == "informative"
    assert test.dataframe[0].value["Name"][0] == last.name
    (sentence,) = (found.value for found in test.caption if "Most informative" in found.value)
    assert "would gain most" in sentence
    test.selectbox(key="queue_order").set_value("uncertain").run()
    assert test.query_params["order"] == "uncertain"
    assert all("Most informative" not in found.value for found in test.caption)


def test_the_diverse_order_says_what_it_is_and_similarity_waits_for_a_search(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    with installation.database.begin() as session:
        tiles = images.all_of(session, project.id)
        images.set_diverse(session, project.id, {tiles[4].id: 1.0, tiles[2].id: 0.5})
    test = open_page("queue", order="diverse")
    assert list(test.dataframe[0].value["Name"][:3]) == ["tile_004", "tile_002", "tile_000"]
    assert any("least like those before it" in found.value for found in test.caption)
    assert "Most alike" not in test.selectbox(key="queue_order").options
    refused = open_page("queue", order="similar")
    assert any("Find images first" in found.value for found in refused.error)


def test_a_changed_filter_goes_into_the_address_and_leaves_the_page_behind(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)
    test = open_page("queue", order="name")
    test.selectbox(key="queue_scene").set_value("scene 1").run()
    assert test.query_params == {"project": "harbour", "order": "name", "scene": "scene 1"}
    assert set(test.dataframe[0].value["Scene"]) == {"scene 1"}


def test_decided_images_leave_the_queue_and_are_counted(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation, image_count=4)
    add_labels(installation, project, 3)  # the three candidates of one image
    test = open_page("queue")
    assert len(test.dataframe[0].value) == 3
    assert any("**3** to review, **1** decided" in found.value for found in test.markdown)


def test_a_queue_without_images_says_how_to_go_on(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)
    test = open_page("queue", name="nothing like this")
    assert "No image matches" in test.info[0].value
    assert not test.dataframe
    button = next(found for found in test.button if found.label == "Clear filters")
    button.click().run()
    assert len(test.dataframe[0].value) == 6


def test_a_long_queue_comes_in_pages(installation: Installation, open_page: OpenPage) -> None:
    add_project(installation, image_count=PAGE_SIZE + 3)
    test = open_page("queue", order="name")
    assert len(test.dataframe[0].value) == PAGE_SIZE

    def click(label: str) -> None:
        next(found for found in test.button if found.label == label).click().run()

    click("Next page")
    assert list(test.dataframe[0].value["Name"]) == ["tile_050", "tile_051", "tile_052"]
    assert "cursor" in test.query_params
    click("Previous page")
    assert test.dataframe[0].value["Name"][0] == "tile_000"
    assert "cursor" not in test.query_params


@pytest.mark.parametrize(
    ("name", "value"), [("order", "wrst"), ("status", "opn"), ("below", "2"), ("cursor", "%%")]
)
def test_an_address_with_a_fault_is_explained(
    installation: Installation, open_page: OpenPage, name: str, value: str
) -> None:
    add_ready_project(installation)
    test = open_page("queue", **{name: value})
    assert len(test.error) == 1
    assert not test.exception
    assert not test.dataframe


def test_a_random_slice_is_drawn_reviewed_and_summed_up(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    test = open_page("queue", project="harbour")

    test.number_input(key="slicing_size").set_value(4)
    next(found for found in test.button if found.label == "Draw").click().run()

    assert not test.exception
    assert "4 of 6 images were drawn." in test.success[0].value
    assert test.query_params["slice"] == "Slice 1"
    assert any("4 in all" in found.value for found in test.markdown)
    assert test.selectbox(key="queue_slice").value == "Slice 1"
    with installation.database.read() as session:
        (drawn,) = slices.all_of(session, project.id)
    assert (drawn.size, drawn.drawn_by) == (4, "Reviewer")

    progress = open_page("progress", project="harbour")
    (table, *_) = progress.dataframe
    assert table.value["Slice"].tolist() == ["Slice 1"]
    assert table.value["Decided"].tolist() == ["0"]
    assert table.value["Acceptable"].tolist() == ["–"]
    assert any(found.label == "Review what is left of Slice 1" for found in progress.button)


def test_a_slice_that_is_gone_explains_the_empty_queue(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)

    test = open_page("queue", project="harbour", slice="Gone")

    assert "No image matches" in test.info[0].value
    assert test.selectbox(key="queue_slice").value == "Gone"


def test_filters_are_saved_chosen_and_removed(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)
    test = open_page("queue", project="harbour", order="worst", below="0.9")

    test.text_input(key="saved_name").set_value("Doubtful")
    next(found for found in test.button if found.label == "Save these filters").click().run()
    assert not test.exception
    assert test.selectbox(key="saved_chosen").value == "Doubtful"

    again = open_page("queue", project="harbour")
    assert again.selectbox(key="saved_chosen").value is None
    again.selectbox(key="saved_chosen").set_value("Doubtful").run()
    assert again.selectbox(key="queue_order").value == "worst"
    assert again.query_params["below"] == "0.9"

    next(found for found in again.button if found.label == "Remove Doubtful").click().run()
    assert not again.exception
    assert "was removed" in again.success[0].value
    assert again.selectbox(key="queue_order").value == "worst"


def test_a_plain_queue_offers_nothing_to_save(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)

    test = open_page("queue", project="harbour")

    assert not [found for found in test.button if found.label == "Save these filters"]


def test_words_are_asked_of_the_models_and_what_they_find_is_the_queue(
    installation: Installation, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = add_ready_project(installation)
    with installation.database.read() as session:
        every = images.all_of(session, project.id)
    asked: list[tuple[str, dict[str, object]]] = []

    class Models:
        def ask(self, op: str, **args: object) -> list[float]:
            asked.append((op, args))
            return [0.0, 1.0]

    store = semantic_features(installation.settings.features_dir, "f" * 16)
    store.append(
        {
            image.sha256: np.array([1.0, place / 10], np.float32)
            for place, image in enumerate(every[:3])
        }
    )
    monkeypatch.setattr("pages.components.searching.model_process", lambda settings: Models())
    test = open_page("queue", project="harbour")

    test.text_input(key="searching_words").set_value(" water ")
    next(found for found in test.button if found.label == "Find").click().run()

    assert not test.exception
    assert asked == [("text_vector", {"project_id": project.id, "words": "water"})]
    assert any("3 images most like “water”" in found.value for found in test.caption)
    assert any("3 in all" in found.value for found in test.markdown)
    with installation.database.read() as session:
        alike = searches.similarities(session, int(test.query_params["search"]))
    assert list(alike) == [image.id for image in reversed(every[:3])]
    assert test.query_params["order"] == "similar"
    assert test.selectbox(key="queue_order").value == "similar"
    assert list(test.dataframe[0].value["Name"]) == [image.name for image in reversed(every[:3])]

    test.radio(key="queue_view").set_value("Pictures").run()
    test.button(key=f"like-{every[1].id}").click().run()
    assert not test.exception
    assert any(f"most like {every[1].name}" in c.value.replace("\\", "") for c in test.caption)


def test_a_search_that_fails_says_why_and_leaves_the_queue(
    installation: Installation, open_page: OpenPage
) -> None:
    add_ready_project(installation)
    test = open_page("queue", project="harbour")

    next(found for found in test.button if found.label == "Find").click().run()

    assert "characters to search for" in test.error[0].value
    assert test.dataframe
    forgotten = open_page("queue", project="harbour", search="99")
    assert any("was forgotten" in found.value for found in forgotten.caption)
