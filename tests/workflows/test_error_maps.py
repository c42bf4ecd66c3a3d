"""Error maps of a project as files: which ones, joined from tiles, placed, named, checked."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from db.store import candidates, heads, images, projects, reviewers, scores
from rsqa_core.errors import CancelledError, InvalidInputError, NotFoundError, RsqaError
from rsqa_core.raster import TileWindow, encode_mask
from rsqa_core.records import Candidate, ImageRecord, Project, Score
from rsqa_core.settings import Settings
from tests.db.filled import CLASSES, head, new_candidate, new_image
from workflows import error_maps as error_maps_module
from workflows.commands import errors as errors_command
from workflows.error_maps import export_error_maps, safe_name
from workflows.opening import Installation, open_installation

UTM = "EPSG:32640"
NORTH_UP = (2.0, 0.0, 500_000.0, 0.0, -2.0, 2_800_000.0)
WIDTH, HEIGHT, TILE = 48, 32, 32
SLUG = "town"
QUALITY = {"alpha": 0.0, "be/ta": 0.1, "synthetic-1": -0.1}
"""How much more often than in ``pattern`` each segmenter is wrong."""


def pattern(segmenter: str) -> NDArray[np.float32]:
    """Return the error map of a whole source; a bar crosses from one tile into the other."""
    errors = np.full((HEIGHT, WIDTH), 0.2, dtype=np.float32)
    errors[8:14, 10:42] = 0.7
    errors[10:12, 20:24] = 0.2
    return errors + np.float32(QUALITY[segmenter])


@dataclass
class Mapper:
    """Stands in for the head: cuts each image's map out of ``pattern``."""

    added: float = 0.0
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def __call__(
        self,
        installation: Installation,
        project: Project,
        image: ImageRecord,
        found: Sequence[Candidate],
    ) -> list[NDArray[np.float32]]:
        self.calls.append((image.name, tuple(c.segmenter for c in found)))
        return [tile_of(pattern(c.segmenter), image.x_px) + np.float32(self.added) for c in found]


def tile_of(whole: NDArray[np.float32], x_px: int) -> NDArray[np.float32]:
    return whole[:, x_px : x_px + TILE]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Two sources of two overlapping tiles with three candidates each; only one is located."""
    opened = open_installation(Settings(home=tmp_path / "home"))
    mask = np.ones((HEIGHT, TILE), dtype=np.uint8)
    mask[:, 8:12] = 0
    with opened.database.begin() as session:
        project = projects.create(
            session, slug=SLUG, name="Town", classes=CLASSES, class_map={}, origin="imported"
        )
        reviewers.ensure(session, "ada")
        heads.add(session, head("base"))
        tiles = images.add(session, project.id, [*new_tiles("../a b.tif"), *new_tiles("plain.png")])
        found = candidates.put(
            session,
            [
                new_candidate(tile.id, name, mask_path=opened.files.put(encode_mask(mask), ".png"))
                for tile in tiles
                for name in QUALITY
            ],
        )
        x_of = {tile.id: tile.x_px for tile in tiles}
        given = [
            1 - float(tile_of(pattern(c.segmenter), x_of[c.image_id]).mean(dtype=np.float64))
            for c in found
        ]
        scores.publish(
            session,
            project.id,
            "base",
            [Score(c.id, "base", s, s, s) for c, s in zip(found, given, strict=True)],
        )
        heads.promote(session, project.id, "base", reviewer="ada")
    yield opened
    opened.database.close()


def new_tiles(source: str) -> list[Any]:
    number = len(source)
    located = source.endswith(".tif")
    return [
        new_image(
            number * 10 + x_px,
            name=f"{source} {x_px}",
            scene=Path(source).suffix,
            source_name=source,
            source_sha256=f"{number:x}" * 64,
            source_width_px=WIDTH,
            source_height_px=HEIGHT,
            x_px=x_px,
            width_px=TILE,
            height_px=HEIGHT,
            crs=UTM if located else None,
            transform=TileWindow(x_px, 0, 1, 1).shifted(NORTH_UP) if located else None,
        )
        for x_px in (0, WIDTH - TILE)
    ]


def export(installation: Installation, folder: Path, **options: Any) -> dict[str, Path]:
    """Export with the stand-in and return the files by name."""
    report = export_error_maps(installation, SLUG, folder, **({"error_maps": Mapper()} | options))
    assert sorted(report.files) == sorted(folder.iterdir())
    return {path.name: path for path in report.files}


def names(*segmenters: str, suffix: str) -> set[str]:
    return {
        f"{source}-{sha}_{safe_name(s)}{suffix}"
        for source, sha in (("a_b", "a" * 12), ("plain", "9" * 12))
        for s in segmenters
    }


def test_each_source_and_real_segmenter_has_a_joined_map_in_its_place(
    installation: Installation, tmp_path: Path
) -> None:
    files = export(installation, tmp_path / "out")

    assert files.keys() == names("alpha", "be/ta", suffix=".tif")
    for name, path in files.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                joined, crs, transform, tags = file.read(1), file.crs, file.transform, file.tags()
        segmenter = "alpha" if "alpha" in name else "be/ta"
        np.testing.assert_allclose(joined, pattern(segmenter), atol=1e-6)
        assert (tags["RSQA_SEGMENTERS"], tags["RSQA_HEAD"]) == (segmenter, "base")
        if name.startswith("a_b"):
            assert (crs.to_string(), tuple(transform)[:6]) == (UTM, NORTH_UP)
        else:
            assert crs is None
            assert transform.is_identity


def test_polygons_are_of_the_joined_image_and_say_what_they_are(
    installation: Installation, tmp_path: Path
) -> None:
    files = export(installation, tmp_path / "out", form="geojson")

    assert files.keys() == names("alpha", "be/ta", suffix=".geojson")
    for name, path in files.items():
        document = json.loads(path.read_text(encoding="utf-8"))
        (feature,) = document["features"]
        properties = feature["properties"]
        assert len(feature["geometry"]["coordinates"]) == 2, "the hole is kept"
        assert properties["area_px"] == 6 * 32 - 2 * 4
        assert properties["segmenter"] == ("alpha" if "alpha" in name else "be/ta")
        assert properties["predicted_class"] == "Low Vegetation"
        assert len(properties["candidate_ids"]) == 2
        assert properties["candidate_id"] == properties["candidate_ids"][0]
        assert document["rsqa"]["level"] == 0.5
        assert document["rsqa"]["head"] == "base"
        if name.startswith("a_b"):
            assert properties["area_m2"] == pytest.approx(4 * properties["area_px"], rel=1e-3)
            assert document["rsqa"]["source"] == "../a b.tif"
        else:
            assert properties["area_m2"] is None
            assert document["rsqa"]["coordinates"].startswith("px")


def test_level_and_smallest_area_are_asked_for(installation: Installation, tmp_path: Path) -> None:
    def counted(**options: Any) -> int:
        report = export_error_maps(
            installation, SLUG, tmp_path / "out", form="geojson", error_maps=Mapper(), **options
        )
        return report.regions

    assert counted() == 4
    assert counted(level=0.75) == 2  # only be/ta is wrong that often
    assert counted(min_px=6 * 32) == 0


def test_the_recommended_candidate_is_the_best_real_one(
    installation: Installation, tmp_path: Path
) -> None:
    files = export(installation, tmp_path / "out", recommended=True, form="geojson")

    assert files.keys() == names("recommended", suffix=".geojson")
    for path in files.values():
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["rsqa"]["segmenters"] == ["alpha"]


def test_a_scene_or_a_segmenter_alone_can_be_asked_for(
    installation: Installation, tmp_path: Path
) -> None:
    files = export(installation, tmp_path / "one", segmenter="be/ta", scene=".png")
    assert [name.split("-")[0] for name in files] == ["plain"]

    made = export(installation, tmp_path / "made", segmenter="synthetic-1")
    assert made.keys() == names("synthetic-1", suffix=".tif")


def test_all_real_candidates_are_offered_for_comparison(
    installation: Installation, tmp_path: Path
) -> None:
    mapper = Mapper()
    export(installation, tmp_path / "out", segmenter="alpha", error_maps=mapper)
    assert {offered for _, offered in mapper.calls} == {("alpha", "be/ta")}
    assert len(mapper.calls) == 4

    mapper = Mapper()
    export(installation, tmp_path / "made", segmenter="synthetic-1", error_maps=mapper)
    assert {offered for _, offered in mapper.calls} == {("alpha", "be/ta", "synthetic-1")}


def test_a_source_that_is_too_large_has_a_file_a_tile(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_maps_module, "MAX_JOINED_PX", WIDTH * HEIGHT)

    report = export_error_maps(
        installation, SLUG, tmp_path / "out", error_maps=Mapper(), scene=".tif"
    )

    assert report.in_tiles == 1
    assert {path.name[:-4].rsplit("_x")[-1] for path in report.files} == {"0_y0", "16_y0"}
    for path in report.files:
        x_px = 16 if "_x16_" in path.name else 0
        segmenter = "alpha" if "alpha" in path.name else "be/ta"
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(file.read(1), tile_of(pattern(segmenter), x_px))
            assert file.transform.c == 500_000 + 2 * x_px
    assert not export_error_maps(
        installation, SLUG, tmp_path / "out", error_maps=Mapper(), segmenter="alpha"
    ).in_tiles


def test_a_map_that_disagrees_with_its_score_is_not_written(
    installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=r"'alpha' on '\.\./a b\.tif 0' says that"):
        export(installation, tmp_path / "out", error_maps=Mapper(added=0.002))

    assert not (tmp_path / "out").exists()


def test_a_mapper_that_forgets_a_candidate_is_found_out(
    installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(RsqaError, match=r"Expected 2 error maps .* but got 0"):
        export(installation, tmp_path / "out", error_maps=lambda *_: [])


def test_what_cannot_be_mapped_is_refused(installation: Installation, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(NotFoundError, match="Did you mean 'alpha'"):
        export(installation, out, segmenter="alfa")
    with pytest.raises(NotFoundError, match=r"scene is called 'x'"):
        export(installation, out, scene="x")
    with pytest.raises(InvalidInputError, match="either a segmenter or the recommended"):
        export(installation, out, segmenter="alpha", recommended=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="is a file"):
        export(installation, tmp_path / "file")
    with installation.database.begin() as session:
        project = projects.get(session, SLUG)
        (image, *_) = images.all_of(session, project.id)
        candidates.put(session, [new_candidate(image.id, "late")])
    with pytest.raises(
        InvalidInputError, match=r"no predicted quality yet for 1 of the .*rsqa score"
    ):
        export(installation, out)
    assert not out.exists()


def test_stopping_leaves_whole_files(installation: Installation, tmp_path: Path) -> None:
    def stop(step: str, done: int, total: int) -> None:
        assert (step, total) == ("mapping errors", 4)
        if done == 3:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        export(installation, tmp_path / "out", progress=stop)

    left = sorted((tmp_path / "out").iterdir())
    assert [path.suffix for path in left] == [".tif", ".tif"]
    for path in left:
        with rasterio.open(path) as file:
            assert file.read(1).shape == (HEIGHT, WIDTH)


def test_file_names_are_safe_and_differ_where_segmenters_do() -> None:
    hostile = [
        "unet",
        "Unet",
        "u net",
        "u_net",
        "../unet",
        "a/b",
        "a\\b",
        "",
        ".",
        "é" * 300,
        "x\n",
    ]

    made = [safe_name(name) for name in hostile]

    assert len({name.lower() for name in made}) == len(hostile)
    assert all(len(name) < 80 and name.isascii() for name in made)
    assert not any(set(name) & set("/\\\n ") or name.startswith(".") for name in made)


def test_the_command_takes_the_maps_of_the_current_head(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(installation.settings.home))
    predicting = ModuleType("workflows.predicting_errors")
    monkeypatch.setattr(predicting, "error_maps", Mapper(), raising=False)
    monkeypatch.setitem(sys.modules, "workflows.predicting_errors", predicting)
    out = tmp_path / "out"

    given = ["--project", SLUG, "--out", str(out), "--format", "geojson", "--recommended"]
    result = CliRunner().invoke(errors_command.command, given)

    assert result.exit_code == 0, result.output
    assert f"Wrote 2 files with 2 regions to {out}." in result.output
    result = CliRunner().invoke(errors_command.command, [*given, "--segmenter", "alpha"])
    assert result.exit_code == 2
    assert "exclude each other" in result.output
