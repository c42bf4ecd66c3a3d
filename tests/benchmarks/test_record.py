from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.record import append_row, circumstances, weights_digest


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_are_appended_with_their_circumstances(tmp_path: Path) -> None:
    path = tmp_path / "results" / "speed.csv"

    append_row(path, {"images": 2}, {"seconds": 1.5})
    append_row(path, {"images": 4}, {"seconds": 2.5})

    first, second = rows_of(path)
    assert (first["images"], first["seconds"]) == ("2", "1.5")
    assert (second["images"], second["seconds"]) == ("4", "2.5")
    for name in circumstances():
        assert second[name] != ""


def test_new_columns_leave_older_rows_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "speed.csv"
    append_row(path, {"images": 2}, {"old_s": 1.0})

    append_row(path, {"images": 2}, {"new_s": 3.0})

    first, second = rows_of(path)
    assert (first["old_s"], first["new_s"]) == ("1.0", "")
    assert (second["old_s"], second["new_s"]) == ("", "3.0")


def test_the_digest_of_the_weights_changes_with_content_and_name(tmp_path: Path) -> None:
    assert weights_digest(tmp_path) == "none"

    (tmp_path / "a.safetensors").write_bytes(b"one")
    first = weights_digest(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(b"two")
    second = weights_digest(tmp_path)
    (tmp_path / "a.safetensors").rename(tmp_path / "b.safetensors")
    third = weights_digest(tmp_path)

    assert len({first, second, third}) == 3
