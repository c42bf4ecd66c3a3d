"""What retraining costs; see ``benchmarks.costs.__main__``."""
