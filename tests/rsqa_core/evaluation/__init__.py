"""Tests of the core's evaluation."""
