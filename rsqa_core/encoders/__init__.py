"""Encoders: a vision-language model's view of an image."""
