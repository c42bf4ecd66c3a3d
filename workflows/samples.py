"""Sample data sets: listed from the catalogue, fetched and verified, imported as a project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rsqa_core.datasets.options import ImportOptions
from rsqa_core.datasets.samples import Sample, SampleFile, find_sample, read_samples
from rsqa_core.downloading import BytesDone, copy_verified, download_verified, is_verified
from rsqa_core.errors import DownloadError, RsqaError
from rsqa_core.files import resolve_under, write_atomically
from rsqa_core.progress import Progress, no_progress
from rsqa_core.settings import Settings
from workflows.importing import find_project, plan_import, run_import
from workflows.opening import Installation

__all__ = ["Sample", "fetch_sample", "import_sample", "list_samples"]

PALETTE_NAME = "palette.json"


def list_samples() -> list[Sample]:
    """Return the samples of the catalogue by name."""
    return list(read_samples().values())


def fetch_sample(
    name: str,
    settings: Settings,
    *,
    scenes: Sequence[str] | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Return a folder with the verified files of a sample, getting those that are missing.

    A local mirror (``settings.sample_mirror``) is asked first, then the network unless
    ``settings.offline``. Files that are there and right are not fetched again.

    Args:
        name: of the sample.
        settings: where samples go and may come from.
        scenes: get the files of these scenes only; None gets all.
        progress: told how many bytes are there.

    Raises:
        NotFoundError: no such sample or scene.
        DownloadError: a file cannot be had, or has another checksum than the catalogue promises.
    """
    return fetch(find_sample(name), settings, scenes=scenes, progress=progress)


def fetch(
    sample: Sample,
    settings: Settings,
    *,
    scenes: Sequence[str] | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Return a folder with the verified files of ``sample``; see ``fetch_sample``."""
    folder = settings.samples_dir / sample.name
    files = sample.files_of(scenes)
    total = sum(f.size for f in files)
    step = f"fetching {sample.name} (bytes)"
    done = 0
    for file in files:
        progress(step, done, total)
        target = resolve_under(folder, file.name)
        if not is_verified(target, file):
            before = done

            def bytes_done(count: int, before: int = before) -> None:
                progress(step, before + count, total)

            _get(sample, file, target, settings, bytes_done)
        done += file.size
    progress(step, done, total)
    palette = {name: list(color) for name, color in sample.palette.items()}
    try:
        write_atomically(folder / PALETTE_NAME, json.dumps(palette, indent=1).encode())
    except OSError as error:
        raise RsqaError(f"{folder} cannot be written: {error}. Make room there.") from error
    return folder


def _get(
    sample: Sample, file: SampleFile, target: Path, settings: Settings, bytes_done: BytesDone
) -> None:
    if settings.sample_mirror is not None:
        mirrored = settings.sample_mirror / sample.mirror_folder / file.name
        if mirrored.is_file():
            copy_verified(mirrored, file, target)
            return
    if settings.offline:
        mirror = settings.sample_mirror
        raise DownloadError(
            f"{file.name} of the sample {sample.name!r} is not here and downloads are forbidden "
            f"(RSQA_OFFLINE=1; mirror: {'none' if mirror is None else mirror}). Allow them, or set "
            f"RSQA_SAMPLE_MIRROR to a folder that holds {sample.mirror_folder}/."
        )
    download_verified(file, target, bytes_done=bytes_done)


def import_sample(
    installation: Installation, name: str, *, progress: Progress = no_progress
) -> str:
    """Fetch a sample and import the scenes that are to be reviewed; returns the project's slug.

    The project is called like the sample. What is there already is kept, so a stopped call goes on.

    Raises:
        NotFoundError: no such sample.
        DownloadError: a file cannot be had.
        RsqaError: nothing of it could be imported.
    """
    sample = find_sample(name)
    folder = fetch(sample, installation.settings, scenes=sample.candidate_scenes, progress=progress)
    options = ImportOptions(ignored=sample.ignored, scenes=sample.candidate_scenes, origin="sample")
    project = find_project(installation, sample.name)
    plan = plan_import(folder, options, project=project, progress=progress)
    report = run_import(installation, plan, sample.name, name=sample.title, progress=progress)
    if report.images + report.already_there == 0:
        reasons = "; ".join(f"{e.name}: {e.reason}" for e in report.left_out[:3])
        raise RsqaError(f"Nothing of the sample {name!r} could be imported. {reasons}")
    return sample.name
