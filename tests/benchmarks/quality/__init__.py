"""Tests of the benchmark of predicted quality."""
