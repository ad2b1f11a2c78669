"""A small convolutional classifier of digits. The digit metrics are computed on its features and predictions."""

from torch import Tensor, nn


class DigitClassifier(nn.Module):
    """Digits [B, 1, 28, 28] in [-1, 1] to class logits [B, classes]; `features` gives the layer before, [B, 128]."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block(1, 16),  # 28 -> 14 px
            *_block(16, 32),  # 14 -> 7
            *_block(32, 64),  # 7 -> 3
            nn.Flatten(),
            nn.Linear(64 * 3 * 3, 128),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128, classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
        nn.ReLU(),
    ]
