"""Looking costs no request and changes no data; what is set for viewing stays."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from rasterio.warp import transform

from tests.browser.conftest import Review
from tests.browser.seeding import Seeded


def pixel(review: Review, u: float = 0.5, v: float = 0.5) -> list[int]:
    """RGBA at a place of the large canvas, both in 0..1."""
    canvas = review.page.locator("canvas.canvas")
    values = canvas.evaluate(
        """(canvas, [u, v]) => [...canvas.getContext('2d').getImageData(
             Math.floor(u * canvas.width), Math.floor(v * canvas.height), 1, 1).data]""",
        [u, v],
    )
    assert isinstance(values, list)
    return values


def test_opacity_modes_and_classes_make_no_request(review: Review) -> None:
    review.wait_ready(12)
    time.sleep(0.5)
    requests: list[str] = []
    review.page.on("request", lambda request: requests.append(request.url))
    before = pixel(review)
    review.press("]", "]", "m", "m", "b", "b")
    review.page.locator(".class-row").first.click()
    review.page.get_by_role("button", name="Project colours").click()
    review.press("m", "m", "[")
    time.sleep(0.3)
    assert pixel(review) != before
    assert requests == []
    assert review.rows() == []


def test_space_hides_the_mask_only_while_it_is_held(review: Review) -> None:
    shown = pixel(review)
    review.page.keyboard.down(" ")
    hidden = pixel(review)
    review.page.keyboard.up(" ")
    assert hidden != shown
    assert pixel(review) == shown
    assert review.rows() == []


def test_every_class_id_is_drawn_in_its_own_colour(review: Review) -> None:
    """The mask on screen is the mask in the file, whatever decoding does to colours."""
    image = review.seeded.images[0]
    best = review.seeded.candidates[image.id][0]
    with Image.open(review.installation.files.path(best.mask_path)) as stored:
        ids = np.asarray(stored)
    review.page.get_by_role("button", name="Project colours").click()
    review.page.get_by_role("button", name="Mask", exact=True).click()
    box = review.page.locator("canvas.canvas").bounding_box()
    assert box is not None
    side = min(box["width"], box["height"])  # the tile is square and fitted to the stage
    colours = {entry.id: list(entry.color) for entry in review.seeded.project.classes}
    for row in range(4, 64, 8):
        for column in range(4, 64, 8):
            x = (box["width"] - side) / 2 + (column + 0.5) / 64 * side
            y = (box["height"] - side) / 2 + (row + 0.5) / 64 * side
            drawn = pixel(review, x / box["width"], y / box["height"])
            assert drawn[:3] == colours[int(ids[row, column])]


def test_a_hidden_class_is_not_drawn_and_stays_hidden_on_the_next_image(review: Review) -> None:
    review.page.get_by_role("button", name="Mask", exact=True).click()
    for row in review.page.locator(".class-row").all():
        row.click()
    assert pixel(review)[3] == 0
    review.press("j")
    review.wait_painted(review.seeded.images[1].id)
    assert pixel(review)[3] == 0
    review.page.get_by_role("button", name="Show all").click()
    assert pixel(review)[3] == 255


def test_zoom_stays_over_items_and_reloads_until_it_is_fitted(review: Review) -> None:
    fitted = review.read("zoom")
    review.page.mouse.move(600, 400)
    for _ in range(3):
        review.page.mouse.wheel(0, -240)
    review.page.mouse.down()
    review.page.mouse.move(560, 380)
    review.page.mouse.up()
    review.page.wait_for_function("s => __rsqa.zoom.scale > s * 2", arg=fitted["scale"])  # type: ignore[index]
    zoomed = review.read("zoom")
    review.press("Enter")
    review.wait_painted(review.seeded.images[1].id)
    assert review.read("zoom") == zoomed
    review.wait_saved()
    time.sleep(0.3)
    review.page.reload()
    review.wait_painted(review.seeded.images[1].id)
    assert review.read("zoom") == zoomed
    review.press("z")
    assert review.read("zoom") == pytest.approx(fitted)


def test_the_help_names_the_keys_and_takes_them_while_it_is_open(review: Review) -> None:
    review.press("?")
    dialog = review.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("No candidate is acceptable")
    review.press("s", "f", "7")
    review.press("Escape")
    expect(dialog).to_be_hidden()
    assert review.rows() == []
    review.press("s")  # the canvas has the keys again
    review.wait_saved()
    assert [row.kind for row in review.rows()] == ["skip"]


def test_moving_without_deciding_writes_nothing(review: Review) -> None:
    review.press("j", "PageDown", "k")
    review.wait_painted(review.seeded.images[1].id)
    assert review.rows() == []
    review.press("Enter")
    review.wait_saved()
    assert [row.image_id for row in review.rows()] == [review.seeded.images[1].id]
    assert review.image_id == review.seeded.images[2].id


def test_nothing_moves_when_the_image_changes(review: Review) -> None:
    places = """() => {
      const root = document.querySelector('.rsqa') ?? [...document.querySelectorAll('*')]
        .map((n) => n.shadowRoot?.querySelector('.rsqa')).find(Boolean);
      return [...root.querySelectorAll('.topbar, .stage, .strip .button, .legend, .film.now')]
        .map((n) => { const b = n.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; });
    }"""
    before = review.page.evaluate(places)
    assert len(before) > 6
    review.press("Enter", "8", "Enter", "s")
    review.wait_painted(review.seeded.images[3].id)
    review.wait_saved()
    assert review.page.evaluate(places) == before


def test_a_georeferenced_image_has_a_scale_and_coordinates(
    review: Review, make_project: Callable[..., Seeded]
) -> None:
    assert review.page.locator(".scale").is_hidden()
    review.seeded = make_project(image_count=2, pixel_m=0.5)
    review.open()
    scale = review.page.locator(".scale")
    expect(scale).to_be_visible()
    shown = review.read("zoom")["scale"]  # type: ignore[index]
    metres = float((scale.text_content() or "").split()[0])
    box = scale.bounding_box()
    assert box is not None
    # Half a metre an image pixel; UTM is true to a few parts in ten thousand here.
    assert box["width"] == pytest.approx(metres / 0.5 * shown, abs=1)
    canvas = review.page.locator("canvas.canvas").bounding_box()
    assert canvas is not None
    review.page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
    (east,), (north,) = transform("EPSG:32640", "EPSG:4326", [326_016.0], [2_785_984.0])
    readout = review.page.locator(".readout")
    expect(readout).to_contain_text("° N")
    shown_at = [float(word) for word in re.findall(r"\d+\.\d+", readout.text_content() or "")]
    assert shown_at == pytest.approx([north, east], abs=2e-5)  # within two metres


def test_one_to_one_shows_a_pixel_on_a_pixel(review: Review) -> None:
    review.press("o")
    ratio = review.page.evaluate("window.devicePixelRatio")
    assert review.read("zoom")["scale"] == pytest.approx(1 / ratio)  # type: ignore[index]
    review.press("z")
    assert review.read("zoom")["scale"] > 2  # type: ignore[index]
    review.page.locator(".zoom-text").click()
    assert review.read("zoom")["scale"] == pytest.approx(1 / ratio)  # type: ignore[index]


PINCH = """([from, to]) => {
  const canvas = [...document.querySelectorAll('*')]
    .map((node) => node.shadowRoot?.querySelector('canvas.canvas')).find(Boolean);
  const box = canvas.getBoundingClientRect();
  const send = (type, id, [x, y]) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: id, pointerType: 'touch', button: type === 'pointermove' ? -1 : 0,
    clientX: box.left + x, clientY: box.top + y, bubbles: true, composed: true,
  }));
  canvas.setPointerCapture = () => {};  // made-up pointers cannot be captured
  send('pointerdown', 1, from[0]); send('pointerdown', 2, from[1]);
  send('pointermove', 1, to[0]); send('pointermove', 2, to[1]);
  send('pointerup', 1, to[0]); send('pointerup', 2, to[1]);
}"""


def test_two_fingers_zoom_around_what_lies_between_them(review: Review) -> None:
    canvas = review.page.locator("canvas.canvas").bounding_box()
    assert canvas is not None
    x, y = canvas["width"] / 2 + 40, canvas["height"] / 2 - 30
    before = review.read("zoom")
    review.page.evaluate(PINCH, [[[x - 50, y], [x + 50, y]], [[x - 100, y], [x + 100, y]]])
    after = review.read("zoom")
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["scale"] == pytest.approx(2 * before["scale"], rel=1e-6)
    # The place between the fingers has not moved on the screen.
    for axis, offset in (("x", 40), ("y", -30)):
        seen = [zoom[axis] + offset / zoom["scale"] / 64 for zoom in (before, after)]
        assert seen[0] == pytest.approx(seen[1], abs=5e-4)  # the stage has whole pixels
    assert review.rows() == []


def test_two_fingers_move_the_image_and_select_nothing(review: Review) -> None:
    review.press("g", "+", "+")
    before = review.read("zoom")
    chosen = review.read("painted")
    review.page.evaluate(PINCH, [[[500, 200], [560, 200]], [[480, 230], [540, 230]]])
    after = review.read("zoom")
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["scale"] == pytest.approx(before["scale"], rel=0.05)
    assert after["x"] > before["x"]
    assert after["y"] < before["y"]
    assert review.read("painted") == chosen
