"""Tests of the core's training."""
