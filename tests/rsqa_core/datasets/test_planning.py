from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

from rsqa_core.datasets.options import ImportOptions
from rsqa_core.datasets.plan import FolderPlan
from rsqa_core.datasets.planning import plan_folder
from rsqa_core.errors import ConflictError, NotFoundError
from rsqa_core.records import ClassDef, Project
from tests.rsqa_core.raster.making import (
    NORTH_UP,
    UTM,
    noise,
    write_palette_png,
    write_png,
    write_tiff,
)
from tests.rsqa_core.raster.test_decoding import hostile_files


def ids(highest: int = 2, seed: int = 3, side: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, highest + 1, (side, side)).astype(np.uint8)


def project(*names: str) -> Project:
    classes = tuple(ClassDef(i, n, (i, i, i)) for i, n in enumerate(names))
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Project(1, "town", "Town", "", "imported", classes, {}, (), None, now, 1)


def reasons(plan: FolderPlan) -> dict[str, str]:
    return {entry.name: entry.reason for entry in plan.left_out}


def test_a_plan_says_what_each_image_is(tmp_path: Path) -> None:
    write_tiff(
        tmp_path / "images/tile1_a.tif", noise((4, 40, 90), "uint16"), crs=UTM, transform=NORTH_UP
    )
    write_png(tmp_path / "masks/tile1_a.png", np.zeros((40, 90), dtype=np.uint8))
    plan = plan_folder(tmp_path, ImportOptions(tile_px=40))
    (image,) = plan.images
    assert (image.width_px, image.height_px, image.bands, image.dtype) == (90, 40, 4, "uint16")
    assert (image.georeferenced, image.tiles, image.scene) == (True, 3, "tile1")
    assert image.mask == tmp_path / "masks/tile1_a.png"
    assert plan.left_out == ()


def test_every_unusable_file_is_named_with_its_reason_and_the_rest_is_planned(
    tmp_path: Path,
) -> None:
    expected = {f"images/{n}": r for n, r in hostile_files(tmp_path / "images").items()}
    (tmp_path / "images/secret/s.tif").unlink()
    write_png(tmp_path / "images/tiny.png", noise((1, 1, 3)))
    write_png(tmp_path / "images/good.png", noise((40, 40, 3)))
    write_png(tmp_path / "masks/good.png", ids())
    write_png(tmp_path / "masks/cut.png", ids(side=64))
    (tmp_path / "images/cut.jpg").unlink()
    del expected["images/cut.jpg"]
    write_png(tmp_path / "images/other.png", noise((40, 40, 3)))
    write_png(tmp_path / "masks/other.png", ids(side=41))
    write_png(tmp_path / "candidates/net/good.png", ids())
    np.savez(tmp_path / "candidates/net/good.npz", probs=np.full((3, 40, 40), np.nan))
    write_png(tmp_path / "candidates/bad/good.png", ids() + 90)
    (tmp_path / "images/head.png").write_bytes(b"\x89PNG\r\n\x1a\n123")
    plan = plan_folder(tmp_path, ImportOptions())
    found = reasons(plan)
    expected |= {
        "images/tiny.png": "is 1 x 1 px",
        "images/head.tif": "images/head.png has the same name",
        "images/claim.tif": "same name",
        "images/head.png": "header is corrupt",
        "masks/cut.png": "its image is left out",
        "masks/other.png": "41 x 41 px",
        "candidates/bad/good.png": "expected class numbers in 0..63",
        "candidates/net/good.npz": "NaN",
    }
    assert set(found) == set(expected)
    for name, reason in expected.items():
        assert reason in found[name], name
    assert [i.key for i in plan.images] == ["good", "other"]
    good, other = plan.images
    assert good.mask is not None
    assert [(c.segmenter, c.probs) for c in good.candidates] == [("net", None)]
    assert other.mask is None


def test_unknown_ids_leave_the_mask_out_and_keep_its_image(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    write_png(tmp_path / "masks/a.png", ids(9))
    (tmp_path / "palette.json").write_text('{"a": 0, "b": 1}')
    plan = plan_folder(tmp_path, ImportOptions())
    assert "8 class ids" in reasons(plan)["masks/a.png"]
    assert plan.images[0].mask is None


def test_probabilities_need_one_layer_for_each_class(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    for name, layers in {"right": 3, "wrong": 4}.items():
        write_png(tmp_path / f"candidates/{name}/a.png", ids())
        probs = np.full((layers, 40, 40), 1 / layers, dtype=np.float32)
        np.savez(tmp_path / f"candidates/{name}/a.npz", probs)
    plan = plan_folder(tmp_path, ImportOptions())
    assert [c.probs is not None for c in plan.images[0].candidates] == [True, False]
    assert "(3, 40, 40)" in reasons(plan)["candidates/wrong/a.npz"]


def test_the_folders_palette_is_used_and_said_unless_one_is_given(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    write_png(tmp_path / "masks/a.png", ids(1))
    (tmp_path / "palette.json").write_text('{"Land": 0, "Water": 1}')
    (tmp_path / "own.json").write_text('{"Roof": 0, "Rest": 1}')
    plan = plan_folder(tmp_path, ImportOptions())
    assert [c.name for c in plan.scheme.classes] == ["Land", "Water"]
    assert any("palette.json" in note for note in plan.notes)
    plan = plan_folder(tmp_path, ImportOptions(palette=tmp_path / "own.json"))
    assert [c.name for c in plan.scheme.classes] == ["Roof", "Rest"]
    assert plan.notes == ()


def test_numbers_without_a_palette_become_classes_named_after_them(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    write_palette_png(tmp_path / "masks/a.png", ids(2), colors)
    plan = plan_folder(tmp_path, ImportOptions())
    assert [(c.id, c.name, c.color) for c in plan.scheme.classes] == [
        (i, f"class_{i}", color) for i, color in enumerate(colors)
    ]


def test_what_a_mask_means_is_never_guessed(tmp_path: Path) -> None:
    for name in ("rgb", "binary"):
        write_png(tmp_path / f"images/{name}.png", noise((40, 40, 3), seed=len(name)))
    write_png(tmp_path / "masks/rgb.png", np.zeros((40, 40, 3), dtype=np.uint8))
    write_png(tmp_path / "masks/binary.png", ids(1) * 255)
    plan = plan_folder(tmp_path, ImportOptions())
    assert "palette file" in reasons(plan)["masks/rgb.png"]
    assert "only the values 0 and 255" in reasons(plan)["masks/binary.png"]
    assert plan.scheme.classes[0].name == "Building"


def test_the_numbers_of_a_projects_own_masks_need_no_palette(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    write_png(tmp_path / "candidates/net/a.png", ids(1))
    plan = plan_folder(tmp_path, ImportOptions(), project=project("Land", "Water"))
    assert len(plan.images[0].candidates) == 1
    assert any("0 = Land, 1 = Water" in note for note in plan.notes)


def test_classes_that_a_project_lacks_are_a_conflict(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    (tmp_path / "palette.json").write_text(json.dumps({"Land": 0, "Lava": 1}))
    with pytest.raises(ConflictError, match="'Lava'"):
        plan_folder(tmp_path, ImportOptions(), project=project("Land", "Water"))
    plan = plan_folder(
        tmp_path, ImportOptions(class_map={"lava": "Land"}), project=project("Land", "Water")
    )
    assert plan.scheme.targets == (0, 0)


def test_a_misspelt_class_is_pointed_out(tmp_path: Path) -> None:
    write_png(tmp_path / "images/a.png", noise((40, 40, 3)))
    (tmp_path / "palette.json").write_text('{"Land": 0}')
    plan = plan_folder(tmp_path, ImportOptions(ignored=("Lnad",)))
    assert any("'Lnad'" in note for note in plan.notes)


def test_scenes_can_be_chosen(tmp_path: Path) -> None:
    for name in ("tile1_a", "tile2_a", "tile2_b"):
        write_png(tmp_path / f"images/{name}.png", noise((40, 40, 3), seed=len(name)))
    plan = plan_folder(tmp_path, ImportOptions(scenes=("tile2",)))
    assert [i.key for i in plan.images] == ["tile2_a", "tile2_b"]
    assert plan.left_out == ()
    with pytest.raises(NotFoundError, match="tile3"):
        plan_folder(tmp_path, ImportOptions(scenes=("tile3",)))


def test_a_file_that_the_scene_pattern_misses_is_left_out(tmp_path: Path) -> None:
    for name in ("s1_a", "other"):
        write_png(tmp_path / f"{name}.png", noise((40, 40, 3)))
    plan = plan_folder(tmp_path, ImportOptions(scene_pattern="^(s1)_"))
    assert [i.scene for i in plan.images] == ["s1"]
    assert "does not match" in reasons(plan)["other.png"]


def test_a_missing_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        plan_folder(tmp_path / "nowhere", ImportOptions())
