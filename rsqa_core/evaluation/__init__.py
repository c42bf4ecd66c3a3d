"""How well predicted quality agrees with quality measured on reference masks."""
