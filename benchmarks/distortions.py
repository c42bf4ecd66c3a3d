"""How predicted quality holds on imagery as other sensors, weather and processing leave it.

``python -m benchmarks.distortions --data FOLDER`` takes a folder with reference masks as ``rsqa
import`` does. Each distortion of its images is imported, segmented and scored by what is shipped,
and compared with the masks, which follow where the scale changes. Prints a line a distortion and
appends a row each to benchmarks/results/distortions.csv. A share of 90 % of the measured
accuracies is meant to lie in the intervals; where it is less, an alarm should have said so.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.record import RESULTS, Value, append_rows
from db.store import candidates, projects, scores
from rsqa_core.datasets.options import ImportOptions
from rsqa_core.settings import Settings
from workflows.import_plan import plan_import
from workflows.importing import run_import
from workflows.opening import Installation, open_installation
from workflows.process_settings import keep_freed_memory
from workflows.scoring import score_project
from workflows.segmenting import segment_project

Rgb = NDArray[np.uint8]
SEED = 0


def _eight_bit(values: NDArray[np.floating]) -> Rgb:
    return np.asarray(np.rint(values.clip(0, 255)), dtype=np.uint8)


def _noisy(rgb: Rgb) -> Rgb:
    return _eight_bit(rgb + np.random.default_rng(SEED).normal(0, 40, rgb.shape))


def _grey(rgb: Rgb) -> Rgb:
    return _eight_bit(np.repeat(rgb.mean(axis=2, keepdims=True), 3, axis=2))


def _speckled(rgb: Rgb) -> Rgb:
    grains = np.random.default_rng(SEED).gamma(1.0, 1.0, (*rgb.shape[:2], 1))
    return _eight_bit(_grey(rgb) * grains)


@dataclass(frozen=True)
class Distortion:
    """What becomes of an image.

    Attributes:
        values: of (H, W, 3) uint8 pixels other ones.
        scale: pixels a side for each of before; below 1 a pixel shows more ground.
    """

    values: Callable[[Rgb], Rgb] = np.asarray
    scale: float = 1.0


DISTORTIONS = {
    "as it is": Distortion(),
    "dark, a quarter": Distortion(lambda rgb: rgb // 4),
    "bright, 1.8 times": Distortion(lambda rgb: _eight_bit(rgb * 1.8)),
    "haze": Distortion(lambda rgb: _eight_bit(rgb * 0.35 + 140)),
    "grey": Distortion(_grey),
    "red and blue swapped": Distortion(lambda rgb: rgb[..., ::-1]),
    "noise, sigma 40": Distortion(_noisy),
    "grey with speckle": Distortion(_speckled),
    "blur, sigma 4 px": Distortion(lambda rgb: np.asarray(cv2.GaussianBlur(rgb, (0, 0), 4))),
    "coarser, 4 times": Distortion(scale=0.25),
    "finer, 3 times": Distortion(scale=3.0),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images and masks")
    parser.add_argument("--pattern", default="*", help="of the names of the images taken")
    parser.add_argument("--ignore", default="", metavar="NAME,…", help="classes to leave out")
    parser.add_argument("--side", type=int, default=1024, help="px, cut from the upper left")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    keep_freed_memory()
    ignored = tuple(name for name in options.ignore.split(",") if name)
    rows = []
    with tempfile.TemporaryDirectory(prefix="rsqa-distortions-") as name:
        installation = open_installation(Settings(home=Path(name) / "home"))
        for number, (label, distortion) in enumerate(DISTORTIONS.items()):
            folder = Path(name) / f"distorted-{number}"
            images = distorted_folder(options.data, folder, distortion, options)
            plan = plan_import(folder, ImportOptions(ignored=ignored))
            run_import(installation, plan, folder.name)
            segment_project(installation, folder.name)
            score_project(installation, folder.name)
            figures = compared(installation, folder.name)
            print(label, *(f"{key} {value}" for key, value in figures.items()), sep=", ")
            about = {"data": options.data.name, "pattern": options.pattern, "seed": SEED}
            rows.append({**about, "images": images, "distortion": label, **figures})
        installation.database.close()
    append_rows(options.results / "distortions.csv", rows)


def distorted_folder(
    source: Path, target: Path, distortion: Distortion, options: argparse.Namespace
) -> int:
    """Write distorted images with their masks and the palette; return how many."""
    for part in ("images", "masks"):
        (target / part).mkdir(parents=True)
    shutil.copy(source / "palette.json", target)
    found = sorted((source / "images").glob(options.pattern))
    for path in found:
        image = Image.open(path).convert("RGB")
        mask = Image.open(source / "masks" / f"{path.stem}.png")
        side = round(options.side / max(distortion.scale, 1.0))
        box = (0, 0, min(side, image.width), min(side, image.height))
        size = (round(box[2] * distortion.scale), round(box[3] * distortion.scale))
        method = Image.Resampling.BOX if distortion.scale < 1 else Image.Resampling.BICUBIC
        rgb = np.asarray(image.crop(box).resize(size, method))
        name = f"{path.stem}.png"
        Image.fromarray(np.ascontiguousarray(distortion.values(rgb))).save(target / "images" / name)
        mask.crop(box).resize(size, Image.Resampling.NEAREST).save(target / "masks" / name)
    return len(found)


def compared(installation: Installation, slug: str) -> dict[str, Value]:
    """Return accuracies measured and predicted, in mean, and how far the intervals hold."""
    with installation.database.read() as session:
        project = projects.get(session, slug)
        assert project.active_head_id is not None  # it was scored
        said = scores.of_head(session, project.id, project.active_head_id)
        known = [
            (candidate.overall_accuracy, said[candidate.id])
            for candidate in candidates.all_of(session, project.id)
            if candidate.overall_accuracy is not None
        ]
    measured = np.array([accuracy for accuracy, _ in known])
    predicted, low, high = np.array([(s.score, s.low, s.high) for _, s in known]).T
    figures = {
        "accuracy": measured.mean(),
        "predicted": predicted.mean(),
        "mae": np.abs(predicted - measured).mean(),
        "coverage": ((low <= measured) & (measured <= high)).mean(),
        "width": (high - low).mean(),
        "alarms": np.mean([bool(s.alarms) for _, s in known]),
    }
    return {"candidates": len(known), **{k: round(float(v), 4) for k, v in figures.items()}}


if __name__ == "__main__":
    main()
