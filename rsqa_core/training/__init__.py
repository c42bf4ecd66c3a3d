"""Training of segmenters, the compact encoder and the quality head."""
