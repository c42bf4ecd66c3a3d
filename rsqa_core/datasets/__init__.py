"""Folders of imagery and masks: what is in them, and what their classes are called."""
