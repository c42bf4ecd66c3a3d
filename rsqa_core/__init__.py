"""RSQA's domain: what a candidate segmentation is and how good it is predicted to be.

Importing this package is cheap on purpose; heavy libraries load with the submodule that needs
them.
"""

__version__ = "0.1.0"
