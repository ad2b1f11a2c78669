"""Stage train_cvae: the conditional VAE, which generates several maps for one photo."""

from ganflow import config
from ganflow.pipeline.stage import run_stage
from ganflow.training import translation
from ganflow.training.cvae import CvaeModel


def main() -> None:
    params = config.load_params()
    own = params.cvae
    objective = own.objective if own.lambda_gan else "no discriminator"
    translation.train_translator("cvae", params, CvaeModel, objective, latent_dim=own.latent_dim)


if __name__ == "__main__":
    run_stage(main)
