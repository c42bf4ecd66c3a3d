"""Image encoders without a text tower, built here from checkpoints in their authors' layouts."""
