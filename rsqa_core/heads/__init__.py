"""The quality head: semantic and segmentation features fused into a score."""
