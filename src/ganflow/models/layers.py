"""What U-Net and PatchGAN share: the normalisation choice and the initialisation of the Pix2Pix paper."""

from torch import nn


def normalise(norm: str, channels: int) -> nn.Module:
    """A normalisation layer that means the same in training and evaluation.

    `instance`: each image and channel by its own mean and variance. `batch`: batch statistics, also at test time (as
    the reference does: running statistics gathered at batch size 1 give blurred or black maps). A network with batch
    norm is therefore to be applied to one image at a time.
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels, track_running_stats=False)
    return nn.InstanceNorm2d(channels)


def pix2pix_init(module: nn.Module) -> None:
    """N(0, 0.02) weights and zero biases; batch-norm scales N(1, 0.02). Isola et al. 2017, appendix 6.2."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
