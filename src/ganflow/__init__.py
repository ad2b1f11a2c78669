"""ganflow: a reproducible workflow that trains, evaluates and compares image-generating networks."""

__version__ = "0.1.0"
