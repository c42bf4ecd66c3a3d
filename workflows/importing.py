"""Imports a folder or an archive: look first, then cut, store and record image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from rsqa_core.datasets.cutting import (
    CutCandidate,
    TileArea,
    areas_of,
    cut_candidate,
    cut_image,
    cut_reference,
)
from rsqa_core.datasets.layout import LeftOut
from rsqa_core.datasets.options import ImportOptions
from rsqa_core.datasets.plan import PlannedImage, reason_of
from rsqa_core.datasets.planning import plan_folder
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError, RsqaError
from rsqa_core.files import file_sha256
from rsqa_core.progress import Progress, no_progress
from rsqa_core.raster.tiling import TileWindow
from rsqa_core.records import ImageRecord, NewCandidate, NewImage, Project
from workflows.import_plan import ImportPlan, plan_import
from workflows.opening import Installation

__all__ = [
    "ImportOptions",
    "ImportPlan",
    "ImportReport",
    "LeftOut",
    "plan_import",
    "run_import",
]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is stored of one image and still to be recorded."""

    tiles: Sequence[NewImage]
    candidates: list[list[CutCandidate]]
    is_new: bool


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``images`` counts source files, ``tiles`` review tiles, ``masks``
    reference masks and ``candidates`` candidate masks of tiles that were not there.

    ``already_there`` counts source files that an earlier import had recorded.
    """

    project: str
    images: int
    tiles: int
    masks: int
    candidates: int
    already_there: int
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()


def run_import(
    installation: Installation,
    plan: ImportPlan,
    project_slug: str,
    *,
    name: str | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Import what was planned into a new or existing project.

    Each source image is recorded with its tiles, masks and candidates in one transaction after its
    files are stored, so stopping leaves whole images, and the same call goes on from there. Images
    that are there already are kept as they are; candidates that come with them are added.

    Args:
        installation: where to.
        plan: from ``plan_import``; made again when it was made for another project.
        project_slug: short name of the project.
        name: its title when it is new; the short name by default.
        progress: told how many tiles are done.

    Raises:
        InvalidInputError: the short name has no valid form.
        ConflictError: the project's classes do not fit, or changed meanwhile.
        CancelledError: ``progress`` asked to stop.
    """
    return _Import(installation, plan, project_slug, name, progress).run()


class _Import:
    """One run: the plan, the project once it exists, and the counts so far."""

    def __init__(
        self,
        installation: Installation,
        plan: ImportPlan,
        slug: str,
        name: str | None,
        progress: Progress,
    ) -> None:
        self._installation = installation
        self._files = installation.files
        self._slug = slug
        self._name = name or slug
        self._progress = progress
        self._project = find_project(installation, slug)
        self._contents = plan.contents
        self._options = plan.options
        if _needs_replanning(plan, self._project):
            again = plan_folder(plan.root, plan.options, project=self._project, progress=progress)
            extracted = [e for e in plan.left_out if e not in again.left_out]
            self._contents = replace(again, left_out=(*extracted, *again.left_out))
        self._left_out = list(self._contents.left_out)
        self._known: dict[str, list[ImageRecord]] = {}
        self._seen: dict[str, str] = {}
        self._done_tiles = 0
        self._total_tiles = sum(i.tiles for i in self._contents.images)
        self._images = self._tiles = self._masks = self._candidates = self._there = 0

    def run(self) -> ImportReport:
        if self._project is not None:
            with self._installation.database.read() as session:
                for record in image_store.all_of(session, self._project.id):
                    self._known.setdefault(record.source_sha256, []).append(record)
        for image in self._contents.images:
            done_before = self._done_tiles
            prepared = self._prepare(image)
            if prepared is not None:
                self._record(prepared)
            self._done_tiles = done_before + image.tiles
        self._progress("importing tiles", self._total_tiles, self._total_tiles)
        return ImportReport(
            self._slug,
            self._images,
            self._tiles,
            self._masks,
            self._candidates,
            self._there,
            tuple(sorted(self._left_out, key=lambda f: f.name)),
            self._contents.notes,
        )

    def _prepare(self, image: PlannedImage) -> _Prepared | None:
        """Store the files of an image; None when it is left out or nothing about it is new."""
        try:
            sha256 = file_sha256(image.path)
        except OSError as error:
            self._leave_out(image.path, f"cannot be read: {error}.")
            return None
        if sha256 in self._seen:
            self._leave_out(image.path, f"has the same content as {self._seen[sha256]}")
            return None
        self._seen[sha256] = image.name
        try:
            if sha256 in self._known:
                return self._with_new_candidates(image, self._known[sha256])
            return self._with_tiles(image, sha256)
        except InvalidInputError as error:
            self._leave_out(image.path, error)
            return None
        except OSError as error:
            raise RsqaError(
                f"{image.name} cannot be stored in {self._files.root}: {error}. Make room there; "
                "the same import goes on from here."
            ) from error

    def _with_tiles(self, image: PlannedImage, sha256: str) -> _Prepared:
        cut = cut_image(
            self._files,
            image,
            sha256,
            tile_px=self._options.tile_px,
            overlap_px=self._options.overlap_px,
            generated=self._options.origin == "generated",
            tile_done=self._tile_done,
        )
        tiles: Sequence[NewImage] = cut.tiles
        references: list[str | None] = [None] * len(tiles)
        if image.mask is not None:
            scheme = self._contents.scheme
            try:
                references[:] = cut_reference(self._files, image.mask, image, scheme, cut)
            except InvalidInputError as error:
                self._leave_out(image.mask, error)
        tiles = [
            replace(tile, reference_mask_path=path)
            for tile, path in zip(tiles, references, strict=True)
        ]
        return _Prepared(tiles, self._cut_candidates(image, cut.areas, references), True)

    def _tile_done(self) -> None:
        self._progress("importing tiles", self._done_tiles, self._total_tiles)
        self._done_tiles += 1

    def _with_new_candidates(
        self, image: PlannedImage, records: Sequence[ImageRecord]
    ) -> _Prepared | None:
        self._there += 1
        if image.mask is not None and all(r.reference_mask_path is None for r in records):
            self._left_out.append(
                LeftOut(
                    self._contents.names[image.mask],
                    "its image was imported before without a reference mask and is kept as it is",
                )
            )
        self._progress("importing tiles", self._done_tiles, self._total_tiles)
        if not image.candidates:
            return None
        windows = [TileWindow(r.x_px, r.y_px, r.width_px, r.height_px) for r in records]
        areas = areas_of(image.path, windows)
        found = self._cut_candidates(image, areas, [r.reference_mask_path for r in records])
        return _Prepared(records, found, False)

    def _cut_candidates(
        self, image: PlannedImage, areas: Sequence[TileArea], references: Sequence[str | None]
    ) -> list[list[CutCandidate]]:
        found = []
        for candidate in image.candidates:
            self._progress("importing tiles", self._done_tiles, self._total_tiles)
            try:
                masks = cut_candidate(
                    self._files, candidate, image, self._contents.scheme, areas, references
                )
            except InvalidInputError as error:
                self._leave_out(candidate.path, error)
            else:
                found.append(masks)
        return found

    def _record(self, prepared: _Prepared) -> None:
        with self._installation.database.begin() as session:
            project = self._project
            if project is None:
                project = projects.create(
                    session,
                    slug=self._slug,
                    name=self._name,
                    classes=self._contents.scheme.classes,
                    class_map=self._contents.scheme.class_map,
                    ignored=self._contents.scheme.ignored,
                    origin=self._options.origin,
                )
            elif projects.get_by_id(session, project.id).classes != project.classes:
                raise ConflictError(
                    f"The classes of project {self._slug!r} changed meanwhile. Import again."
                )
            records = image_store.add(session, project.id, prepared.tiles)
            rows = [
                NewCandidate(
                    image_id=record.id,
                    segmenter=cut.segmenter,
                    mask_path=cut.mask_path,
                    mask_sha256=cut.mask_sha256,
                    area_shares=cut.area_shares,
                    probs_path=cut.probs_path,
                    overall_accuracy=cut.overall_accuracy,
                    valid_px=cut.valid_px,
                )
                for of_segmenter in prepared.candidates
                for record, cut in zip(records, of_segmenter, strict=True)
            ]
            before = candidate_store.of_images(session, [record.id for record in records])
            there = {
                (one.image_id, one.segmenter, one.mask_sha256, one.probs_path)
                for own in before.values()
                for one in own
            }
            candidate_store.put(session, rows)
        self._project = project
        self._candidates += sum(
            (row.image_id, row.segmenter, row.mask_sha256, row.probs_path) not in there
            for row in rows
        )
        if prepared.is_new:
            self._images += 1
            self._tiles += len(records)
            self._masks += sum(r.reference_mask_path is not None for r in records)

    def _leave_out(self, path: Path, error: Exception | str) -> None:
        name = self._contents.names[path]
        reason = error if isinstance(error, str) else reason_of(error, path.name, name)
        self._left_out.append(LeftOut(name, reason))


def find_project(installation: Installation, slug: str) -> Project | None:
    """Return the project called ``slug``, None when there is none yet."""
    with installation.database.read() as session:
        try:
            return projects.get(session, slug)
        except NotFoundError:
            return None


def _needs_replanning(plan: ImportPlan, project: Project | None) -> bool:
    if project is None:
        return plan.project is not None
    return plan.project is None or plan.scheme.classes != project.classes
