"""Tests of a project's report."""
