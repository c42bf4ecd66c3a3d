"""Where RSQA keeps its files, read once at the entry points and passed on from there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rsqa_core.errors import InvalidInputError

MODEL_HUB = "https://huggingface.co"
"""Where model weights come from unless RSQA_MODEL_HUB names a mirror of it."""

RUNTIMES = ("auto", "torch", "openvino")
"""What runs image encoders: torch, OpenVINO, or the latter where it repays its preparation."""

_KNOWN = {
    "RSQA_HOME",
    "RSQA_SAMPLE_MIRROR",
    "RSQA_OFFLINE",
    "RSQA_MODEL_HUB",
    "RSQA_RUNTIME",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Places and switches of one installation.

    Attributes:
        home: folder that holds the database, imported files, features, heads and secrets.
        sample_mirror: folder with one subfolder per sample data set, used before the network.
        offline: True forbids every download.
        model_hub: address of the hub that encoders are downloaded from.
        runtime: one of RUNTIMES.
    """

    home: Path
    sample_mirror: Path | None = None
    offline: bool = False
    model_hub: str = MODEL_HUB
    runtime: str = "auto"

    @property
    def database_path(self) -> Path:
        return self.home / "rsqa.sqlite3"

    @property
    def files_dir(self) -> Path:
        """Content-addressed tiles, display images, masks and probabilities."""
        return self.home / "files"

    @property
    def features_dir(self) -> Path:
        return self.home / "features"

    @property
    def heads_dir(self) -> Path:
        return self.home / "heads"

    @property
    def error_images_dir(self) -> Path:
        """Pictures of error maps, made again when they are missing."""
        return self.home / "error-images"

    @property
    def explanations_dir(self) -> Path:
        """Why candidates have their scores, made again when missing."""
        return self.home / "explanations"

    @property
    def reports_dir(self) -> Path:
        """The newest report of each project that was made in the app."""
        return self.home / "reports"

    @property
    def samples_dir(self) -> Path:
        return self.home / "samples"

    @property
    def encoders_dir(self) -> Path:
        """Downloaded encoders, one folder each."""
        return self.home / "encoders"

    @property
    def backups_dir(self) -> Path:
        return self.home / "backups"

    @property
    def locks_dir(self) -> Path:
        """Locks between processes that would do the same work twice."""
        return self.home / "locks"

    @property
    def secret_path(self) -> Path:
        return self.home / "secret"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``RSQA_*`` variables; unknown ones are refused.

    ``RSQA_HOME`` defaults to ``var/`` beside app.py, ``RSQA_SAMPLE_MIRROR`` to none,
    ``RSQA_OFFLINE`` to 0, ``RSQA_MODEL_HUB`` to MODEL_HUB and ``RSQA_RUNTIME`` to auto.

    Raises:
        InvalidInputError: an ``RSQA_*`` variable is unknown, or its value has no meaning.
    """
    values = os.environ if environ is None else environ
    unknown = sorted(k for k in values if k.startswith("RSQA_") and k not in _KNOWN)
    if unknown:
        raise InvalidInputError(
            f"Unknown setting {unknown[0]!r} in the environment. Known: "
            f"{', '.join(sorted(_KNOWN))}. Unset it or correct its name."
        )
    offline = values.get("RSQA_OFFLINE", "0")
    if offline not in {"0", "1"}:
        raise InvalidInputError(f"Expected RSQA_OFFLINE to be 0 or 1, but got {offline!r}.")
    hub = values.get("RSQA_MODEL_HUB") or MODEL_HUB
    if not hub.startswith(("https://", "http://")):
        raise InvalidInputError(
            f"Expected RSQA_MODEL_HUB to be an address that begins with https://, but got {hub!r}."
        )
    runtime = values.get("RSQA_RUNTIME") or "auto"
    if runtime not in RUNTIMES:
        raise InvalidInputError(
            f"Expected RSQA_RUNTIME to be one of {', '.join(RUNTIMES)}, but got {runtime!r}."
        )
    home = values.get("RSQA_HOME") or str(Path(__file__).resolve().parents[1] / "var")
    mirror = values.get("RSQA_SAMPLE_MIRROR")
    return Settings(
        home=Path(home).expanduser().resolve(),
        sample_mirror=Path(mirror).expanduser().resolve() if mirror else None,
        offline=offline == "1",
        model_hub=hub,
        runtime=runtime,
    )


def environment_of(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that shall work on the same installation.

    Example:
        >>> environment_of(Settings(Path("/data/rsqa")), {"HOME": "/root", "RSQA_OFFLINE": "1"})
        ... # doctest: +NORMALIZE_WHITESPACE
        {'HOME': '/root', 'RSQA_HOME': '/data/rsqa', 'RSQA_OFFLINE': '0',
         'RSQA_MODEL_HUB': 'https://huggingface.co', 'RSQA_RUNTIME': 'auto'}
    """
    values = os.environ if environ is None else environ
    found = {name: value for name, value in values.items() if not name.startswith("RSQA_")}
    found["RSQA_HOME"] = str(settings.home)
    found["RSQA_OFFLINE"] = "1" if settings.offline else "0"
    found["RSQA_MODEL_HUB"] = settings.model_hub
    found["RSQA_RUNTIME"] = settings.runtime
    if settings.sample_mirror is not None:
        found["RSQA_SAMPLE_MIRROR"] = str(settings.sample_mirror)
    return found
