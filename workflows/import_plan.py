"""Looks at a folder or archive and keeps what an import of it would do."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path

from rsqa_core.datasets.archives import (
    extract_archive,
    inner_folder,
    is_archive,
    removed_on_error,
)
from rsqa_core.datasets.classes import ClassScheme
from rsqa_core.datasets.layout import LeftOut
from rsqa_core.datasets.options import ImportOptions
from rsqa_core.datasets.plan import FolderPlan, PlannedImage
from rsqa_core.datasets.planning import plan_folder
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import Project


class ImportPlan:
    """What an import would do. An archive stays unpacked for as long as its plan lives."""

    def __init__(
        self,
        source: Path,
        root: Path,
        options: ImportOptions,
        project: Project | None,
        contents: FolderPlan,
        workspace: Path | None,
    ) -> None:
        self.source = source
        self.root = root
        self.options = options
        self.project = project
        self.contents = contents
        self._workspace = workspace
        self._remove = (
            None
            if workspace is None
            else weakref.finalize(self, shutil.rmtree, workspace, ignore_errors=True)
        )

    @property
    def images(self) -> tuple[PlannedImage, ...]:
        return self.contents.images

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return self.contents.left_out

    @property
    def notes(self) -> tuple[str, ...]:
        return self.contents.notes

    @property
    def scheme(self) -> ClassScheme:
        return self.contents.scheme

    def close(self) -> None:
        """Remove what an archive was unpacked to."""
        if self._remove is not None:
            self._remove()


def plan_import(
    source: Path,
    options: ImportOptions,
    *,
    project: Project | None = None,
    progress: Progress = no_progress,
) -> ImportPlan:
    """Look at every file of a folder or archive; the database is neither read nor written.

    Args:
        source: a folder, or a .zip, .tar, .tar.gz or .tgz of one.
        options: how to import it.
        project: the project that is added to; None plans a new one.
        progress: told how many files are checked.

    Raises:
        NotFoundError: there is nothing at ``source``.
        InvalidInputError: it is no folder or archive, or the options have no meaning.
        ConflictError: the existing project lacks a class of the masks.
    """
    if not source.exists():
        raise NotFoundError(f"There is nothing at {source}. Check the path.")
    if source.is_dir():
        contents = plan_folder(source.resolve(), options, project=project, progress=progress)
        return ImportPlan(source, source.resolve(), options, project, contents, None)
    if not is_archive(source):
        raise InvalidInputError(
            f"Expected a folder or a .zip, .tar, .tar.gz or .tgz archive, but got {source.name}."
        )
    with removed_on_error(Path(tempfile.mkdtemp(prefix="rsqa-import-"))) as workspace:
        progress("unpacking", 0, 1)
        left_out = extract_archive(source, workspace)
        root = inner_folder(workspace.resolve())
        contents = plan_folder(root, options, project=project, progress=progress)
        contents = replace(contents, left_out=(*left_out, *contents.left_out))
        return ImportPlan(source, root, options, project, contents, workspace)
