"""A new user's first session on the demo project, by keyboard, with screenshots.

``python -m benchmarks.tour --home DIR`` opens the app on the installation in DIR (with the demo
project scored), reviews 30 images by keyboard alone, where the reference accuracy stands in for
what the expert knows, trains, promotes, and prints what changed. Screenshots go to
docs/screenshots. It adds verdicts to DIR, so give it a copy.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from db.store import candidates, heads, projects, scores, verdicts
from rsqa_core.settings import Settings
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES, Server, free_port
from workflows.opening import Installation, open_installation

DECISIONS = 30
SCREENS = [
    "home",
    "review",
    "queue",
    "map",
    "progress",
    "areas",
    "present",
    "train",
    "admin",
    "import",
]
SCREENSHOTS = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
SIZES = {"1366x768": (1366, 768), "1920x1080": (1920, 1080)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--project", default="dubai")
    parser.add_argument("--out", type=Path, default=SCREENSHOTS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    installation = open_installation(Settings(home=options.home.resolve()))
    server = Server(options.home.resolve(), free_port())
    began = time.perf_counter()
    server.start()
    try:
        with sync_playwright() as playwright:
            found = next((p for name in CHROMIUM_NAMES if (p := shutil.which(name))), None)
            browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.goto(server.url)
            page.get_by_role("heading", name="Projects").wait_for(timeout=60_000)
            print(f"usable page after {time.perf_counter() - began:.1f} s")
            session(page, installation, options.project, options.out)
            every_screen(browser, server.url, options.project, options.out)
            browser.close()
    finally:
        server.kill()


def session(page: Page, installation: Installation, slug: str, out: Path) -> None:
    """Review, train, promote; print the figures."""
    with installation.database.read() as store:
        project = projects.get(store, slug)
        accuracy = {c.id: c.overall_accuracy for c in candidates.all_of(store, project.id)}
        predicted = scores.of_head(store, project.id, str(project.active_head_id))
        before = len(verdicts.labels(store, project.id))
    page.locator("[data-testid='stMain'] button", has_text="Review").first.click()
    page.wait_for_function("() => window.__rsqa?.painted?.maskShown", timeout=60_000)
    shoot(page, out / "session-review.jpg")
    corrected = 0
    for index in range(DECISIONS):
        painted = page.evaluate(
            "() => ({image: __rsqa.imageId, candidate: __rsqa.painted.candidateId})"
        )
        known = accuracy[painted["candidate"]]
        shown = predicted[painted["candidate"]].score
        # The expert corrects what is off by three points or more, and confirms the rest.
        if known is not None and abs(known - shown) >= 0.03:
            for digit in f"{min(round(known * 100), 99):02d}":
                page.keyboard.press(digit)
            if corrected == 0:
                shoot(page, out / "session-correction.jpg")
            corrected += 1
        page.keyboard.press("Enter")
        if index + 1 < DECISIONS:
            page.wait_for_function(
                "id => __rsqa.imageId !== id && __rsqa.painted?.maskShown",
                arg=painted["image"],
                timeout=30_000,
            )
    page.wait_for_function("() => __rsqa.outbox === 0", timeout=30_000)
    with installation.database.read() as store:
        labels = len(verdicts.labels(store, project.id)) - before
    print(f"{labels} labels by keyboard, {corrected} of them corrections")

    page.goto(page.url.split("/review")[0] + f"/train?project={slug}")
    page.get_by_role("button", name="Train a new head").click()
    page.get_by_text("Newest head on held-out labels").wait_for(timeout=180_000)
    page.get_by_role("button", name="Promote", exact=True).wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    shoot(page, out / "session-trained.jpg", whole=True)
    with installation.database.read() as store:
        record = next(h for h in heads.of_project(store, project.id) if h.project_id is not None)
    held_out = record.metrics["held_out"]
    print(
        f"{record.id}: held-out MAE {held_out['before']['mae']:.4f} before, "
        f"{held_out['after']['mae']:.4f} after (95 % of the change: {held_out['interval']}); "
        f"trained in {record.metrics['seconds']} s"
    )
    page.get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_role("button", name="Roll back to", exact=False)).to_be_visible(
        timeout=30_000
    )
    page.wait_for_timeout(1000)
    shoot(page, out / "session-promoted.jpg", whole=True)
    with installation.database.read() as store:
        after = scores.of_head(store, project.id, record.id)
    moved = sum(abs(after[c].score - predicted[c].score) > 0.005 for c in after if c in predicted)
    print(f"promoted; {moved} of {len(after)} scores moved by more than half a point")


def shoot(page: Page, path: Path, *, whole: bool = False) -> None:
    """Save a screenshot; JPEG, because imagery makes PNGs of a megabyte each."""
    page.screenshot(path=path, type="jpeg", quality=85, full_page=whole)


def every_screen(browser: Browser, url: str, slug: str, out: Path) -> None:
    """Take each screen, light and dark, at both sizes."""
    for scheme in ("light", "dark"):
        for size, (width, height) in SIZES.items():
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page = context.new_page()
            for name in (
                "home",
                "review",
                "queue",
                "map",
                "progress",
                "disagreements",
                "areas",
                "present",
                "train",
                "admin",
                "import",
            ):
                path = "" if name == "home" else name
                page.goto(f"{url}/{path}?project={slug}")
                if name == "review":
                    page.wait_for_function(
                        "() => window.__rsqa?.painted?.maskShown", timeout=60_000
                    )
                else:
                    page.locator("[data-testid='stHeading']").first.wait_for(timeout=60_000)
                if name == "present":
                    slides = page.frame_locator("iframe")
                    slides.locator(".slide.now").wait_for(timeout=60_000)
                    slides.locator("#on").click()
                    while not slides.locator(".slide.now .frame").count():
                        page.keyboard.press("ArrowRight")
                page.wait_for_timeout(2500)
                shoot(page, out / f"{name}-{scheme}-{size}.jpg")
            context.close()


if __name__ == "__main__":
    main()
