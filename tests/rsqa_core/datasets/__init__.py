"""Tests of the core's datasets."""
