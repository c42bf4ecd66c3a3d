"""How often the interval of a point check holds the measured accuracy, on real candidates.

``python -m benchmarks.point_check --home DIR --project P`` takes candidates of a project with
reference masks at random, answers their points from the reference as a reviewer without mistakes
would, stops when the interval is narrow or the points are used up, and counts. A row a design goes
to benchmarks/results/point_check.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import RESULTS, Value, append_row
from db.store import candidates, images, projects
from rsqa_core.evaluation.point_check import COVERAGE, FEWEST, draw_points, estimate
from rsqa_core.raster import read_mask
from rsqa_core.records import POINT_DESIGNS, VOID, PointDesign
from rsqa_core.settings import Settings
from workflows.opening import open_installation


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.point_check", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--project", default="dubai")
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    installation = open_installation(Settings(home=options.home.resolve()))
    with installation.database.read() as session:
        project = projects.get(session, options.project)
        tiles = [i for i in images.all_of(session, project.id) if i.reference_mask_path]
        found = candidates.of_images(session, [tile.id for tile in tiles])
    pairs = [(tile, candidate) for tile in tiles for candidate in found[tile.id]]
    for design in POINT_DESIGNS:
        random = np.random.default_rng(options.seed)
        checks = []
        for index in random.integers(0, len(pairs), options.repeats):
            tile, candidate = pairs[index]
            mask = read_mask(installation.files.path(candidate.mask_path))
            reference = read_mask(installation.files.path(str(tile.reference_mask_path)))
            # Where the reference has no label nobody knows what is right.
            checks.append(
                check(
                    np.where(reference == VOID, VOID, mask).astype(np.uint8),
                    reference,
                    design,
                    int(random.integers(2**31)),
                )
            )
        row = figures(checks)
        print(design, row)
        configuration = {"project": options.project, "design": design, "seed": options.seed}
        append_row(options.results / "point_check.csv", configuration, row)
    installation.database.close()


def check(
    mask: NDArray[np.uint8], reference: NDArray[np.uint8], design: PointDesign, seed: int
) -> tuple[float, float, float, float, int]:
    """Return true accuracy, estimate, low, high and the number of points of one simulated check."""
    points = draw_points(mask, design, seed)
    answers = [bool(mask[y, x] == reference[y, x]) for x, y in points.xy]
    count = min(FEWEST, len(answers))
    found = estimate(points, answers[:count])
    while found is not None and not found.is_narrow and count < len(answers):
        count += 1
        found = estimate(points, answers[:count])
    assert found is not None
    labelled = mask != VOID
    truth = float((mask == reference)[labelled].mean())
    return truth, found.accuracy, found.low, found.high, found.n


def figures(checks: Sequence[tuple[float, float, float, float, int]]) -> dict[str, Value]:
    """Return coverage beside the stated one, error and number of points."""
    truth, accuracy, low, high, points = np.array(checks, dtype=np.float64).T
    return {
        "repeats": len(checks),
        "stated": COVERAGE,
        "covered": round(float(((low <= truth) & (truth <= high)).mean()), 4),
        "bias": round(float((accuracy - truth).mean()), 4),
        "mae": round(float(np.abs(accuracy - truth).mean()), 4),
        "width": round(float((high - low).mean()), 4),
        "points": round(float(points.mean()), 1),
    }


if __name__ == "__main__":
    main()
