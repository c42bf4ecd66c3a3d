"""The review canvas: one component that draws, takes keys, prefetches and sends decisions.

Streamlit mounts it and gives it its data; everything after that goes between the browser and the
routes of ``pages.api``. A decision never waits for a rerun of the page and never causes one.
"""

from pages.components.canvas.mounting import CanvasData, review_canvas

__all__ = ["CanvasData", "review_canvas"]
