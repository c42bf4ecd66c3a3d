"""Tests of the core's raster."""
