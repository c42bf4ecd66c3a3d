"""Pairs from tar shards as webdataset lays them out: NAME.jpg beside NAME.txt or NAME.json."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rsqa_core.errors import InvalidInputError, UnreadableFileError
from rsqa_core.training.pairs.pair import LeftOut, PairEntry, Picture, decode_picture

IMAGE_SUFFIXES = ("jpg", "jpeg", "png", "webp", "tif", "tiff")
CAPTION_KEYS = ("caption", "title", "text")
"""Where a caption stands in a JSON member, first found first taken."""

MAX_MEMBER_BYTES = 64 * 2**20
"""A member larger than this is left out before it is read."""

_Span = tuple[int, int]
"""Where a member's bytes lie in its shard: offset and length."""


@dataclass(slots=True)
class _Sample:
    image: _Span | None = None
    captions: dict[str, _Span] = field(default_factory=dict)


class ShardPairs:
    """The samples of uncompressed tar files, read in place: no member ever becomes a file.

    Members of one sample share their name up to the first dot. Of several captions the JSON one
    is taken. Links, devices and members of other suffixes are no part of a pair.
    """

    def __init__(self, shards: Sequence[Path], *, trusted: bool) -> None:
        """Index the shards, reading captions and positions of images.

        Raises:
            InvalidInputError: there is no shard, or one is no uncompressed tar file.
        """
        if not shards:
            raise InvalidInputError("Expected at least one tar shard, but got none.")
        entries: list[PairEntry] = []
        self.left_out: list[LeftOut] = []
        self._places: list[tuple[Path, _Span]] = []
        for shard in shards:
            for key, sample in self._samples(shard).items():
                name = f"{shard.name}/{key}"
                if sample.image is None or not sample.captions:
                    lacking = "image" if sample.image is None else "caption"
                    self.left_out.append(LeftOut(name, f"it has no {lacking}"))
                    continue
                caption, reason = _caption(shard, sample)
                if caption is None:
                    self.left_out.append(LeftOut(name, reason))
                    continue
                entries.append(PairEntry(name, caption, trusted))
                self._places.append((shard, sample.image))
        self.entries = tuple(entries)

    def picture(self, index: int) -> Picture:
        shard, span = self._places[index]
        return decode_picture(_bytes(shard, span), self.entries[index].key), None

    def _samples(self, shard: Path) -> dict[str, _Sample]:
        samples: dict[str, _Sample] = {}
        try:
            with tarfile.open(shard, "r:") as archive:
                for member in archive:
                    key, suffix = _split(member.name)
                    if suffix not in (*IMAGE_SUFFIXES, "txt", "json"):
                        continue
                    if not member.isreg() or member.issparse():
                        reason = "it is a link or another special member"
                        self.left_out.append(LeftOut(f"{shard.name}/{member.name}", reason))
                        continue
                    if member.size > MAX_MEMBER_BYTES:
                        reason = f"it has {member.size} bytes, of at most {MAX_MEMBER_BYTES}"
                        self.left_out.append(LeftOut(f"{shard.name}/{member.name}", reason))
                        continue
                    sample = samples.setdefault(key, _Sample())
                    span = (member.offset_data, member.size)
                    if suffix in IMAGE_SUFFIXES:
                        sample.image = span
                    else:
                        sample.captions[suffix] = span
        except (OSError, tarfile.TarError) as error:
            raise InvalidInputError(
                f"Cannot read the shard {shard}: {error}. Expected an uncompressed tar file, "
                "because images are read from it in any order."
            ) from error
        return samples


def _split(name: str) -> tuple[str, str]:
    folder, slash, base = name.rpartition("/")
    stem, _, suffix = base.partition(".")
    return f"{folder}{slash}{stem}", suffix.lower()


def _caption(shard: Path, sample: _Sample) -> tuple[str | None, str]:
    """Return a sample's caption, or None and the reason."""
    kind = "json" if "json" in sample.captions else "txt"
    try:
        text = _bytes(shard, sample.captions[kind]).decode()
        told = json.loads(text) if kind == "json" else text
    except ValueError as error:
        return None, f"its caption cannot be read: {error}"
    if isinstance(told, dict):
        told = next((told[key] for key in CAPTION_KEYS if told.get(key)), None)
    if not isinstance(told, str) or not told.strip():
        return None, f"its caption is empty, or not under one of {', '.join(CAPTION_KEYS)}"
    return told.strip(), ""


def _bytes(shard: Path, span: _Span) -> bytes:
    try:
        with shard.open("rb") as stream:
            stream.seek(span[0])
            content = stream.read(span[1])
    except OSError as error:
        raise UnreadableFileError(f"The shard {shard} cannot be read: {error}.") from error
    if len(content) < span[1]:
        raise UnreadableFileError(f"The shard {shard} ends within a member. Fetch it again.")
    return content
