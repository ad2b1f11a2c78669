"""The GANs on digits, plain and class-conditional: two networks, two optimisers, one step."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.comparison.champion import validated_on
from ganflow.config import Cgan, Gan
from ganflow.inference.digits import draw, every_class
from ganflow.inference.features import classify
from ganflow.inference.grids import digit_grid
from ganflow.losses import OBJECTIVES, gradient_penalty, zero_centred_penalty
from ganflow.metrics.bootstrap import value_and_plus_minus, whole_and_resamples
from ganflow.metrics.digits import pixel_gaussian
from ganflow.metrics.distribution import RESAMPLES, frechet_distance
from ganflow.metrics.manifold import manifold, neighbours
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator, with_classes
from ganflow.models.growing import GROWN, GrowingDiscriminator, GrowingGenerator, faded, stage_at
from ganflow.seeds import latents, step_seed
from ganflow.training.adversarial import adam, generator_learns, mean_outputs
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema, recalibrate
from ganflow.training.loop import Rows, Validation

COLUMNS = 8  # of the picture made after each epoch
RECALIBRATION_BATCHES = 16  # of 256 latents


class GanModel:
    """Generator G, discriminator D, and an average of G. Goodfellow et al. 2014 (arXiv:1406.2661).

    With `classes`, both also get the class of each digit. Of the images that D must reject, a share
    `params.wrong_classes` are then real digits with a wrong class (Reed et al. 2016, arXiv:1605.05396, section 4.2,
    where it is a half).

    While the first `growing_images` images are seen, both grow from 7 to 28 pixels (Karras et al. 2018,
    arXiv:1710.10196; 0: they do not). Networks, norms and objectives stay the same: the paper's pixel norm, equalised
    learning rates and minibatch statistics are not here.
    """

    def __init__(self, params: Gan, seed: int, machine: Machine, classes: int = 0, growing_images: float = 0.0) -> None:
        torch.manual_seed(step_seed(seed, "cgan" if classes else "gan", "init"))
        self.params, self.machine = params, machine
        self.objective = OBJECTIVES[params.objective]
        shape = {"channels": params.channels, "classes": classes, "deep": params.deep}
        self.arguments = {"latent_dim": params.latent_dim, **shape}
        self.generator = DigitGenerator(**self.arguments)
        self.discriminator = DigitDiscriminator(**shape, norm=params.norm)
        self._growing_images, grows = growing_images, growing_images > 0
        self._g: nn.Module = GrowingGenerator(self.generator) if grows else self.generator  # as they are trained
        self._d: nn.Module = GrowingDiscriminator(self.discriminator) if grows else self.discriminator
        for network in (self._g, self._d):
            network.to(machine.device)
        self.ema = Ema(self._g, params.ema_share)
        # D without what it grows by: a later training may start from it.
        self.networks = {"G": self._g, "D": self.discriminator, "average of G": self.ema.average}
        if isinstance(self._d, GrowingDiscriminator):
            self.networks["image layers of D"] = self._d.image_layers
        self.optimisers = {"G": adam(self._g, params), "D": adam(self._d, params)}
        # The networks as a step calls them. G's loss leaves no gradient on D that processes would have to average.
        self._synchronised_g = machine.synchronised(machine.compiled(self._g), some_unused=grows)
        self._compiled_d = machine.compiled(self._d)
        self._synchronised_d = machine.synchronised(self._compiled_d, some_unused=grows)
        fixed = latents(COLUMNS if classes else COLUMNS**2, params.latent_dim, seed, "gan", "samples")
        self._fixed = (every_class(fixed, classes) if classes else fixed).to(machine.device)
        self._seed = seed
        self._wrong_share = params.wrong_classes if isinstance(params, Cgan) else 0.0
        self.objective_name = params.objective + (f", wrong classes {self._wrong_share:g}" if self._wrong_share else "")

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G, on real digits [B, 1, 28, 28] (Goodfellow 2014, algorithm 1, k = 1).

        With `critic_steps` n > 1 only every n-th step updates G. A class-conditional G generates digits of the same
        classes as the real ones of the batch, whose labels are int64 [B].
        """
        real, labels = self._grown_to(images_seen, batch[0]), batch[1]
        optimise_g, optimise_d = self.optimisers["G"], self.optimisers["D"]
        world, dim, classes = self.machine.world, self.params.latent_dim, self.generator.classes
        latent = world.draw(lambda count, rng: torch.randn(count, dim, generator=rng), len(real)).to(real.device)
        if classes:
            latent = with_classes(latent, labels, classes)

        learns = generator_learns(images_seen, len(real) * world.size, self.params.critic_steps)

        # Discriminator: real digits against generated ones
        with self.machine.autocast(), torch.set_grad_enabled(learns):
            fake = self._synchronised_g(latent)
        with self.machine.autocast():
            images, given_labels = [real, fake.detach()], [labels, labels]
            if share := self._wrong_share:  # D must also reject real digits with a wrong label
                images.append(real)
                offset = world.draw(lambda count, rng: torch.randint(1, classes, (count,), generator=rng), len(real))
                given_labels.append((labels + offset.to(labels)) % classes)
            if self.params.norm == "batch":  # each kind by its own statistics
                outputs = [self._synchronised_d(*given) for given in zip(images, given_labels, strict=True)]
            else:
                outputs = self._synchronised_d(torch.cat(images), torch.cat(given_labels)).split(len(real))
        on_real, on_fake, *on_wrong = (output.float() for output in outputs)
        loss_d = self.objective.discriminator(on_real, on_fake)
        if on_wrong:
            loss_d = (1 - share) * loss_d + share * self.objective.discriminator(on_real, on_wrong[0])
        total = loss_d
        if self.objective.penalised:
            weight = world.draw(lambda count, rng: torch.rand(count, generator=rng), len(real))
            total = loss_d + self.params.lambda_gp * gradient_penalty(
                lambda digits: self._d(digits, labels), real, fake, weight
            )
        if self.objective.relativistic:
            total = loss_d + self.params.gamma / 2 * sum(
                zero_centred_penalty(lambda digits: self._d(digits, labels), digits) for digits in (real, fake)
            )
        optimise_d.zero_grad()
        total.backward()
        optimise_d.step()

        # Generator: the same digits, scored by the updated discriminator
        self._d.requires_grad_(False)
        with self.machine.autocast():
            logits = self._compiled_d(fake, labels).float()
            if self.objective.relativistic:
                with torch.no_grad():
                    beside = self._compiled_d(real, labels).float()
                logits = logits - beside
        loss_g = self.objective.generator(logits)
        if learns:
            optimise_g.zero_grad()
            loss_g.backward()
            optimise_g.step()
        self._d.requires_grad_(True)

        self.ema.update(self._g, images_seen, len(real) * world.size)
        return {"loss_d": loss_d, "loss_g": loss_g, **mean_outputs(self.objective, on_real, on_fake)}

    def _grown_to(self, images_seen: int, real: Tensor) -> Tensor:
        """Bring both networks and the average to their stage of this step; returns the real digits as it shows them."""
        stage = stage_at(images_seen, self._growing_images)
        for network in (self._g, self._d, self.ema.average):
            if isinstance(network, GrowingGenerator | GrowingDiscriminator):
                network.stage = stage
        return faded(real, stage)

    def finished(self) -> nn.Module:
        """The averaged generator in evaluation mode, its batch-norm statistics recomputed.

        A `GrowingGenerator` while it grows, which is not to be saved, else a `DigitGenerator`.
        """
        count = RECALIBRATION_BATCHES * 256
        inputs = latents(count, self.params.latent_dim, self._seed, "gan", "recalibrate")
        if classes := self.generator.classes:
            inputs = with_classes(inputs, torch.arange(count) % classes, classes)
        recalibrate(self.ema.average, inputs.to(self.machine.device).split(256))
        average = self.ema.average.eval()
        return average.network if isinstance(average, GrowingGenerator) and average.stage == GROWN else average

    def sample(self, network: nn.Module) -> Image.Image:
        return digit_grid(draw(network, self._fixed), COLUMNS)


def digit_validation(
    task: str, classifier: DigitClassifier, val: np.ndarray, inputs: Tensor, classes: int = 0
) -> Validation:
    """Choose the epoch with the lowest Fréchet distance to `val`, uint8 [N, 28, 28], in the classifier's features.

    The distance is that of the digits generated from `inputs` [N, latent_dim (+ classes)]. For a class-conditional
    generator, class_accuracy is the share of them that the classifier assigns to the requested class. The trivial
    baseline is a Gaussian on the pixels of `val`.

    While a generator grows, its distance is frechet_growing, a curve to look at: it chooses no epoch, as its small
    digits, brought up to 28 pixels, are no model to save.
    """
    real, of_classes = classify(classifier, val)
    # Its weights, and not its features: the last bits of these differ from machine to machine.
    weights_of_classifier = [weights.cpu().numpy() for weights in classifier.state_dict().values()]
    conditions = validated_on(task, [val], classifier=weights_of_classifier)

    def measure(generator: nn.Module) -> dict[str, float]:
        features, probabilities = classify(classifier, draw(generator, inputs))
        name = "frechet_growing" if isinstance(generator, GrowingGenerator) else "frechet_classifier"
        measures = {name: float(frechet_distance(features, real)[0])}
        if classes:
            requested = inputs[:, -classes:].argmax(1).cpu().numpy()
            measures["class_accuracy"] = float((probabilities.argmax(1) == requested).mean())
        return measures

    def resamples_of(features: np.ndarray) -> np.ndarray:
        # Fixed seeds, so that the resamples are the same in every run: see Validation.
        weights = [whole_and_resamples(len(rows), seed, RESAMPLES) for seed, rows in enumerate((features, real))]
        return frechet_distance(features, real, (weights[0], weights[1]))

    def resampled(generator: nn.Module) -> tuple[np.ndarray, Rows]:
        sets = {"model": draw(generator, inputs), "ceiling": pixel_gaussian(val, len(val), seed=0)}
        features = {row: classify(classifier, digits)[0] for row, digits in sets.items()}
        values = {row: resamples_of(of) for row, of in features.items()}
        rows = {row: {"frechet_classifier": value_and_plus_minus(of)} for row, of in values.items()}
        variety = manifold(neighbours(features["model"]), neighbours(real))
        rows["model"] |= {key: (float(of[0]), 0.0) for key, of in variety.items()}
        return values["model"], rows

    return Validation(measure, "frechet_classifier", False, resampled, conditions, of_classes.shape[1])
