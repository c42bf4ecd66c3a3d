"""Generated aerial-like scenes with exact reference masks."""

from rsqa_core.scenes.look import Look
from rsqa_core.scenes.looks import LOOKS
from rsqa_core.scenes.scene import SCENE_CLASSES, Scene, render_scene

__all__ = ["LOOKS", "SCENE_CLASSES", "Look", "Scene", "render_scene"]
