"""Tests of the core's encoders."""
