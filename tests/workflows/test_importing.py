from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from db.store import candidates, images, projects
from rsqa_core.errors import CancelledError, ConflictError, InvalidInputError, NotFoundError
from rsqa_core.metrics import overall_accuracy
from rsqa_core.raster import pixel_sha256, read_mask, read_probs, read_tile
from rsqa_core.records import VOID, Candidate, ImageRecord, Project
from rsqa_core.settings import Settings
from tests.rsqa_core.raster.making import NORTH_UP, UTM, noise, write_png, write_tiff
from workflows.cli import rsqa
from workflows.importing import ImportOptions, ImportReport, plan_import, run_import
from workflows.opening import Installation, open_installation

SMALL = ImportOptions(tile_px=32)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(Settings(home=tmp_path / "home"))
    yield opened
    opened.database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images of three classes with masks; the first has two candidates, one with probs."""
    root = tmp_path / "town"
    rng = np.random.default_rng(5)
    for name, seed in (("tile1_a", 1), ("tile2_b", 2)):
        write_png(root / f"images/{name}.png", noise((40, 60, 3), seed=seed))
        mask = rng.integers(0, 4, (40, 60)).astype(np.uint8)
        write_png(root / f"masks/{name}.png", mask)
    write_png(
        root / "candidates/good/tile1_a.png", np.asarray(Image.open(root / "masks/tile1_a.png"))
    )
    write_png(root / "candidates/net/tile1_a.png", rng.integers(0, 3, (40, 60)).astype(np.uint8))
    probs = rng.dirichlet([1, 1, 1], (40, 60)).transpose(2, 0, 1)
    np.savez(root / "candidates/net/tile1_a.npz", probs=probs)
    (root / "palette.json").write_text(
        json.dumps({"Land": 0, "Water": 1, "Road": 2, "Unlabeled": 3})
    )
    return root


IGNORING = ImportOptions(tile_px=32, ignored=("Unlabeled",))


def imported(
    installation: Installation, folder: Path, options: ImportOptions = IGNORING, slug: str = "town"
) -> ImportReport:
    return run_import(installation, plan_import(folder, options), slug)


def stored(
    installation: Installation, slug: str = "town"
) -> tuple[Project, list[ImageRecord], list[Candidate]]:
    with installation.database.read() as session:
        project = projects.get(session, slug)
        return (
            project,
            images.all_of(session, project.id),
            candidates.all_of(session, project.id),
        )


def put_together(records: list[ImageRecord], parts: list[np.ndarray]) -> np.ndarray:
    shape = (records[0].source_height_px, records[0].source_width_px)
    whole = np.zeros((*parts[0].shape[:-2], *shape), dtype=parts[0].dtype)
    for record, part in zip(records, parts, strict=True):
        rows = slice(record.y_px, record.y_px + record.height_px)
        columns = slice(record.x_px, record.x_px + record.width_px)
        whole[..., rows, columns] = part
    return whole


def test_tiles_and_masks_put_together_are_the_source(
    installation: Installation, folder: Path
) -> None:
    report = imported(installation, folder)
    assert (report.images, report.tiles, report.masks, report.candidates) == (2, 8, 8, 8)
    assert report.left_out == ()
    project, records, _ = stored(installation)
    assert [c.name for c in project.classes] == ["Land", "Water", "Road"]
    assert project.ignored == ("unlabeled",)
    first = [r for r in records if r.scene == "tile1"]
    assert [r.name for r in first] == [f"tile1_a_r{i}c{j}" for i in (0, 1) for j in (0, 1)]
    tiles = [read_tile(installation.files.path(r.tile_path)) for r in first]
    assert [pixel_sha256(t) for t in tiles] == [r.sha256 for r in first]
    source = np.asarray(Image.open(folder / "images/tile1_a.png"))
    np.testing.assert_array_equal(put_together(first, tiles), np.moveaxis(source, -1, 0))
    masks = [read_mask(installation.files.path(r.reference_mask_path or "")) for r in first]
    reference = np.asarray(Image.open(folder / "masks/tile1_a.png"))
    expected = np.where(reference == 3, VOID, reference)
    np.testing.assert_array_equal(put_together(first, masks), expected)
    with Image.open(installation.files.path(first[0].display_path)) as shown:
        assert shown.size == (first[0].width_px, first[0].height_px)


def test_candidates_are_measured_and_keep_their_probabilities(
    installation: Installation, folder: Path
) -> None:
    imported(installation, folder)
    _, records, found = stored(installation)
    by_id = {r.id: r for r in records}
    assert {c.overall_accuracy for c in found if c.segmenter == "good"} == {1.0}
    probs = np.load(folder / "candidates/net/tile1_a.npz")["probs"]
    for candidate in (c for c in found if c.segmenter == "net"):
        image = by_id[candidate.image_id]
        mask = read_mask(installation.files.path(candidate.mask_path))
        reference = read_mask(installation.files.path(image.reference_mask_path or ""))
        expected = overall_accuracy(mask, reference)
        assert expected is not None
        assert candidate.overall_accuracy == expected.overall_accuracy
        assert candidate.valid_px == expected.valid_px
        assert candidate.mask_sha256 == pixel_sha256(mask)
        assert candidate.area_shares == tuple((mask == i).mean() for i in range(3))
        stored_probs = read_probs(installation.files.path(candidate.probs_path or ""))
        window = probs[
            :,
            image.y_px : image.y_px + image.height_px,
            image.x_px : image.x_px + image.width_px,
        ]
        np.testing.assert_allclose(stored_probs, window, atol=1e-3)


def test_tiles_of_a_georeferenced_image_know_where_they_lie(
    installation: Installation, tmp_path: Path
) -> None:
    pixels = noise((4, 40, 70), "uint16")
    write_tiff(tmp_path / "s/a.tif", pixels, crs=UTM, transform=NORTH_UP, nodata=0)
    imported(installation, tmp_path / "s", SMALL)
    _, records, _ = stored(installation)
    for record in records:
        assert record.crs == UTM
        assert record.transform == (
            2.0,
            0.0,
            500_000.0 + 2 * record.x_px,
            0.0,
            -2.0,
            4_000_000.0 - 2 * record.y_px,
        )
    assert len({r.stretch for r in records}) == 1
    assert len(records[0].stretch) == 3
    assert (records[0].bands, records[0].dtype) == (4, "uint16")
    tiles = [read_tile(installation.files.path(r.tile_path)) for r in records]
    np.testing.assert_array_equal(put_together(records, tiles), pixels)


def test_where_the_image_has_no_data_masks_have_no_label_and_tiles_are_dropped(
    installation: Installation, tmp_path: Path
) -> None:
    pixels = np.dstack([noise((32, 64, 3)), np.zeros((32, 64), np.uint8)])
    pixels[:, 32:, 3] = 255
    pixels[:4, 32:, 3] = 0
    write_png(tmp_path / "s/images/a.png", pixels)
    write_png(tmp_path / "s/masks/a.png", np.ones((32, 64), dtype=np.uint8))
    write_png(tmp_path / "s/candidates/net/a.png", np.zeros((32, 64), dtype=np.uint8))
    imported(installation, tmp_path / "s", SMALL)
    _, (record,), (candidate,) = stored(installation)
    assert (record.x_px, record.bands) == (32, 3)
    for path in (record.reference_mask_path, candidate.mask_path):
        mask = read_mask(installation.files.path(path or ""))
        assert (mask[:4] == VOID).all()
        assert (mask[4:] != VOID).all()
    assert (candidate.overall_accuracy, candidate.valid_px) == (0.0, 28 * 32)


def test_the_same_import_again_changes_nothing(installation: Installation, folder: Path) -> None:
    imported(installation, folder)
    before = stored(installation)
    report = imported(installation, folder)
    assert (report.images, report.tiles, report.already_there) == (0, 0, 2)
    assert stored(installation) == before


def test_a_stopped_import_keeps_whole_images_and_goes_on(
    installation: Installation, folder: Path
) -> None:
    def stop(step: str, done: int, total: int) -> None:
        if step == "importing tiles" and done == 6:
            raise CancelledError("enough")

    plan = plan_import(folder, IGNORING)
    with pytest.raises(CancelledError):
        run_import(installation, plan, "town", progress=stop)
    _, records, _ = stored(installation)
    assert {r.source_name for r in records} == {"images/tile1_a.png"}
    assert len(records) == 4
    report = run_import(installation, plan, "town")
    assert (report.images, report.already_there) == (1, 1)
    assert len(stored(installation)[1]) == 8


def test_candidates_can_follow_their_images_later(installation: Installation, folder: Path) -> None:
    later = folder / "candidates"
    later.rename(folder.parent / "later")
    imported(installation, folder)
    assert stored(installation)[2] == []
    (folder.parent / "later").rename(later)
    report = imported(installation, folder, ImportOptions(tile_px=64, ignored=("Unlabeled",)))
    assert (report.images, report.candidates) == (0, 8)
    _, records, found = stored(installation)
    assert len(records) == 8
    assert {c.overall_accuracy for c in found if c.segmenter == "good"} == {1.0}


def test_the_same_folder_again_imports_nothing_and_says_so(
    installation: Installation, folder: Path
) -> None:
    options = ImportOptions(tile_px=64, ignored=("Unlabeled",))
    first = imported(installation, folder, options)
    before = stored(installation)

    again = imported(installation, folder, options)

    assert (first.images, first.candidates) == (2, 2)
    assert (again.images, again.candidates, again.already_there) == (0, 0, 2)
    assert stored(installation) == before


def test_a_file_that_went_bad_since_the_plan_is_left_out_and_the_rest_imported(
    installation: Installation, folder: Path
) -> None:
    plan = plan_import(folder, IGNORING)
    (folder / "images/tile1_a.png").write_text("overwritten")
    (folder / "masks/tile2_b.png").unlink()
    report = run_import(installation, plan, "town")
    assert [e.name for e in report.left_out] == ["images/tile1_a.png", "masks/tile2_b.png"]
    assert "begins with text" in report.left_out[0].reason
    _, records, found = stored(installation)
    assert {r.source_name for r in records} == {"images/tile2_b.png"}
    assert {r.reference_mask_path for r in records} == {None}
    assert found == []


def test_where_everything_fails_the_database_stays_as_it_was(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.png").write_text("no picture")
    report = imported(installation, tmp_path / "s", SMALL)
    assert (report.images, len(report.left_out)) == (0, 1)
    with installation.database.read() as session, pytest.raises(NotFoundError):
        projects.get(session, "town")


def test_two_files_with_the_same_bytes_are_one_image(
    installation: Installation, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_png(tmp_path / f"s/{name}.png", noise((20, 20, 3)))
    report = imported(installation, tmp_path / "s", SMALL)
    assert report.images == 1
    assert [(e.name, e.reason) for e in report.left_out] == [
        ("b.png", "has the same content as a.png")
    ]


def test_an_existing_project_keeps_its_classes(
    installation: Installation, folder: Path, tmp_path: Path
) -> None:
    imported(installation, folder)
    write_png(tmp_path / "more/images/c.png", noise((20, 20, 3)))
    write_png(tmp_path / "more/candidates/net/c.png", np.full((20, 20), 5, dtype=np.uint8))
    (tmp_path / "more/palette.json").write_text('{"Sea": 5}')
    plan = plan_import(tmp_path / "more", SMALL)  # made without knowing the project
    with pytest.raises(ConflictError, match="'Sea'"):
        run_import(installation, plan, "town")
    options = ImportOptions(tile_px=32, class_map={"Sea": "Water"})
    report = imported(installation, tmp_path / "more", options)
    assert report.candidates == 1
    project, _, found = stored(installation)
    assert len(project.classes) == 3
    assert found[-1].area_shares == (0.0, 1.0, 0.0)


def test_generated_imagery_is_marked(installation: Installation, folder: Path) -> None:
    imported(installation, folder, ImportOptions(ignored=("Unlabeled",), origin="generated"))
    project, records, _ = stored(installation)
    assert project.origin == "generated"
    assert all(r.generated for r in records)


def archive_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"town/{file.relative_to(folder)}")
        archive.writestr("../climber.png", b"x")
    return path


def test_an_archive_is_imported_and_its_climber_named(
    installation: Installation, folder: Path, tmp_path: Path
) -> None:
    plan = plan_import(archive_of(folder, tmp_path / "town.zip"), IGNORING)
    assert plan.root.exists()
    report = run_import(installation, plan, "town")
    assert (report.images, report.candidates) == (2, 8)
    assert [e.name for e in report.left_out] == ["../climber.png"]
    plan.close()
    assert not plan.root.exists()


def test_an_archive_for_an_existing_project_names_its_climber_once(
    installation: Installation, folder: Path, tmp_path: Path
) -> None:
    imported(installation, folder)
    plan = plan_import(archive_of(folder, tmp_path / "town.zip"), IGNORING)
    report = run_import(installation, plan, "town")
    assert [e.name for e in report.left_out] == ["../climber.png"]
    plan.close()


def test_what_is_neither_folder_nor_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"folder or a \.zip"):
        plan_import(tmp_path / "a.png", SMALL)
    with pytest.raises(NotFoundError, match="nowhere"):
        plan_import(tmp_path / "nowhere", SMALL)


def call(home: Path, *arguments: str | Path) -> Result:
    return CliRunner(env={"RSQA_HOME": str(home)}).invoke(
        rsqa, ["import", *(str(a) for a in arguments)], catch_exceptions=False
    )


def test_the_command_imports_and_says_what_it_left_out(tmp_path: Path, folder: Path) -> None:
    (folder / "images/bad.png").write_text("text")
    home = tmp_path / "home"
    options = ("--project", "town", "--ignore", "Unlabeled", "--tile", "32")
    result = call(home, folder, *options, "--dry-run")
    assert result.exit_code == 0
    assert "Would import 2 images as 8 tiles" in result.output
    assert "images/bad.png" in result.output
    assert not home.exists()
    result = call(home, folder, *options)
    assert result.exit_code == 0
    assert "come from palette.json" in result.output
    assert "images/bad.png" in result.output
    assert "begins with text" in " ".join(result.output.split())
    assert "Imported 2 images as 8 tiles into 'town'" in result.output
    assert call(home, folder, *options).exit_code == 0
    assert call(home, folder, *options, "--strict").exit_code == 1


def test_the_command_fails_where_nothing_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    assert call(tmp_path / "home", tmp_path / "s", "--project", "p").exit_code == 1
    (tmp_path / "s/a.png").write_text("text")
    result = call(tmp_path / "home", tmp_path / "s", "--project", "p", "--dry-run")
    assert result.exit_code == 1
    assert "a.png" in result.output


def test_what_comes_next_goes_by_what_the_project_has(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second time nothing is new
        result = call(tmp_path / "home", folder, "--project", "harbour", "--ignore", "Unlabeled")
        assert "Next: rsqa score --project harbour" in result.output
    (folder / "candidates").rename(tmp_path / "elsewhere")
    result = call(tmp_path / "home", folder, "--project", "bare", "--ignore", "Unlabeled")
    assert "Next: rsqa segment --project bare" in result.output


def test_the_commands_help_has_examples() -> None:
    result = CliRunner().invoke(rsqa, ["import", "--help"])
    assert "rsqa import survey.zip" in result.output
    for option in ("--palette", "--ignore", "--map", "--tile", "--overlap", "--scene-pattern"):
        assert option in result.output


def test_the_sample_is_imported_with_its_scenes_and_classes(
    sample_mirror: Path, tmp_path: Path
) -> None:
    from workflows.samples import import_sample

    installation = open_installation(Settings(tmp_path / "home", sample_mirror, offline=True))
    try:
        assert import_sample(installation, "dubai") == "dubai"
        project, records, _ = stored(installation, "dubai")
    finally:
        installation.database.close()
    assert (project.origin, project.name) == ("sample", "Dubai aerial imagery")
    assert [c.name for c in project.classes] == ["Building", "Land", "Road", "Vegetation", "Water"]
    assert {r.scene for r in records} == {"tile2", "tile6", "tile7"}
    assert all(r.reference_mask_path for r in records)
