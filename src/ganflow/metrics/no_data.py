"""Images measured against targets that have no data everywhere."""

import numpy as np


def as_real_without_data(images: np.ndarray, real: np.ndarray, has_data: np.ndarray | None) -> np.ndarray:
    """`images` with the real picture's own pixels where that has no data: no measure sees a difference there.

    `images`, `real`: [N, H, W, C]; `has_data`: bool [N, H, W]; None: everywhere.
    """
    return images if has_data is None else np.where(has_data[..., None], images, real)
