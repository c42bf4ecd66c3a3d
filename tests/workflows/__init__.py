"""Tests of the workflows and their commands."""
