"""What the quality head sees: numbers that describe an image and each of its candidates."""
