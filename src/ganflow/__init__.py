"""ganflow: a reproducible workflow that trains, evaluates and compares image-generating networks."""
