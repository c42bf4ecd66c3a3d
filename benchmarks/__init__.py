"""Benchmarks: each module is a command that prints figures and appends one CSV row of them."""
