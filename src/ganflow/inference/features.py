"""Features and class probabilities from the digit classifier, as the digit measures need them."""

from pathlib import Path

import numpy as np
import torch

from ganflow.data.batches import to_unit
from ganflow.models.classifier import DigitClassifier

CLASSIFIER = Path("models/classifier")  # whose features the digit measures use


@torch.no_grad()
def classify(classifier: DigitClassifier, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features [N, 128] and class probabilities [N, classes], both float32, of digits uint8 [N, 28, 28]."""
    images = to_unit(torch.tensor(digits))[:, None].to(next(classifier.parameters()).device)
    features = torch.cat([classifier.features(chunk) for chunk in images.split(500)])
    return features.cpu().numpy(), classifier.head(features).softmax(1).cpu().numpy()
