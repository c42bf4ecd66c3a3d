"""How large a file may claim to be before RSQA refuses to decode it."""

from __future__ import annotations

MIN_SIDE_PX = 16
"""Images with a shorter side cannot be reviewed or segmented."""

MAX_WHOLE_PX = 150_000_000
"""JPEG and PNG are decoded whole: about 12,000 x 12,000 px, 600 MB as RGBA."""

MAX_WINDOWED_PX = 2_500_000_000
"""TIFF is read by window, so only the number of tiles limits it: 50,000 x 50,000 px."""

MAX_WINDOW_BYTES = 1 << 30
"""What one window (or one palette-expanded image) may need once decoded."""

MAX_BLOCK_BYTES = 1 << 29
"""A TIFF strip or block is decoded whole even where a window needs one row of it."""

MAX_BANDS = 512
"""Hyperspectral sensors stay below this."""

OVERVIEW_PX = 1024
"""Longer side of the decimated image from which display statistics come."""

WORKER_MEMORY_BYTES = 4 << 30
"""Address space and resident memory of the process that decodes."""

WORKER_TIMEOUT_S = 180.0
"""A file that keeps the decoder busy for longer is given up."""
