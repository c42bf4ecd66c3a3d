"""Tests of what pairs of images and captions are read from."""
