"""The `ganflow` command: what a user does with a trained model, outside the pipeline."""

import argparse
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ganflow.errors import UserError, run
from ganflow.files import project_root, whole_file


def main() -> None:
    """Entry point of `ganflow`."""
    run(_main)


def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="ganflow", description="Use the models that `dvc repro` trained. The workflow itself: `make help`."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("translate", help="draw an aerial photo of any size as a map")
    command.add_argument("photo", type=Path, help="any image Pillow reads; 2.3 m per pixel suits the maps data set")
    command.add_argument("-o", "--output", type=Path, required=True, help="where the map goes, e.g. map.png")
    command.add_argument(
        "--model", type=Path, default=project_root() / "models" / "pix2pix", help="folder of the trained generator"
    )
    command.set_defaults(run=_translate)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _translate(arguments: argparse.Namespace) -> None:
    # torch takes seconds to import: `ganflow --help` must not wait for it.
    import torch

    from ganflow.models import saved
    from ganflow.models.unet import UNet
    from ganflow.translate import translate_photo

    if arguments.output.suffix.lower() not in Image.registered_extensions():
        raise UserError(f"cannot tell the format of {arguments.output}: give it a name like map.png")
    try:
        with Image.open(arguments.photo) as opened:
            photo = opened.convert("RGB")
    except FileNotFoundError:
        raise UserError(f"there is no file {arguments.photo}") from None
    except (UnidentifiedImageError, OSError) as fault:
        raise UserError(f"{arguments.photo} is not a readable image: {fault}") from None
    generator, config = saved.load(arguments.model, UNet)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    drawn = translate_photo(generator.to(device), photo, config["eval_size"], device)
    with whole_file(arguments.output) as partial:
        drawn.save(partial, format=Image.registered_extensions()[arguments.output.suffix.lower()])
    print(f"{arguments.output}: {drawn.width}x{drawn.height}, drawn by a model trained on {config['source']} data")


if __name__ == "__main__":
    main()
