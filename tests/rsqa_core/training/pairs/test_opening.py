"""A file or folder of pairs is opened as what it is."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from PIL import Image

from rsqa_core.errors import InvalidInputError
from rsqa_core.training.pairs.boxes import BoxPairs
from rsqa_core.training.pairs.opening import open_pairs
from rsqa_core.training.pairs.shards import ShardPairs
from rsqa_core.training.pairs.tables import TablePairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    (tmp_path / "shards").mkdir()
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "labels" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text("0 0 2 0 2 2 0 2 ship 0\n")
    (tmp_path / "captions.csv").write_text("filepath,title\nlabels/a.png,a ship\n")
    (tmp_path / "boxes.csv").write_text(
        '"image","class","x_min","y_min","x_max","y_max"\nlabels/a.png,ship,0,0,2,2\n'
    )
    (tmp_path / "boxes.json").write_text(
        '[{"image": "labels/a.png", "class": "ship", "box": [0, 0, 2, 2]}]'
    )
    for name in ("shards/1.tar", "shards/0.tar", "one.tar"):
        with tarfile.open(tmp_path / name, "w") as archive:
            archive.add(tmp_path / "labels" / "a.png", "a.png")
            archive.add(tmp_path / "labels" / "a.txt", "a.txt")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("captions.csv", TablePairs, 1),
        ("boxes.csv", BoxPairs, 1),
        ("boxes.json", BoxPairs, 1),
        ("labels", BoxPairs, 1),
        ("shards", ShardPairs, 2),
        ("one.tar", ShardPairs, 1),
    ],
)
def test_each_form_is_recognised(folder: Path, name: str, kind: type, count: int) -> None:
    source = open_pairs(folder / name, trusted=True)

    assert isinstance(source, kind)
    assert len(source.entries) == count
    assert source.left_out in ([], ())
    assert source.picture(0)[0].shape == (3, 4, 4)


@pytest.mark.parametrize("name", ["nowhere.csv", "empty", "labels/a.png"])
def test_what_holds_no_pairs_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="Found no pairs in"):
        open_pairs(folder / name, trusted=True)
