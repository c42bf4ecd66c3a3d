"""The evaluation data set: who may segment what, what is recorded, and going on after a stop."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from db.store import candidates, images, projects
from rsqa_core.encoders import openclip
from rsqa_core.errors import CancelledError, InvalidInputError, NotFoundError
from rsqa_core.features.keys import candidate_key, segmenter_features
from rsqa_core.metrics import measure_targets
from rsqa_core.raster import read_mask
from rsqa_core.records import Candidate, ImageRecord
from rsqa_core.segmenters import network
from rsqa_core.segmenters.network import load_segmenter
from rsqa_core.training import segmenter as segmenter_training
from tests.rsqa_core.standins import BandSegmenter, ColourEncoder
from tests.workflows.harbour import SCENES, SLUG, TILES_A_SCENE, add_project, source_of
from workflows import sqed
from workflows.commands import build_sqed as command_module
from workflows.opening import Installation
from workflows.sqed import SqedOptions, SqedReport, build_sqed
from workflows.sqed_networks import FoldSegmenters, FoldTraining, refuse_seen
from workflows.sqed_rows import read_rows

NET, ZERO = "deeplabv3plus-lcnet", "zero-shot-patches"
GIVEN = ("north", "south,west")
TRAINING = FoldTraining(steps=2, side_px=64, generated=0)
OPTIONS = SqedOptions(given=GIVEN, segmenters=(NET, ZERO), training=TRAINING)
TILES = len(SCENES) * TILES_A_SCENE


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Train small batches, and find no shipped weights."""
    for name, change in (
        ("SegmenterTraining", {"batch": 2}),
        ("describe_features", {"crops": 4}),
    ):
        made = functools.partial(getattr(segmenter_training, name), **change)
        monkeypatch.setattr(segmenter_training, name, made)
    monkeypatch.setattr(network, "WEIGHTS_DIR", tmp_path / "no weights")


def recorded(installation: Installation) -> tuple[list[ImageRecord], list[Candidate]]:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        return images.all_of(session, project.id), candidates.all_of(session, project.id)


def built(installation: Installation, out: Path, **changes: Any) -> SqedReport:
    return build_sqed(installation, [SLUG], out, replace(OPTIONS, **changes))


def path_of(installation: Installation, fold: str, name: str = NET) -> Path:
    folder = installation.settings.home / "training" / "sqed" / SLUG / fold
    return folder / f"{name}.safetensors"


def test_no_candidate_comes_from_a_network_that_saw_its_scene(
    imported: Installation, tmp_path: Path
) -> None:
    report = built(imported, tmp_path)

    assert (report.candidates, report.made, report.trained) == (2 * TILES, 2 * TILES, 2)
    first, second = (load_segmenter(path_of(imported, f"fold-{n}")) for n in (1, 2))
    assert first.trained_on == {source_of("south"), source_of("west")}
    assert second.trained_on == {source_of("north")}
    tiles, found = recorded(imported)
    scene_of = {tile.id: tile.scene for tile in tiles}
    for candidate in found:
        if candidate.segmenter == NET:
            expected = first if scene_of[candidate.image_id] == "north" else second
            assert candidate.segmenter_fingerprint == expected.fingerprint
    assert {(c.image_id, c.segmenter) for c in found} == {
        (tile.id, name) for tile in tiles for name in (NET, ZERO)
    }


def test_candidates_are_described_like_any_other(imported: Installation, tmp_path: Path) -> None:
    built(imported, tmp_path)

    tiles, found = recorded(imported)
    tile_of = {tile.id: tile for tile in tiles}
    for candidate in found:
        key = candidate_key(tile_of[candidate.image_id].sha256, candidate.mask_sha256)
        store = segmenter_features(imported.settings.features_dir, candidate.segmenter_fingerprint)
        assert np.isfinite(store.load([key])[key]).any()


def test_the_table_has_a_row_a_candidate_with_all_targets(
    imported: Installation, tmp_path: Path
) -> None:
    report = built(imported, tmp_path)

    tiles, found = recorded(imported)
    rows = {(row.image_sha256, row.segmenter): row for row in read_rows(report.table)}
    assert len(rows) == 2 * TILES
    tile_of = {tile.id: tile for tile in tiles}
    files = imported.files
    for candidate in found:
        tile = tile_of[candidate.image_id]
        row = rows[tile.sha256, candidate.segmenter]
        targets = measure_targets(
            read_mask(files.path(candidate.mask_path)),
            read_mask(files.path(str(tile.reference_mask_path))),
            5,
        )
        assert targets is not None
        assert row.overall_accuracy == pytest.approx(targets.overall_accuracy)
        assert row.overall_accuracy == pytest.approx(candidate.overall_accuracy)
        assert (row.mean_iou, row.boundary_f1) == (targets.mean_iou, targets.boundary_f1)
        assert row.valid_px == targets.valid_px
        assert [np.nan if v is None else v for v in row.ious] == pytest.approx(
            list(targets.ious), nan_ok=True
        )
        assert (row.scene, row.source_sha256) == (tile.scene, source_of(tile.scene))
        assert row.fold == ("fold-1" if tile.scene == "north" else "fold-2")
        assert (row.x_px, row.y_px, row.width_px, row.height_px) == (tile.x_px, 0, 64, 64)
        assert row.mask_sha256 == candidate.mask_sha256
        assert row.segmenter_fingerprint == candidate.segmenter_fingerprint
        uses = ColourEncoder().fingerprint if candidate.segmenter == ZERO else None
        assert row.encoder_fingerprint == uses
    assert pq.read_schema(report.table).metadata[b"boundary_tolerance_px"] == b"3.0"


def test_the_card_says_how_it_was_made_and_what_is_in_it(
    imported: Installation, tmp_path: Path
) -> None:
    report = built(imported, tmp_path, licences={SLUG: "CC0 1.0"})

    card = report.card.read_text()
    assert f"| {SLUG}/fold-1 | north | south, west | 2 | 0 | rsqa-compact (" in card
    assert f"- {SLUG}: CC0 1.0" in card
    assert f"- {SLUG}/fold-2: networks that this build trained: 2 steps, crops of 64 px" in card
    assert "as shipped" not in card
    mean = np.mean([r.overall_accuracy for r in read_rows(report.table) if r.segmenter == NET])
    assert f"| {NET} | {TILES} | {mean:.3f} |" in card
    assert f"| {SLUG}/west | {2 * TILES_A_SCENE} |" in card


def test_a_candidate_of_a_segmenter_that_saw_the_image_is_refused(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking = BandSegmenter("leaking")
    leaking.trained_on = frozenset({source_of("north")})
    monkeypatch.setattr(FoldSegmenters, "segmenter", lambda *_: leaking)

    with pytest.raises(InvalidInputError, match=r"leaking .* trained on north\.tif of scene"):
        built(imported, tmp_path, segmenters=(NET,))
    assert recorded(imported)[1] == []

    tiles, _ = recorded(imported)
    refuse_seen(leaking, [tile for tile in tiles if tile.scene != "north"])


def test_a_network_that_trained_on_other_images_is_not_taken(
    imported: Installation, tmp_path: Path
) -> None:
    built(imported, tmp_path, segmenters=(NET,))
    wrong = path_of(imported, "fold-2").read_bytes()
    path_of(imported, "fold-1").write_bytes(wrong)

    report = built(imported, tmp_path, segmenters=(NET,))

    assert report.trained == 1
    assert load_segmenter(path_of(imported, "fold-1")).trained_on == {
        source_of("south"),
        source_of("west"),
    }


def test_a_shipped_network_of_the_same_images_is_copied(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(imported, tmp_path, segmenters=(NET,))
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    content = path_of(imported, "fold-2").read_bytes()
    path_of(imported, "fold-2").rename(shipped / f"{NET}.safetensors")
    monkeypatch.setattr(network, "WEIGHTS_DIR", shipped)

    report = built(imported, tmp_path, segmenters=(NET,))

    assert (report.trained, report.made) == (0, 0)
    assert path_of(imported, "fold-2").read_bytes() == content
    assert f"as shipped, see their cards: {NET}" in report.card.read_text()


def test_a_stopped_build_goes_on_and_progress_is_of_the_whole_job(
    imported: Installation, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []

    def stopping(step: str, done: int, total: int) -> None:
        seen.append((step, done, total))
        if "/fold-2 deeplab" in step and "making" in step:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        build_sqed(imported, [SLUG], tmp_path, OPTIONS, progress=stopping)

    # Two networks of 2 steps; each image segmented twice and measured once.
    assert {total for *_, total in seen} == {2 * 2 + 3 * TILES}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert not (tmp_path / "sqed.parquet").exists()
    assert len(recorded(imported)[1]) == 2 * TILES_A_SCENE

    report = built(imported, tmp_path)
    assert report.trained == 0
    assert report.made == 4 * TILES_A_SCENE
    assert report.candidates == 2 * TILES


def test_measures_of_an_earlier_table_are_reused(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_rows(built(imported, tmp_path, segmenters=(ZERO,)).table)
    monkeypatch.setattr("workflows.sqed_rows.measure_targets", None)

    again = read_rows(built(imported, tmp_path, segmenters=(ZERO,)).table)
    assert again == first
    with pytest.raises(TypeError):  # another tolerance has to be measured
        built(imported, tmp_path, segmenters=(ZERO,), tolerance_px=1.0)


def test_each_fold_may_have_an_encoder_of_its_own(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, **_: Any) -> ColourEncoder:
        return ColourEncoder(name)

    monkeypatch.setattr(openclip, "load_encoder", load)
    training = replace(TRAINING, encoders={"fold-1": "other", "*": "all"})

    report = built(imported, tmp_path, segmenters=(ZERO,), training=training)

    by_fold = {row.fold: row.encoder_fingerprint for row in read_rows(report.table)}
    assert by_fold == {
        "fold-1": ColourEncoder("other").fingerprint,
        "fold-2": ColourEncoder("all").fingerprint,
    }
    assert len({row.segmenter_fingerprint for row in read_rows(report.table)}) == 2


def test_generated_scenes_only_where_the_classes_are_the_same(imported: Installation) -> None:
    from rsqa_core.records import ClassDef
    from workflows.sqed_folds import Fold

    add_project(
        imported,
        "waters",
        classes=(ClassDef(0, "Rest", (9, 9, 9)), ClassDef(1, "Water", (0, 0, 200))),
    )
    source = FoldSegmenters(imported, replace(TRAINING, generated=7))

    assert source.generated(Fold(SLUG, "fold-1", ("north",), ("south",))) == 7
    assert source.generated(Fold("waters", "fold-1", ("north",), ("south",))) == 0


def test_what_cannot_be_built_is_refused_first(imported: Installation, tmp_path: Path) -> None:
    add_project(imported, "empty")
    with pytest.raises(NotFoundError, match="Did you mean 'zero-shot-patches'"):
        built(imported, tmp_path, segmenters=("zero-shot-patch",))
    with pytest.raises(InvalidInputError, match="no image with a reference mask"):
        build_sqed(imported, ["empty"], tmp_path, OPTIONS)
    with pytest.raises(InvalidInputError, match=r"'west' .* is in 0 folds"):
        built(imported, tmp_path, given=("north", "south"))


def test_the_command_passes_its_options_on(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def build(
        installation: Installation, slugs: Sequence[str], out: Path, options: SqedOptions, **_: Any
    ) -> SqedReport:
        asked.update(slugs=list(slugs), out=out, options=options)
        return SqedReport(8, 5, 2, out / "sqed.parquet", out / "sqed.md")

    monkeypatch.setattr(sqed, "build_sqed", build)
    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))

    result = CliRunner().invoke(
        command_module.command,
        [
            *("--project", SLUG, "--fold", "north", "--fold", "south,west", "--steps", "3"),
            *("--side", "96", "--generated", "4", "--seed", "5", "--tolerance", "2"),
            *("--encoder", "a.safetensors", "--encoder", "fold-1=b.safetensors"),
            *("--segmenter", NET, "--licence", f"{SLUG}=CC0", "--out", str(tmp_path)),
        ],
    )

    assert result.exit_code == 0, result.output
    assert "8 candidates, 5 of them new, 2 networks trained" in result.output
    encoders = {"*": "a.safetensors", "fold-1": "b.safetensors"}
    assert asked["options"] == SqedOptions(
        given=("north", "south,west"),
        segmenters=(NET,),
        training=FoldTraining(3, 96, 4, 5, encoders),
        tolerance_px=2.0,
        licences={SLUG: "CC0"},
    )
    assert (asked["slugs"], asked["out"]) == ([SLUG], tmp_path)
