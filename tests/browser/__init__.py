"""Tests in Chromium against the running app."""
