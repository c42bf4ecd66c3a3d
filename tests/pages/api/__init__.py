"""Tests of the canvas's routes."""
