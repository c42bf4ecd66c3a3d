"""Live segmenters: networks that turn an image into a mask, probabilities and features."""
