"""Tests of the core's features."""
