"""Tests of the generated scenes."""
