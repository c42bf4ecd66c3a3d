"""The bands of an image on the canvas: by key and by mouse, over items and reloads."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Review, Server
from tests.browser.seeding import Seeded
from workflows.opening import Installation


@pytest.fixture
def spectral(
    page: Page, server: Server, installation: Installation, make_project: Callable[..., Seeded]
) -> Review:
    """Six images; all but the second one have near infrared."""
    seeded = make_project(image_count=6, infrared=(0, 2, 3, 4, 5))
    review = Review(page, server.url, installation, seeded)
    review.open()
    review.press("m", "m")  # the image without its mask
    return review


def chooser(review: Review) -> Locator:
    return review.page.get_by_label("Bands", exact=True)


def centre(review: Review) -> list[int]:
    """The colour in the middle of the canvas."""
    value = review.page.evaluate(
        """() => {
          const canvas = [...document.querySelectorAll('*')]
            .map((node) => node.shadowRoot?.querySelector('canvas.canvas')).find(Boolean)
            ?? document.querySelector('canvas.canvas');
          const [x, y] = [canvas.width / 2 + 9, canvas.height / 2 + 9];
          return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
        }"""
    )
    assert isinstance(value, list)
    return value[:3]


def shows(review: Review, view: str) -> None:
    expect(chooser(review)).to_have_value(view)
    review.wait_painted()


def test_the_key_goes_through_the_views_and_back_to_the_picture(spectral: Review) -> None:
    review = spectral
    picture = centre(review)
    review.press("v")
    shows(review, "true")
    review.press("v")
    shows(review, "false")
    assert centre(review) != picture
    for _ in range(3):
        review.press("v")
    expect(review.page.locator(".hint")).to_have_text("VARI: vegetation from colours")
    expect(review.page.locator(".bands-ramp")).to_be_visible()
    for _ in range(5):
        review.press("v")
    shows(review, "")
    assert centre(review) == picture
    assert review.rows() == []


def test_a_view_chosen_by_mouse_stays_over_items_and_reloads(spectral: Review) -> None:
    review = spectral
    chooser(review).hover()
    expect(chooser(review).locator("option")).to_have_count(11)
    chooser(review).select_option("band-4")
    shows(review, "band-4")
    red, green, blue = centre(review)
    assert max(abs(red - green), abs(green - blue)) <= 2  # grey
    review.press("j", "j")
    review.wait_painted(review.seeded.images[2].id)
    shows(review, "band-4")
    red, green, blue = centre(review)
    assert max(abs(red - green), abs(green - blue)) <= 2

    review.page.reload()
    review.wait_painted()
    shows(review, "band-4")
    expect(chooser(review).locator("option:checked")).to_have_text("Band 4: nir")
    review.page.get_by_label("Stretch").select_option("full")
    review.wait_painted()
    assert review.page.evaluate("JSON.parse(localStorage.getItem('rsqa.view')).bands") == "band-4"


def test_an_image_without_such_bands_shows_its_picture_and_can_be_decided(
    spectral: Review,
) -> None:
    review = spectral
    review.press("v", "v")
    shows(review, "false")
    review.press("j")
    review.wait_painted(review.seeded.images[1].id)
    expect(chooser(review).locator("option:checked")).to_have_text(
        "False colour (NIR, red, green) – no near-infrared band"
    )
    expect(review.page.get_by_label("Stretch")).to_be_hidden()
    red, green, blue = centre(review)
    review.press("m", "m", "Enter")
    review.wait_saved()
    assert [row.image_id for row in review.rows()] == [review.seeded.images[1].id]
    assert (red, green, blue) != (0, 0, 0)
    review.wait_painted(review.seeded.images[2].id)
    shows(review, "false")


def test_the_values_under_the_pointer_are_read_in_every_view(spectral: Review) -> None:
    review = spectral
    canvas = review.page.locator("canvas.canvas").bounding_box()
    assert canvas is not None
    middle = (canvas["x"] + canvas["width"] / 2 + 9, canvas["y"] + canvas["height"] / 2 + 9)
    readout = review.page.locator(".readout")
    review.page.mouse.move(*middle)
    expect(readout).not_to_contain_text("red")
    review.press("v")
    shows(review, "true")
    review.page.mouse.move(*middle)
    expect(readout).to_contain_text(re.compile(r"red \d+ · green \d+ · blue \d+$"))
    chooser(review).select_option("ndvi")
    shows(review, "ndvi")
    review.page.mouse.move(*middle)
    expect(readout).to_contain_text(re.compile(r"NDVI -?\d\.\d{3} · nir \d+ · red \d+$"))
    first = readout.text_content() or ""
    index, infrared, red = (float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", first)[-3:])
    assert infrared == 255 - red
    assert index == pytest.approx((infrared - red) / (infrared + red), abs=1e-3)

    review.press("j")  # has no near infrared: nothing to read
    review.wait_painted(review.seeded.images[1].id)
    expect(readout).not_to_contain_text("red")
    review.press("j")
    review.wait_painted(review.seeded.images[2].id)
    review.page.mouse.move(*middle)
    expect(readout).to_contain_text("NDVI")
    review.press("j")  # loaded ahead; the pointer stays where it is
    review.wait_painted(review.seeded.images[3].id)
    expect(readout).to_contain_text("NDVI")
    review.page.mouse.move(5, 5)
    expect(readout).to_have_text("")
