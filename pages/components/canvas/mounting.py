"""Mounts the canvas on a page."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages.components.canvas.assets_route import assets_key, read_styles
from rsqa_core.records import ACCEPTABLE_ACCURACY, Project

# Only a doorway: the modules are files of their own, loaded once and kept by the browser. A module
# made from a blob has no address of its own, hence the absolute one.
DOORWAY = """
export default async function (component) {
  const address = new URL(component.data.module, window.location.href).href;
  const canvas = await import(address);
  return canvas.mount(component);
}
"""


@dataclass(frozen=True, slots=True)
class CanvasData:
    """What the canvas needs to know before its first request.

    ``query`` holds the queue's parameters as in an address, ``item_id`` the image to begin with.
    ``images`` and ``candidates`` are the project's counts.
    """

    api_root: str
    token: str
    reviewer: str
    project: Project
    images: int
    candidates: int
    query: dict[str, str] = field(default_factory=dict)
    item_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form in which the component receives it."""
        project = self.project
        return {
            "api": self.api_root,
            "module": module_address(self.api_root, "main.js"),
            "token": self.token,
            "reviewer": self.reviewer,
            "project": {"id": project.id, "slug": project.slug, "name": project.name},
            "classes": classes_json(project),
            "head_id": project.active_head_id,
            "acceptable": ACCEPTABLE_ACCURACY,
            "counts": {"images": self.images, "candidates": self.candidates},
            "query": self.query,
            "item": self.item_id,
        }


@dataclass(frozen=True, slots=True)
class CanvasRequest:
    """What the reviewer asked of the page: another page to go to, another order of the queue."""

    page: str | None = None
    order: str | None = None


def review_canvas(data: CanvasData) -> CanvasRequest:
    """Draw the canvas and return what the reviewer asked of the page.

    A request for a new token needs no answer of its own: the rerun that it causes brings one.
    """
    result = _component()(
        key="rsqa_review",
        data=data.as_json(),
        on_go_change=_nothing,
        on_order_change=_nothing,
        on_token_change=_nothing,
    )
    page, order = (result.get(name) for name in ("go", "order"))
    return CanvasRequest(str(page) if page else None, str(order) if order else None)


def classes_json(project: Project) -> list[dict[str, Any]]:
    """Return a project's classes as components receive them."""
    return [
        {"id": entry.id, "name": entry.name, "color": list(entry.color)}
        for entry in project.classes
    ]


def module_address(api_root: str, name: str) -> str:
    """Return the address of one of the modules, which changes with their content."""
    return f"{api_root}/canvas/{assets_key()}/{name}"


@functools.cache
def _component() -> Any:
    # Once per process: Streamlit takes a second registration of a name for a mistake.
    return st.components.v2.component("rsqa_review", css=read_styles(), js=DOORWAY)


def _nothing() -> None:
    """Streamlit registers a trigger only with a callback; the rerun itself is what is wanted."""
