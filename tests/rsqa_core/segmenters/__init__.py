"""Tests of the core's segmenters."""
