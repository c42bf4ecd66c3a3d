"""Tests of the core's heads."""
