"""Looking at a folder before anything is imported: what would be, and why the rest would not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rsqa_core.datasets.class_planning import plan_classes
from rsqa_core.datasets.classes import ClassScheme
from rsqa_core.datasets.layout import FoundImage, LeftOut, read_layout
from rsqa_core.datasets.mask_decoding import MaskTally, lookup_of, require_size, tally_of
from rsqa_core.datasets.options import ImportOptions
from rsqa_core.datasets.plan import Findings, FolderPlan, PlannedCandidate, PlannedImage
from rsqa_core.datasets.scene_rule import read_manifest_scenes, scene_of
from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster.decoding import open_source
from rsqa_core.raster.headers import RasterHeader
from rsqa_core.raster.limits import MIN_SIDE_PX
from rsqa_core.raster.probabilities import read_probs, require_probs
from rsqa_core.raster.tiling import tile_windows
from rsqa_core.records import ClassDef, Project

MANIFEST_NAME = "manifest.csv"


def plan_folder(
    root: Path,
    options: ImportOptions,
    *,
    project: Project | None = None,
    progress: Progress = no_progress,
) -> FolderPlan:
    """Check every file of a folder and say what would be imported; nothing is written.

    Args:
        root: the folder.
        options: how to import it.
        project: the project that is added to; None plans a new one.
        progress: told how many files are checked.

    Raises:
        NotFoundError: the folder does not exist, or a scene asked for is not in it.
        InvalidInputError: the palette has no meaning, or the class options leave no class.
        ConflictError: the existing project lacks a class of the masks.
    """
    if not root.is_dir():
        raise NotFoundError(f"There is no folder {root}. Check the path.")
    layout = read_layout(root)
    findings = Findings(layout, list(layout.left_out), [])
    planned: list[tuple[FoundImage, PlannedImage]] = []
    scenes = _scene_names(root, layout.images, options, findings)
    for place, image in enumerate(layout.images):
        progress("checking images", place, len(layout.images))
        scene = scenes.get(image.path)
        if scene is not None and (not options.scenes or scene in options.scenes):
            entry = _plan_image(image, scene, options, findings)
            if entry is None:
                _leave_out_companions(image, findings)
            else:
                planned.append((image, entry))
    tallies = _count_masks(planned, findings, progress)
    scheme = plan_classes(root, options, project, tallies, findings)
    images = []
    for place, (image, entry) in enumerate(planned):
        progress("checking classes", place, len(planned))
        images.append(_plan_masks(image, entry, scheme, tallies, findings))
    return FolderPlan(
        scheme,
        tuple(images),
        tuple(sorted(findings.left_out, key=lambda f: f.name)),
        tuple(dict.fromkeys(findings.notes)),
        layout.names,
    )


def _scene_names(
    root: Path, images: Sequence[FoundImage], options: ImportOptions, findings: Findings
) -> dict[Path, str]:
    manifest: dict[str, str] = {}
    if options.scene_pattern is None and (root / MANIFEST_NAME).is_file():
        try:
            manifest = read_manifest_scenes(root / MANIFEST_NAME)
        except UnreadableFileError as error:
            findings.left_out.append(LeftOut(MANIFEST_NAME, str(error)))
    found: dict[Path, str] = {}
    for image in images:
        scene = findings.attempt(
            image.path,
            lambda key=image.key: scene_of(  # type: ignore[misc]
                key, pattern=options.scene_pattern, manifest=manifest
            ),
        )
        if scene is not None:
            found[image.path] = scene
    for wanted in options.scenes:
        if wanted not in found.values():
            raise NotFoundError.named("scene", wanted, set(found.values()))
    return found


def _plan_image(
    image: FoundImage, scene: str, options: ImportOptions, findings: Findings
) -> PlannedImage | None:
    def check() -> PlannedImage:
        with open_source(image.path) as source:
            header = source.header
            require_reviewable(header, image.name)
            source.verify()
        windows = tile_windows(
            header.width_px, header.height_px, options.tile_px, options.overlap_px
        )
        return PlannedImage(
            name=image.name,
            key=image.key,
            path=image.path,
            scene=scene,
            width_px=header.width_px,
            height_px=header.height_px,
            bands=header.bands,
            dtype=header.dtype,
            georeferenced=header.crs is not None,
            tiles=len(windows),
        )

    return findings.attempt(image.path, check)


def _leave_out_companions(image: FoundImage, findings: Findings) -> None:
    for path in filter(None, [image.mask, *image.candidates.values(), *image.probs.values()]):
        findings.leave_out(path, "its image is left out")


def require_reviewable(header: RasterHeader, name: str) -> None:
    """Check that an image is large enough to be judged.

    Raises:
        InvalidInputError: a side is shorter than 16 px.
    """
    if min(header.width_px, header.height_px) < MIN_SIDE_PX:
        raise InvalidInputError(
            f"{name} is {header.width_px} x {header.height_px} px; expected at least "
            f"{MIN_SIDE_PX} px a side."
        )


def _count_masks(
    planned: Sequence[tuple[FoundImage, PlannedImage]],
    findings: Findings,
    progress: Progress,
) -> dict[Path, MaskTally]:
    tallies: dict[Path, MaskTally] = {}
    for place, (image, entry) in enumerate(planned):
        progress("checking masks", place, len(planned))
        for path in filter(None, [image.mask, *image.candidates.values()]):

            def check(path: Path = path, entry: PlannedImage = entry) -> MaskTally:
                name = findings.layout.names[path]
                with open_source(path, as_mask=True) as source:
                    require_size(
                        source.header, name, width_px=entry.width_px, height_px=entry.height_px
                    )
                    return tally_of(source)

            tally = findings.attempt(path, check)
            if tally is not None:
                tallies[path] = tally
    return tallies


def _plan_masks(
    image: FoundImage,
    entry: PlannedImage,
    scheme: ClassScheme,
    tallies: dict[Path, MaskTally],
    findings: Findings,
) -> PlannedImage:
    def usable(path: Path) -> bool:
        tally = tallies.get(path)
        if tally is None:
            return False
        name = findings.layout.names[path]
        return findings.attempt(path, lambda: lookup_of(tally, scheme, name)) is not None

    candidates = []
    for segmenter, path in image.candidates.items():
        probs = image.probs.get(segmenter)
        if not usable(path):
            if probs is not None:
                findings.leave_out(probs, "its mask is left out")
            continue
        if probs is not None and not _probs_usable(probs, scheme.classes, entry, findings):
            probs = None
        candidates.append(PlannedCandidate(segmenter, path, probs))
    mask = image.mask if image.mask is not None and usable(image.mask) else None
    return replace(entry, mask=mask, candidates=tuple(candidates))


def _probs_usable(
    path: Path, classes: Sequence[ClassDef], entry: PlannedImage, findings: Findings
) -> bool:
    def check() -> bool:
        require_probs(read_probs(path), len(classes), entry.height_px, entry.width_px)
        return True

    return findings.attempt(path, check) is not None
