"""How long from a key press until the next item is painted: the canvas beside plain Streamlit.

``python -m benchmarks.ui`` seeds a project of generated 512 px scenes with four candidates each,
decides 100 of them with Enter in headless Chromium, does the same on a page that reruns for every
item, checks that every decision is a row, and measures what benchmarks.ui_targets lists. Prints
all, appends one row to benchmarks/results/ui.csv and writes benchmarks/results/ui.json.
``--smoke`` is quick and records nothing.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import ui_targets
from benchmarks.record import put_sections
from db.store import verdicts
from rsqa_core.records import Verdict
from rsqa_core.scenes import render_scene
from rsqa_core.settings import Settings
from tests.browser.conftest import (
    APP,
    CHROMIUM_ARGS,
    CHROMIUM_NAMES,
    VIEWPORT,
    Server,
    free_port,
)
from tests.browser.seeding import seed_project
from workflows.opening import open_installation

RESULTS = Path(__file__).parent / "results"
SEED = 11
SCENES = 12
THINK_S = 0.15

# From the key to the frame that shows another picture, measured as the canvas measures itself.
WATCH_BASELINE = """
window.keyTime = null; window.durations = []; window.source = null;
window.addEventListener('keydown', (event) => { window.keyTime = event.timeStamp; }, true);
const watch = async () => {
  const image = document.querySelector('[data-testid="stImage"] img');
  if (!image || image.src === window.source) return;
  window.source = image.src;
  const started = window.keyTime;
  await image.decode().catch(() => {});
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      if (started !== null) window.durations.push(performance.now() - started);
      window.painted = (window.painted ?? 0) + 1;
    };
    channel.port2.postMessage(null);
  });
};
new MutationObserver(watch).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ['src'],
});
"""


@dataclass(frozen=True)
class Figures:
    """Milliseconds over ``n`` key presses."""

    p50_ms: float
    p95_ms: float
    n: int


def main() -> None:
    options = _options()
    images = 12 if options.smoke else options.images
    scenes = [_scene(index, options.side) for index in range(min(SCENES, images))]
    with sync_playwright() as playwright:
        found = next((p for name in CHROMIUM_NAMES if (p := shutil.which(name))), None)
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        canvas, saved = measure_canvas(browser, scenes, images)
        baseline = measure_baseline(browser, scenes, images)
        targets = measure_targets(browser, scenes, 10 if options.smoke else 40)
        version = browser.version
        browser.close()
    for name, figures in (("canvas", canvas), ("full rerun", baseline), ("row saved", saved)):
        print(
            f"{name:12} p50 {figures.p50_ms:6.1f} ms   p95 {figures.p95_ms:6.1f} ms   n {figures.n}"
        )
    for target, value in targets.items():
        print(f"{target:22} {value:8.1f}")
    if not options.smoke:
        _record(options, images, version, canvas, saved, baseline, targets)


def measure_canvas(
    browser: Browser, scenes: list[tuple[Any, Any]], images: int
) -> tuple[Figures, Figures]:
    """Decide ``images`` items; return key to paint, and decision to acknowledged row."""
    with _home() as home:
        installation = open_installation(Settings(home=home))
        # One more than is decided, so that the last decision also has a next item.
        seeded = seed_project(installation, image_count=images + 1, scenes=scenes, seed=SEED)
        with _server(home, APP) as server:
            page = _page(browser)
            page.goto(f"{server.url}/review?project={seeded.project.slug}")
            page.wait_for_function("() => window.__rsqa?.painted?.maskShown", timeout=60_000)
            page.wait_for_function("() => __rsqa.ready >= 5")
            for _ in range(images):
                before = page.evaluate("() => __rsqa.imageId")
                page.keyboard.press("Enter")
                page.wait_for_function(
                    "id => __rsqa.imageId !== id && __rsqa.painted?.maskShown", arg=before
                )
                time.sleep(THINK_S)
            page.wait_for_function("() => __rsqa.outbox === 0", timeout=30_000)
            paint = _figures(page, "rsqa:key-to-paint")
            saved = _figures(page, "rsqa:decision-to-saved")
            page.context.close()
        with installation.database.read() as session:
            rows = verdicts.history(session, seeded.project.id, limit=None)
        installation.database.close()
    if len({row.image_id for row in rows}) != images or len(rows) != images:
        raise SystemExit(f"Expected {images} rows on as many images, but found {len(rows)}.")
    return paint, saved


def measure_baseline(browser: Browser, scenes: list[tuple[Any, Any]], images: int) -> Figures:
    """Press Enter ``images`` times on the page that reruns."""
    with _home() as home:
        for index in range(images + 1):
            rgb, mask = scenes[index % len(scenes)]
            own = rgb.copy()
            own[0, 0] = (index % 256, 0, 0)
            Image.fromarray(own).save(home / f"{index:03d}.jpg", quality=92)
            Image.fromarray(mask, "L").save(home / f"{index:03d}.png")
        with _server(home, Path(__file__).with_name("full_rerun_page.py")) as server:
            page = _page(browser)
            page.add_init_script(WATCH_BASELINE)
            page.goto(server.url)
            page.wait_for_function("() => window.painted >= 1", timeout=60_000)
            time.sleep(1)
            for _ in range(images):
                before = page.evaluate("() => window.painted")
                page.keyboard.press("Enter")
                page.wait_for_function("n => window.painted > n", arg=before, timeout=30_000)
                time.sleep(THINK_S)
            durations = page.evaluate("() => window.durations")
            page.context.close()
    return _percentiles(durations)


def measure_targets(
    browser: Browser, scenes: list[tuple[Any, Any]], repeats: int
) -> dict[str, float]:
    """Return what benchmarks.ui_targets measures, on a project of its own."""
    with _home() as home:
        installation = open_installation(Settings(home=home))
        seeded = seed_project(installation, image_count=100, scenes=scenes, seed=SEED)
        others = seed_project(
            installation, image_count=400, scenes=scenes, seed=SEED + 1, slug="claims"
        )
        figures = ui_targets.claims(installation, others)

        def rows() -> list[Verdict]:
            with installation.database.read() as session:
                return verdicts.history(session, seeded.project.id, limit=None)

        def holding() -> list[Verdict]:
            with installation.database.read() as session:
                return verdicts.effective(session, seeded.project.id)

        with _server(home, APP) as server:
            page = _page(browser)
            page.goto(f"{server.url}/review?project={seeded.project.slug}")
            figures |= ui_targets.keystrokes(page, rows)
            figures |= ui_targets.burst_and_held_key(page, rows)
            figures |= ui_targets.undo_after_a_reload(page, rows, holding)
            figures |= ui_targets.viewing(page, repeats)
            page.context.close()
        installation.database.close()
    with _home() as home, _server(home, APP) as server:
        installation = open_installation(Settings(home=home))

        def decided() -> int:
            with installation.database.read() as session:
                return verdicts.total(session)

        page = _page(browser)
        figures |= ui_targets.first_decision(page, server.url, decided)
        page.context.close()
        installation.database.close()
    return figures


def _figures(page: Page, name: str) -> Figures:
    durations = page.evaluate(
        "name => performance.getEntriesByName(name).map((entry) => entry.duration)", name
    )
    return _percentiles(durations)


def _percentiles(durations: list[float]) -> Figures:
    p50, p95 = np.percentile(durations, [50, 95])
    return Figures(round(float(p50), 1), round(float(p95), 1), len(durations))


def _scene(index: int, side_px: int) -> tuple[Any, Any]:
    scene = render_scene(seed=SEED + index, size_px=side_px)
    return np.ascontiguousarray(scene.rgb.transpose(1, 2, 0)), scene.reference_mask


def _page(browser: Browser) -> Page:
    return browser.new_context(viewport=VIEWPORT).new_page()  # type: ignore[arg-type]


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rsqa-bench-") as folder:
        yield Path(folder)


@contextmanager
def _server(home: Path, script: Path) -> Iterator[Server]:
    server = Server(home, free_port(), script=script)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _record(
    options: argparse.Namespace,
    images: int,
    chromium: str,
    canvas: Figures,
    saved: Figures,
    baseline: Figures,
    targets: dict[str, float],
) -> None:
    load = os.getloadavg()[0]
    row: dict[str, Any] = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "-s", "-uno") else ""),
        "python": platform.python_version(),
        "streamlit": importlib.metadata.version("streamlit"),
        "chromium": chromium,
        "cores": os.cpu_count(),
        "load_1min": round(load, 1),
        "images": images,
        "side_px": options.side,
        "candidates": 4,
        "viewport": "{width}x{height}".format(**VIEWPORT),
        "think_s": THINK_S,
        "seed": SEED,
        "canvas_p50_ms": canvas.p50_ms,
        "canvas_p95_ms": canvas.p95_ms,
        "full_rerun_p50_ms": baseline.p50_ms,
        "full_rerun_p95_ms": baseline.p95_ms,
        "saved_p50_ms": saved.p50_ms,
        "saved_p95_ms": saved.p95_ms,
    }
    RESULTS.mkdir(exist_ok=True)
    table = RESULTS / "ui.csv"
    new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
    document = {
        **row,
        "key_to_paint": {"canvas": asdict(canvas), "full_rerun": asdict(baseline)},
        "decision_to_saved": asdict(saved),
        "targets": targets,
    }
    put_sections(RESULTS / "ui.json", document)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=APP.parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=100, help="items to decide (default 100)")
    parser.add_argument("--side", type=int, default=512, help="side of an image in px")
    parser.add_argument("--smoke", action="store_true", help="a dozen items, nothing recorded")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
