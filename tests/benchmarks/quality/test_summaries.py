"""One pass over images gives what the baselines need, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.quality.summaries import SegmenterFinder, label_quality, summarise
from db.store import candidates, images, projects
from rsqa_core.errors import UnreadableFileError
from rsqa_core.evaluation.baselines import BINS
from rsqa_core.evaluation.reliability import average_precision
from rsqa_core.raster import read_mask, read_rgb
from rsqa_core.records import VOID, Candidate, ImageRecord, Project
from rsqa_core.segmenters.network import WEIGHTS_DIR
from rsqa_core.settings import Settings
from tests.rsqa_core.standins import BandSegmenter
from tests.workflows.harbour import SLUG, add_project, add_tiles, make_segmenters
from workflows.opening import Installation, open_installation
from workflows.scoring import groups_of
from workflows.segmenting import segment_project

Groups = list[tuple[ImageRecord, list[Candidate]]]


@pytest.fixture
def segmenters() -> dict[str, BandSegmenter]:
    return {segmenter.fingerprint: segmenter for segmenter in make_segmenters()}


@pytest.fixture
def installation(tmp_path: Path, segmenters: dict[str, BandSegmenter]) -> Iterator[Installation]:
    torch.set_num_threads(1)
    opened = open_installation(Settings(home=tmp_path / "home"))
    project = add_project(opened)
    add_tiles(opened, project, "north", range(2))
    segment_project(opened, SLUG, segmenters=list(segmenters.values()))
    yield opened
    opened.database.close()


def found_in(installation: Installation) -> tuple[Project, Groups]:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        return project, groups_of(
            images.all_of(session, project.id), candidates.all_of(session, project.id)
        )


def test_summaries_are_those_of_the_probabilities(
    installation: Installation, segmenters: dict[str, BandSegmenter]
) -> None:
    project, groups = found_in(installation)

    summary = summarise(installation, project, groups, segmenters.get)[1]

    image, found = groups[1]
    files = installation.files
    rgb = read_rgb(files.path(image.tile_path))
    reference = read_mask(files.path(str(image.reference_mask_path)))
    stack = [segmenters[str(c.segmenter_fingerprint)].predict(rgb) for c in found]
    start = 0
    for i, (candidate, made) in enumerate(zip(found, stack, strict=True)):
        top = made.probs.max(axis=0)
        centres = (np.arange(BINS) + 0.5) / BINS
        assert summary.confidence[i, 0] @ centres == pytest.approx(top.mean(), abs=1 / BINS)
        others = [s for j, s in enumerate(stack) if j != i]
        mean = np.mean([s.probs for s in others], axis=0)
        own = np.take_along_axis(mean, made.mask[None].astype(np.int64), axis=0)[0]
        weight = np.exp((1 - own) / 0.1)
        assert summary.cleanlab[i, 0] == pytest.approx((own * weight).sum() / weight.sum())
        assert summary.cleanlab[i, 1] == pytest.approx(own.mean())
        wrong = (made.mask != reference) & (reference != VOID)
        assert summary.errors[i, :, 1].sum(axis=1).tolist() == [wrong.sum()] * 2
        assert summary.errors[i].sum(axis=(1, 2)).tolist() == [(reference != VOID).sum()] * 2
        # Two others: the pixel's score is 0, a half or 1.
        disagreement = np.mean([s.mask != made.mask for s in others], axis=0)
        expected = [((disagreement == v) & wrong).sum() for v in (0, 0.5, 1)]
        assert summary.errors[i, 1, 1][[0, 128, 255]].tolist() == expected
        part = slice(start, start + summary.sizes[i])
        start += int(summary.sizes[i])
        area = summary.components.area_px[part]
        assert area.sum() == reference.size
        known = np.isfinite(summary.components.accuracy[part])
        accuracy = np.average(summary.components.accuracy[part][known], weights=area[known])
        assert accuracy == pytest.approx(candidate.overall_accuracy, abs=0.05)
    assert np.isfinite(average_precision(summary.errors[:, 0])).all()


def test_a_second_pass_reads_what_the_first_kept(
    installation: Installation, segmenters: dict[str, BandSegmenter]
) -> None:
    project, groups = found_in(installation)
    first = summarise(installation, project, groups, segmenters.get)
    calls = [segmenter.calls for segmenter in segmenters.values()]

    second = summarise(installation, project, groups, segmenters.get)

    assert [segmenter.calls for segmenter in segmenters.values()] == calls
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.confidence, b.confidence)
        assert np.array_equal(a.components.features, b.components.features, equal_nan=True)
    for path in (installation.settings.home / "benchmark").rglob("*.npz"):
        path.write_bytes(b"half")
    with pytest.raises(UnreadableFileError, match="Delete it"):
        summarise(installation, project, groups, segmenters.get)


def test_without_its_segmenter_a_candidate_lacks_what_needs_probabilities(
    installation: Installation, segmenters: dict[str, BandSegmenter]
) -> None:
    project, groups = found_in(installation)
    lost = str(groups[0][1][0].segmenter_fingerprint)
    other = BandSegmenter("near", 0.5)  # gives another mask than the one stored

    for find in (
        {f: s for f, s in segmenters.items() if f != lost}.get,
        (segmenters | {lost: other}).get,
    ):
        summary = summarise(installation, project, groups, find)[0]
        assert np.isnan(summary.confidence[0]).all()
        assert np.isfinite(summary.confidence[1:]).all()
        assert summary.sizes[0] == 0
        assert not summary.errors[0, 0].any()
        assert summary.errors[0, 1].any()
        assert np.isfinite(summary.cleanlab).all()
        for path in (installation.settings.home / "benchmark").rglob("*.npz"):
            path.unlink()


def test_label_quality_needs_others_and_a_whole_mask() -> None:
    mask = np.zeros((4, 4), dtype=np.uint8)
    probs = np.full((2, 4, 4), 0.5, dtype=np.float32)

    assert label_quality(mask, [probs, None]) == pytest.approx((0.5, 0.5))
    assert np.isnan(label_quality(mask, [None])).all()
    assert np.isnan(label_quality(np.full((4, 4), VOID, dtype=np.uint8), [probs])).all()


def test_segmenters_are_found_by_the_content_of_their_file(tmp_path: Path) -> None:
    folder = tmp_path / "training" / "sqed" / "here" / "fold-1"
    folder.mkdir(parents=True)
    (folder / "broken.safetensors").write_bytes(b"no network")
    shipped = sorted(WEIGHTS_DIR.glob("*.safetensors"))[0]
    (folder / "copy.safetensors").write_bytes(shipped.read_bytes())

    live = BandSegmenter("live")

    find = SegmenterFinder(tmp_path, [live])

    broken, copy = (
        next(f for f, path in find.paths.items() if path.name == name)
        for name in ("broken.safetensors", "copy.safetensors")
    )
    assert find(broken) is None
    assert find("nothing") is None
    assert find(live.fingerprint) is live
    loaded = find(copy)
    assert loaded is not None
    assert loaded.fingerprint == copy
    assert find(copy) is loaded
