"""Predicted quality beside every baseline: splits, statistics and the report of them."""
