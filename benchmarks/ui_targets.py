"""What a review page must hold beside its speed: keys, bursts, viewing, undo, claims.

Called by benchmarks.ui; each function returns figures by name.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page

from db.store import leases, queue, verdicts
from rsqa_core.records import QueueQuery, Verdict
from tests.browser.seeding import Seeded
from workflows.opening import Installation

BURST, BURST_S = 10, 0.06
UNDONE = 50
REVIEWERS, CLAIMS = 10, 30
THINK_S = 0.25
"""What a reviewer takes for an image at the very least."""

# From the key to the last drawing that it caused. Both lie in one task, before the next frame.
_WATCH_DRAWING = """() => {
  window.keyAt = null;
  window.addEventListener('keydown', (event) => { window.keyAt = event.timeStamp; }, true);
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    draw.apply(this, given);
    window.lastDrawn = performance.now();
  };
}"""
_TOLD = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 30)));
  return window.lastDrawn - window.keyAt;
}"""

Rows = Callable[[], list[Verdict]]


def wait_painted(page: Page) -> None:
    """Wait until the image on the canvas has its mask and the next ones are loaded."""
    page.wait_for_function("() => window.__rsqa?.painted?.maskShown", timeout=60_000)
    page.wait_for_function("() => __rsqa.ready >= 4", timeout=60_000)


def _settled(page: Page) -> None:
    page.wait_for_function("() => __rsqa.outbox === 0", timeout=30_000)


def keystrokes(page: Page, rows: Rows) -> dict[str, float]:
    """Return how many keys each kind of decision takes; SystemExit where one is not recorded."""
    figures = {}
    for name, kind, keys in (
        ("confirm", "confirm", ["Enter"]),
        ("other_candidate", "confirm", ["ArrowRight", "Enter"]),
        ("corrected_score", "correct", ["7", "Enter"]),
    ):
        wait_painted(page)
        before = len(rows())
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_function("() => window.__rsqa?.painted?.maskShown", timeout=60_000)
        _settled(page)
        new = rows()[: len(rows()) - before]
        if [row.kind for row in new] != [kind]:
            raise SystemExit(f"Expected one {kind} of {keys}, but found {[r.kind for r in new]}.")
        figures[f"{name}_keys"] = float(len(keys))
    return figures


def burst_and_held_key(page: Page, rows: Rows) -> dict[str, float]:
    """Return rows of ten keys 60 ms apart that are missing, and of a held key that are too many."""
    wait_painted(page)
    before = len(rows())
    for _ in range(BURST):
        page.keyboard.press("s")
        time.sleep(BURST_S)
    _settled(page)
    lost = BURST - (len(rows()) - before)
    wait_painted(page)
    before = len(rows())
    page.keyboard.down("s")
    for _ in range(20):
        page.keyboard.down("s")  # what a keyboard sends while a key is held
        time.sleep(0.03)
    page.keyboard.up("s")
    _settled(page)
    return {"burst_lost": float(lost), "held_key_extra": float(len(rows()) - before - 1)}


def viewing(page: Page, repeats: int) -> dict[str, float]:
    """Return milliseconds from a key for viewing to its drawing, and the requests that it made."""
    wait_painted(page)
    time.sleep(1.0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(_WATCH_DRAWING)
    figures: dict[str, float] = {}
    for name, keys in (("hide", [" "]), ("opacity", ["[", "]"]), ("blink", ["b"])):
        taken = []
        for turn in range(repeats):
            page.keyboard.down(keys[turn % len(keys)])
            taken.append(float(page.evaluate(_TOLD)))
            page.keyboard.up(keys[turn % len(keys)])
            time.sleep(0.05)
        figures[f"{name}_p50_ms"] = round(float(np.median(taken)), 1)
        figures[f"{name}_p95_ms"] = round(float(np.percentile(taken, 95)), 1)
    figures["viewing_requests"] = float(sum("/rsqa/v1/" in url for url in asked))
    return figures


def undo_after_a_reload(page: Page, rows: Rows, holding: Rows) -> dict[str, float]:
    """Return decisions that hold after UNDONE were made, the page reloaded, and all taken back."""
    before = len(holding())
    for _ in range(UNDONE):
        wait_painted(page)
        page.keyboard.press("s")
    _settled(page)
    made = len(holding()) - before
    page.reload()
    wait_painted(page)
    for turn in range(UNDONE):
        recorded = len(rows())
        page.keyboard.press("u")
        _settled(page)
        page.wait_for_function("() => window.__rsqa?.painted", timeout=60_000)
        if len(rows()) != recorded + 1:
            raise SystemExit(f"Expected undo {turn + 1} to be a row, but it is none.")
    return {"undo_made": float(made), "undo_left": float(len(holding()) - before)}


def claims(installation: Installation, seeded: Seeded) -> dict[str, float]:
    """Return milliseconds of claiming an image and deciding on it, by ten reviewers at once.

    Everyone takes the first open image that nobody has and decides, again and again; an image that
    two of them were given counts as double.
    """
    given: list[int] = []
    taken: list[float] = []
    lock, start = threading.Lock(), threading.Barrier(REVIEWERS)

    def work(name: str) -> None:
        start.wait()
        chance = np.random.default_rng(len(name) + int(name[1:]))
        for _ in range(CLAIMS):
            began = time.perf_counter()
            with installation.database.begin() as session:
                others = leases.held_by_others(session, seeded.project.id, name)
                page = queue.page(session, seeded.project.id, QueueQuery(), limit=1, without=others)
                claimed = leases.take(session, seeded.project.id, name, page.image_ids)
            duration = time.perf_counter() - began
            if not claimed:
                return
            with installation.database.begin() as session:
                verdicts.record(session, _skip(seeded.project.id, claimed[0], name))
            time.sleep(THINK_S * chance.uniform(0.5, 1.5))
            with lock:
                taken.append(1000 * duration)
                given.extend(claimed)

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(REVIEWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50, p95 = np.percentile(taken, [50, 95])
    return {
        "claim_p50_ms": round(float(p50), 1),
        "claim_p95_ms": round(float(p95), 1),
        "claims": float(len(taken)),
        "claimed_twice": float(len(given) - len(set(given))),
    }


def _skip(project_id: int, image_id: int, name: str) -> Verdict:
    return Verdict(
        id=str(uuid.uuid4()),
        project_id=project_id,
        image_id=image_id,
        reviewer=name,
        kind="skip",
    )


def first_decision(page: Page, url: str, database: Callable[[], int]) -> dict[str, float]:
    """Return seconds from the first look at an empty installation to the first recorded decision.

    The demo is made of generated scenes, as without a network.

    Args:
        database: returns how many verdicts there are.
    """
    began = time.perf_counter()
    page.goto(url)
    page.get_by_role("button", name="Prepare the demo").click(timeout=60_000)
    page.get_by_role("button", name="Review", exact=True).first.wait_for(timeout=300_000)
    page.get_by_role("button", name="Review", exact=True).first.click()
    page.wait_for_function("() => window.__rsqa?.painted?.maskShown", timeout=120_000)
    end = time.monotonic() + 300
    while not database() and time.monotonic() < end:
        page.keyboard.press("Enter")  # refused until the candidate has its score
        page.wait_for_timeout(500)
    if not database():
        raise SystemExit("Expected a decision on the demo within five minutes, but none came.")
    return {"first_decision_s": round(time.perf_counter() - began, 1)}
