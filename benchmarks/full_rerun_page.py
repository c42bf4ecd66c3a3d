"""The page that benchmarks/ui.py compares the canvas with: plain Streamlit, one rerun an item.

An image and its mask are blended with numpy and shown through st.image; Enter is the shortcut of a
button. The folder of ``NNN.jpg`` and ``NNN.png`` comes from RSQA_HOME, the only setting there is.
"""

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from rsqa_core.settings import read_settings

COLOURS = np.array(
    [(213, 94, 0), (230, 159, 0), (187, 187, 187), (0, 158, 115), (0, 114, 178)], dtype=np.float32
)
OPACITY = 0.55


def blended(folder: Path, index: int) -> np.ndarray:
    """Return image ``index`` with its mask over it, (H, W, 3) uint8."""
    with Image.open(folder / f"{index:03d}.jpg") as opened:
        image = np.asarray(opened, dtype=np.float32)
    with Image.open(folder / f"{index:03d}.png") as opened:
        mask = COLOURS[np.asarray(opened)]
    return (image * (1 - OPACITY) + mask * OPACITY).astype(np.uint8)


def go_on() -> None:
    st.session_state.index = st.session_state.get("index", 0) + 1


st.set_page_config(layout="wide")
index = st.session_state.get("index", 0)
st.button("Next", on_click=go_on, shortcut="Enter")
st.image(blended(read_settings().home, index))
st.text(f"item {index}")
