"""Two projects of tiny generated scenes, on which figures mean nothing."""

from __future__ import annotations

from pathlib import Path

from db.store import projects
from rsqa_core.datasets.classes import DEFAULT_CLASSES
from rsqa_core.records import ClassDef
from rsqa_core.segmenters.network import shipped_segmenters
from rsqa_core.settings import Settings
from workflows.generating import add_generated_scenes
from workflows.opening import Installation, open_installation
from workflows.segmenting import segment_project

PROJECTS = {"first": range(60_000, 60_004), "second": range(61_000, 61_003)}
"""Seeds of scenes that nothing shipped was trained on."""
SIDE_PX = 64
MORE_CLASSES = {"second": (ClassDef(len(DEFAULT_CLASSES), "Snow", (240, 240, 250)),)}
"""Projects seldom have the same number of classes."""


def tiny_installation(home: Path) -> Installation:
    """Make the projects with candidates of three shipped segmenters in a new installation."""
    installation = open_installation(Settings(home=home))
    segmenters = shipped_segmenters()[:3]
    for slug, seeds in PROJECTS.items():
        with installation.database.begin() as session:
            project = projects.create(
                session,
                slug=slug,
                name=slug.title(),
                classes=(*DEFAULT_CLASSES, *MORE_CLASSES.get(slug, ())),
                class_map={},
                origin="generated",
            )
        add_generated_scenes(installation, project, list(seeds), size_px=SIDE_PX)
        segment_project(installation, slug, segmenters=segmenters)
    return installation
