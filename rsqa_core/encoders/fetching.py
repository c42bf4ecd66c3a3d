"""The files of an encoder on this machine: which are here, and getting the others."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from rsqa_core.downloading import MissingFileError, Received, download_verified
from rsqa_core.encoders.specs import EncoderSpec, HubFile
from rsqa_core.errors import DownloadError, InvalidInputError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.settings import MODEL_HUB

WEIGHTS = "weights.safetensors"
"""Name of an encoder's weights once RSQA has loaded and re-saved them."""


@dataclass(frozen=True, slots=True)
class Address:
    """A file at one of its addresses; see rsqa_core.downloading.RemoteFile."""

    name: str
    url: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where encoders are kept and where they come from.

    Attributes:
        root: folder with one folder an encoder.
        hub: address of the model hub.
        offline: nothing may be downloaded.
        wait_s: pause before a broken download is taken up.
    """

    root: Path
    hub: str = MODEL_HUB
    offline: bool = False
    wait_s: float = 1.0

    def folder(self, spec: EncoderSpec) -> Path:
        return self.root / spec.folder

    def weights(self, spec: EncoderSpec) -> Path:
        """Return the path of the re-saved weights, whether they are there or not."""
        return self.folder(spec) / WEIGHTS


def is_here(spec: EncoderSpec, place: Place) -> bool:
    """Return whether ``spec`` can be loaded without a network."""
    if not spec.files:
        return True
    folder = place.folder(spec)
    weights, *others = spec.files
    return (place.weights(spec).is_file() or (folder / weights.local_name).is_file()) and all(
        (folder / file.local_name).is_file() for file in others if not file.optional
    )


def require_packages(spec: EncoderSpec) -> None:
    """Check that the packages of the optional extra are there that ``spec`` needs.

    Raises:
        InvalidInputError: one is absent.
    """
    absent = [name for name in spec.needs if importlib.util.find_spec(name) is None]
    if absent:
        raise InvalidInputError(
            f"The encoder {spec.id!r} needs {', '.join(absent)}, which is not installed. It is "
            "part of the optional extra `encoders`: run `make install-encoders`, or choose an "
            "encoder that needs nothing more."
        )


def get_companions(spec: EncoderSpec, place: Place, *, progress: Progress = no_progress) -> Path:
    """Return the encoder's folder with every file of it but the weights.

    Raises:
        DownloadError: a file is not here and cannot be had.
    """
    folder = place.folder(spec)
    for file in spec.files[1:]:
        if not (folder / file.local_name).is_file() and not (file.optional and place.offline):
            _get(spec, file, place, progress)
    return folder


def get_weights(
    spec: EncoderSpec, place: Place, *, progress: Progress = no_progress
) -> tuple[Path, dict[str, str]]:
    """Return the weights as they were published, and where they came from.

    Raises:
        DownloadError: they are not here and cannot be had.
    """
    file = spec.files[0]
    target = place.folder(spec) / file.local_name
    if target.is_file():
        return target, {"encoder": spec.id, "file": file.local_name}
    address, received = _get(spec, file, place, progress)
    return target, {
        "encoder": spec.id,
        "file": file.local_name,
        "url": address.url,
        "sha256": received.sha256,
        "revision": received.revision or file.revision,
    }


def _get(
    spec: EncoderSpec, file: HubFile, place: Place, progress: Progress
) -> tuple[Address, Received]:
    if not file.addresses(place.hub):
        raise DownloadError(
            f"Nobody offers the weights of {spec.id!r} by themselves. Get them as {spec.source} "
            f"says, and name the file: {spec.id}:FILE."
        )
    if place.offline:
        raise DownloadError(
            f"{file.local_name} of the encoder {spec.id!r} would have to be downloaded, but "
            f"RSQA_OFFLINE is 1. Unset it, or name a local file: {spec.id}:FILE."
        )
    target = place.folder(spec) / file.local_name
    step, totals = f"fetching {spec.id}: {file.local_name}", [file.size or 0]

    def total_known(total: int) -> None:
        totals[0] = total

    refused: MissingFileError | None = None
    for url in file.addresses(place.hub):
        address = Address(f"{spec.id}/{file.path}", url, file.size, file.sha256)
        try:
            received = download_verified(
                address,
                target,
                bytes_done=lambda count: progress(step, count, max(totals[0], count)),
                total_known=total_known,
                remedy=f"name a local file: {spec.id}:FILE",
                wait_s=place.wait_s,
            )
        except MissingFileError as error:
            refused = refused or error
            continue
        return address, received
    if refused is not None and not file.optional:
        raise refused
    return Address(spec.id, "", None, None), Received(0, "")
