"""Feature rows on disk, by content and model fingerprint.

One folder a kind and fingerprint; in it append-only shards, each a float16 or float32 .npy matrix
with a .json list of its keys. A shard appears whole or not at all, so a stopped run loses only the
rows that it had not yet written, and several processes may append at once.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsqa_core.errors import InvalidInputError
from rsqa_core.files import write_atomically


class FeatureStore:
    """Rows of equal length under ``root / kind / fingerprint``, found by key.

    Example:
        >>> import tempfile
        >>> store = FeatureStore(Path(tempfile.mkdtemp()), "semantic", "abc")
        >>> store.append({"image-1": np.ones(3, dtype=np.float32)})
        >>> sorted(store.load(["image-1", "image-2"]))
        ['image-1']
    """

    def __init__(self, root: Path, kind: str, fingerprint: str) -> None:
        self._folder = root / kind / fingerprint[:32]
        self._index: dict[str, tuple[str, int]] = {}
        self._known: set[str] = set()

    def append(
        self, rows: Mapping[str, NDArray[np.floating]], dtype: type[np.floating] = np.float32
    ) -> None:
        """Write ``rows`` as one shard.

        Raises:
            InvalidInputError: the rows differ in length.
        """
        if not rows:
            return
        lengths = {row.size for row in rows.values()}
        if len(lengths) > 1:
            raise InvalidInputError(
                f"Expected rows of one length in a shard, but got lengths {sorted(lengths)}."
            )
        name = uuid.uuid4().hex
        buffer = io.BytesIO()
        np.save(buffer, np.stack([row.ravel() for row in rows.values()]).astype(dtype))
        write_atomically(self._folder / f"{name}.npy", buffer.getvalue())
        # The key list is written last: a shard without one is invisible.
        write_atomically(self._folder / f"{name}.json", json.dumps(list(rows)).encode())

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return the keys without a row, in order."""
        self._refresh()
        return [key for key in keys if key not in self._index]

    def load(self, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the rows that exist, as float32."""
        self._refresh()
        by_shard: dict[str, list[tuple[str, int]]] = {}
        for key in keys:
            if key in self._index:
                shard, row = self._index[key]
                by_shard.setdefault(shard, []).append((key, row))
        loaded: dict[str, NDArray[np.float32]] = {}
        for shard, wanted in by_shard.items():
            matrix = np.asarray(np.load(self._folder / f"{shard}.npy", mmap_mode="r"))
            rows = matrix[[row for _, row in wanted]].astype(np.float32, copy=False)
            loaded |= zip((key for key, _ in wanted), rows, strict=True)
        return loaded

    def _refresh(self) -> None:
        for path in sorted(self._folder.glob("*.json")):
            shard = path.stem
            if shard in self._known:
                continue
            for row, key in enumerate(json.loads(path.read_text())):
                self._index.setdefault(str(key), (shard, row))
            self._known.add(shard)
