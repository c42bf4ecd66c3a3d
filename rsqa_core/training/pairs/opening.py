"""Which source a file or folder of pairs is."""

from __future__ import annotations

from pathlib import Path

from rsqa_core.errors import InvalidInputError
from rsqa_core.training.pairs.boxes import BOX_COLUMNS, BoxPairs
from rsqa_core.training.pairs.pair import PairSource
from rsqa_core.training.pairs.shards import ShardPairs
from rsqa_core.training.pairs.tables import Columns, TablePairs


def open_pairs(
    path: Path,
    *,
    trusted: bool,
    columns: tuple[str, str, str | None] = ("filepath", "title", None),
    images: Path | None = None,
) -> PairSource:
    """Open pairs by what the path is.

    Args:
        path: a ``.tar`` shard or a folder of them; a CSV or TSV file of captions or of boxes; a
            JSON file of boxes; a folder of DOTA's text files.
        trusted: whether the captions are vouched for.
        columns: names of the image, caption and mask columns of a table of captions.
        images: folder of the images; default: that of the file.

    Raises:
        InvalidInputError: the path is none of these, or cannot be read.
    """
    if path.is_dir():
        shards = sorted(path.glob("*.tar"))
        if shards:
            return ShardPairs(shards, trusted=trusted)
        if any(path.glob("*.txt")):
            return BoxPairs(path, trusted=trusted, images=images)
    elif path.is_file():
        suffix = path.suffix.lower()
        if suffix == ".tar":
            return ShardPairs([path], trusted=trusted)
        if suffix == ".json" or (suffix in (".csv", ".tsv") and _holds_boxes(path)):
            return BoxPairs(path, trusted=trusted, images=images)
        if suffix in (".csv", ".tsv"):
            return TablePairs(path, trusted=trusted, columns=Columns(*columns), images=images)
    raise InvalidInputError(
        f"Found no pairs in {path}. Expected a CSV or TSV file, a .tar shard or a folder of them, "
        "a JSON file of boxes or a folder of DOTA's text files."
    )


def _holds_boxes(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header = stream.readline().strip().replace("\t", ",").split(",")
    return set(BOX_COLUMNS) <= {name.strip('"') for name in header}
