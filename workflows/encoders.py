"""Image encoders: listed from the registry, fetched and loaded once so that they are at hand."""

from __future__ import annotations

from pathlib import Path

from rsqa_core.encoders.fetching import Place, is_here
from rsqa_core.encoders.registry import encoder_ids, find_spec, open_clip_tags
from rsqa_core.encoders.specs import EncoderSpec
from rsqa_core.progress import Progress, no_progress
from rsqa_core.settings import Settings

__all__ = ["EncoderSpec", "fetch_encoder", "list_encoders"]


def list_encoders(settings: Settings, *, open_clip: bool = False) -> list[tuple[EncoderSpec, bool]]:
    """Return encoders, each with whether it can be loaded without a network.

    Args:
        settings: where downloaded encoders are.
        open_clip: list open_clip's pretrained weights instead of the registry's own ids.
    """
    place = Place(settings.encoders_dir)
    names = open_clip_tags() if open_clip else encoder_ids()
    return [(spec, is_here(spec, place)) for spec in map(find_spec, names)]


def fetch_encoder(
    name: str, settings: Settings, *, progress: Progress = no_progress
) -> tuple[str, Path]:
    """Download the encoder ``name`` where it is not here yet, and load it once.

    Loading checks every key, and writes the weights as safetensors, which later loads read.

    Returns:
        its fingerprint, and the folder that it is in.

    Raises:
        InvalidInputError: nothing is called so, or a package of the extra is absent.
        DownloadError: a file cannot be had, or is not what was promised.
        UnreadableFileError: the weights do not fit.
    """
    from rsqa_core.encoders.loading import load, resolve

    encoder = load(
        name,
        cache_dir=settings.encoders_dir,
        offline=settings.offline,
        hub=settings.model_hub,
        progress=progress,
    )
    spec, given = resolve(name)
    return encoder.fingerprint, given or Place(settings.encoders_dir).folder(spec)
