"""A project told to an audience: slides for a screen, as one HTML file or as PDF."""
