"""A GeoTIFF of 20,000 px a side: imported, on the map, in the canvas.

``python -m benchmarks.large`` writes one with three bands, imports it as `rsqa import` does in a
process of its own, and opens map and review in headless Chromium, each on a server that has just
started and once more. Prints the figures and appends one row to benchmarks/results/large.csv;
``--smoke`` takes 1,000 px and records nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from playwright.sync_api import Page, sync_playwright
from rasterio.transform import from_origin
from rasterio.windows import Window

from benchmarks.record import RESULTS, append_row, circumstances, put_sections
from rsqa_core.settings import Settings
from tests.browser.conftest import CHROMIUM_ARGS, CHROMIUM_NAMES, VIEWPORT, Server, free_port
from workflows.opening import open_installation

SLUG = "large"
BLOCK_PX = 100
LONGEST_MS = 120_000
_IMPORT = "from workflows.cli import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--side", type=int, default=20_000, help="px")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="1,000 px, nothing recorded")
    options = parser.parse_args()
    side = 1_000 if options.smoke else options.side
    with tempfile.TemporaryDirectory(prefix="rsqa-bench-") as folder:
        figures = measure(Path(folder), side, options.seed)
    for name, value in figures.items():
        print(f"{name:24} {value:10,.1f}")
    if not options.smoke:
        configuration = {"side_px": side, "seed": options.seed}
        append_row(RESULTS / "large.csv", configuration, figures)
        section = {**circumstances(), **configuration, **figures}
        put_sections(RESULTS / "ui.json", {"large_geotiff": section})


def measure(folder: Path, side: int, seed: int) -> dict[str, float]:
    """Return seconds, MiB and counts of every step."""
    write_geotiff(folder / "images" / "large.tif", side, seed)
    home = folder / "home"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RSQA_")}
    environment |= {"RSQA_HOME": str(home), "RSQA_OFFLINE": "1"}
    command = [sys.executable, "-c", _IMPORT, "import", str(folder / "images"), "--project", SLUG]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    figures = {
        "file_mib": (folder / "images" / "large.tif").stat().st_size / 2**20,
        "import_s": time.perf_counter() - started,
        "import_peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    open_installation(Settings(home=home)).database.close()
    server = Server(home, free_port())
    server.start()
    try:
        figures |= in_the_browser(server)
    finally:
        server.kill()
    return {name: round(value, 2) for name, value in figures.items()}


def write_geotiff(path: Path, side: int, seed: int) -> None:
    """Write coloured squares with a little noise, strip by strip, 0.5 m a px, UTM 40 N."""
    path.parent.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    squares = rng.integers(30, 220, (3, side // BLOCK_PX, side // BLOCK_PX))
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8"}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"}
    place = from_origin(330_000, 2_790_000, 0.5, 0.5)
    # GDAL's cache would be this process's largest part, and the child's peak begins with that.
    small = rasterio.Env(GDAL_CACHEMAX=64)
    with (
        small,
        rasterio.open(path, "w", crs="EPSG:32640", transform=place, **profile) as target,
    ):
        for row in range(side // BLOCK_PX):
            strip = np.kron(squares[:, row : row + 1], np.ones((1, BLOCK_PX, BLOCK_PX)))
            noisy = np.clip(strip + rng.integers(-8, 9, strip.shape), 0, 255)
            target.write(noisy.astype(np.uint8), window=Window(0, row * BLOCK_PX, side, BLOCK_PX))


def in_the_browser(server: Server) -> dict[str, float]:
    """Return seconds until the map has its tiles and the canvas its image, at first and again."""
    figures = {}
    with sync_playwright() as playwright:
        found = next((p for name in CHROMIUM_NAMES if (p := shutil.which(name))), None)
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        page = browser.new_context(viewport=VIEWPORT).new_page()  # type: ignore[arg-type]
        page.set_default_timeout(LONGEST_MS)
        for when in ("first", "again"):
            started = time.perf_counter()
            page.goto(f"{server.url}/map?project={SLUG}")
            _wait_for_tiles(page)
            figures[f"map_{when}_s"] = time.perf_counter() - started
            started = time.perf_counter()
            page.goto(f"{server.url}/review?project={SLUG}")
            page.wait_for_function("() => window.__rsqa?.painted")
            figures[f"review_{when}_s"] = time.perf_counter() - started
        browser.close()
    return figures


def _wait_for_tiles(page: Page) -> None:
    """Wait until every tile in sight is loaded."""
    frame = page.frame_locator("iframe").first
    frame.locator("path.leaflet-interactive").first.wait_for(state="attached")
    frame.locator("img.leaflet-tile-loaded").first.wait_for()
    loading = frame.locator("img.leaflet-tile:not(.leaflet-tile-loaded)")
    end = time.monotonic() + LONGEST_MS / 1000
    while loading.count():
        if time.monotonic() > end:
            raise TimeoutError("The map's tiles did not come.")
        page.wait_for_timeout(50)


if __name__ == "__main__":
    main()
