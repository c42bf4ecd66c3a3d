"""The screens: one thin file each, with what they share in pages.components."""
