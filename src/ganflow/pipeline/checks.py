"""Checks of parameters that are valid one by one but not together, or not on this data and machine."""

from pathlib import Path

from ganflow.config import Params
from ganflow.data.digit_folder import list_digits
from ganflow.data.pair_folder import list_pairs, list_pictures
from ganflow.data.unpaired_folder import list_unpaired
from ganflow.errors import UserError
from ganflow.pipeline.starts import check_starts

# How many images or pairs there are for training and validation together, where no parameter says so.
GENERATED_DIGITS = 1497
DOWNLOADED_PAIRS = 1096
MAPS_SIDE = 600  # pixels
TRAININGS = {
    **dict.fromkeys(("classifier", "gan", "cgan"), "mnist"),
    **dict.fromkeys(("pix2pix", "cvae", "cyclegan"), "maps"),
}


def check(params: Params) -> None:
    """Refuse parameters with which a later stage would fail.

    Raises:
        UserError: naming the first such parameter, its value and why.
    """
    images = training_images(params)
    if params.own_digits:
        list_digits(Path(params.mnist.folder))
    if params.own_pairs:
        if params.pairs.unpaired:
            list_unpaired(Path(params.pairs.folder))
        else:
            (list_pairs if params.pairs.derive == "none" else list_pictures)(Path(params.pairs.folder))
    elif params.data.source != "generated" and params.maps.eval_size > MAPS_SIDE:
        raise UserError(f"maps.eval_size = {params.maps.eval_size}: the published tiles have {MAPS_SIDE} px")
    elif images["maps"] < 1:
        held_out = params.maps.val_pairs
        raise UserError(
            f"maps.val_pairs = {held_out}: there are only {images['maps'] + held_out} pairs to take them from"
        )
    processes = params.compute.processes
    for model, data in TRAININGS.items():
        batch_size = getattr(params, model).batch_size
        unknown = params.own_pairs if data == "maps" else params.own_digits  # how many there are, no name says
        if batch_size > images[data] and not unknown:
            raise UserError(f"{model}.batch_size = {batch_size}: there are only {images[data]} training images")
        if batch_size % processes:
            raise UserError(f"{model}.batch_size = {batch_size} cannot be shared evenly by {processes} processes")
    check_starts(params)
    if params.compute.device not in ("auto", "cpu") or params.compute.compile == "on":
        from ganflow.training import compute  # torch takes seconds to import

        compute.prepare(params.compute)


def training_images(params: Params) -> dict[str, int]:
    """How many images or pairs each data set will have to train on, less those held out for validation."""
    generated = params.data.source == "generated"
    digits = min(params.mnist.train_images, GENERATED_DIGITS) if generated else params.mnist.train_images
    pairs = params.maps.generated_pairs if generated else DOWNLOADED_PAIRS
    return {"mnist": digits - min(params.mnist.val_images, digits // 10), "maps": pairs - params.maps.val_pairs}
