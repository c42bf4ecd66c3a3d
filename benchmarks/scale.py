"""How long screens take on a project of 100,000 candidates.

``python -m benchmarks.scale`` seeds a project of 25,000 generated images with four candidates each
and 2,000 decisions, opens it in headless Chromium and goes from screen to screen by the links at
the side, each several times. A screen is there once its heading is and nothing of it is still
running. Prints milliseconds and appends one row to benchmarks/results/scale.csv; ``--smoke`` takes
40 images and records nothing.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, Page, sync_playwright

from benchmarks.record import RESULTS, append_row, circumstances, put_sections
from benchmarks.ui import SEED
from db.store import verdicts
from rsqa_core.records import Verdict
from rsqa_core.scenes import render_scene
from rsqa_core.settings import Settings
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES, VIEWPORT, Server, free_port
from tests.browser.seeding import HEAD_ID, Seeded, seed_project
from workflows.opening import Installation, open_installation

SCREENS = ("Queue", "Map", "Progress", "Present", "Train", "Admin", "Home")
CANDIDATES = 4
SCENES, SIDE_PX = 12, 64
LONGEST_S = 300
THINK_MS = 1000  # nobody turns pages faster than they are looked at

# True once the screen's heading is there and Streamlit has nothing left to do.
COMPLETE = """heading => {
  const found = [...document.querySelectorAll('h1')].some((one) => one.textContent === heading);
  const app = document.querySelector('[data-testid="stApp"]');
  return found && app?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale="true"]');
}"""
HEADINGS = {"Home": "Projects"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=25_000)
    parser.add_argument("--decisions", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="40 images, nothing recorded")
    options = parser.parse_args()
    if options.smoke:
        options.images, options.decisions, options.repeats = 40, 10, 1
    with tempfile.TemporaryDirectory(prefix="rsqa-bench-") as folder:
        home = Path(folder)
        installation = open_installation(Settings(home=home))
        started = time.perf_counter()
        seeded = _seeded(installation, options.images, options.decisions)
        print(f"seeded {options.images:,} images in {time.perf_counter() - started:.0f} s")
        server = Server(home, free_port())
        server.start()
        try:
            figures = measure(server, seeded, options.repeats)
        finally:
            server.kill()
            installation.database.close()
    for name, value in figures.items():
        print(f"{name:24} {value:8.0f} ms")
    if not options.smoke:
        configuration = {
            "images": options.images,
            "candidates": options.images * CANDIDATES,
            "decisions": options.decisions,
            "repeats": options.repeats,
            "seed": SEED,
        }
        append_row(RESULTS / "scale.csv", configuration, figures)
        section = {**circumstances(), **configuration, **figures}
        put_sections(RESULTS / "ui.json", {"100,000_candidates": section})


def measure(server: Server, seeded: Seeded, repeats: int) -> dict[str, float]:
    """Return milliseconds of each step: the first time, and the median of later ones."""
    figures: dict[str, float] = {}
    with sync_playwright() as playwright:
        found = next((p for name in CHROMIUM_NAMES if (p := shutil.which(name))), None)
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        page = browser.new_context(viewport=VIEWPORT).new_page()  # type: ignore[arg-type]
        page.set_default_timeout(LONGEST_S * 1000)
        slug = seeded.project.slug
        figures["open_ms"] = _timed(
            lambda: (page.goto(f"{server.url}/?project={slug}"), _wait(page, "Home"))
        )
        for name in SCREENS:
            taken = [_visit(page, name) for _ in range(repeats)]
            figures[f"{name.lower()}_first_ms"] = taken[0]
            figures[f"{name.lower()}_ms"] = float(np.median(taken[1:] or taken))
        figures |= _next_page(page, repeats)
        figures["review_painted_ms"] = _timed(lambda: _review(page, server, slug))
        browser.close()
    return {name: round(value, 1) for name, value in figures.items()}


def _visit(page: Page, name: str) -> float:
    """Leave for another screen and come to this one."""
    link = page.get_by_test_id("stSidebarNavLink")
    link.filter(has_text="Import").click()
    page.get_by_role("heading", name="Import images").wait_for()
    page.wait_for_timeout(200)
    return _timed(lambda: (link.filter(has_text=name).click(), _wait(page, name)))


def _next_page(page: Page, repeats: int) -> dict[str, float]:
    """Return milliseconds from the click to the next page of the queue: the first, later ones."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Queue").click()
    _wait(page, "Queue")
    button = page.get_by_role("button", name="Next page")
    if not button.count():  # a small project has one page
        return {}
    taken = []
    for _ in range(repeats + 2):
        here = page.url
        taken.append(_timed(lambda here=here: _turn(page, button, here)))
        page.wait_for_timeout(THINK_MS)
    return {"queue_next_page_first_ms": taken[0], "queue_next_page_ms": float(np.median(taken[1:]))}


def _turn(page: Page, button: Locator, here: str) -> None:
    button.click()
    page.wait_for_function("here => location.href !== here", arg=here)
    _wait(page, "Queue")


def _review(page: Page, server: Server, slug: str) -> None:
    page.goto(f"{server.url}/review?project={slug}")
    page.wait_for_function("() => window.__rsqa?.painted?.maskShown")


def _wait(page: Page, name: str) -> None:
    page.wait_for_function(COMPLETE, arg=HEADINGS.get(name, name))


def _timed(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - started)


def _seeded(installation: Installation, images: int, decisions: int) -> Seeded:
    scenes = []
    for index in range(SCENES):
        scene = render_scene(seed=SEED + index, size_px=SIDE_PX)
        rgb = np.ascontiguousarray(scene.rgb.transpose(1, 2, 0))
        scenes.append((rgb, scene.reference_mask))
    seeded = seed_project(
        installation, image_count=images, candidate_count=CANDIDATES, scenes=scenes, seed=SEED
    )
    rng = np.random.default_rng(SEED)
    with installation.database.begin() as session:
        for image in seeded.images[:: max(1, images // decisions)]:
            candidate = seeded.candidates[image.id][0]
            shown = seeded.scores[candidate.id].score
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.UUID(bytes=rng.bytes(16), version=4)),
                    project_id=seeded.project.id,
                    image_id=image.id,
                    candidate_id=candidate.id,
                    reviewer=str(rng.choice(["Ada", "Bob"])),
                    kind="correct",
                    score=float(np.clip(shown + rng.normal(0, 0.05), 0, 1)),
                    score_shown=shown,
                    head_id=HEAD_ID,
                    time_spent_s=float(rng.uniform(2, 9)),
                ),
            )
    return seeded


if __name__ == "__main__":
    main()
