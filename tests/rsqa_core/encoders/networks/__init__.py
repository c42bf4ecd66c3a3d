"""Tests of the image networks without a text tower."""
