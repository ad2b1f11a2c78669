"""What the digit classifier sees: the features and classes that the digit measures are computed from."""

from pathlib import Path

import numpy as np
import torch

from ganflow.data.batches import to_unit
from ganflow.models.classifier import DigitClassifier

CLASSIFIER = Path("models/classifier")  # through which the digit metrics look


@torch.no_grad()
def classify(classifier: DigitClassifier, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features [N, 128] and class probabilities [N, 10], both float32, of digits uint8 [N, 28, 28]."""
    images = to_unit(torch.tensor(digits))[:, None].to(next(classifier.parameters()).device)
    features = torch.cat([classifier.features(chunk) for chunk in images.split(500)])
    return features.cpu().numpy(), classifier.head(features).softmax(1).cpu().numpy()
