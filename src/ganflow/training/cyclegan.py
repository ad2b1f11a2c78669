"""CycleGAN: two generators, two discriminators, and one training step that sees no pairs."""

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Cyclegan
from ganflow.data.batches import to_unit
from ganflow.inference.grids import translation_grid
from ganflow.inference.translation import to_input, translate
from ganflow.losses import auxiliary_recovery, cycle_consistency, identity_mapping, kl_divergence
from ganflow.models.cvae import reparameterise
from ganflow.models.cyclegan import CycleGenerators
from ganflow.seeds import step_seed
from ganflow.training.adversarial import adam, generator_learns
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema
from ganflow.training.patch_adversary import PatchAdversary


class CycleGanModel:
    """Generators G: X to Y and F: Y to X, discriminators D_Y and D_X, and an average of G and F.

    Zhu et al. 2017 (arXiv:1703.10593). The objective wgan_gp with lambda_identity = 0 is DualGAN (Yi et al. 2017,
    arXiv:1704.02510), with the gradient penalty in place of its clipped weights. With aux_dim > 0 it is AsymGAN (Li et
    al. 2019, arXiv:1912.11660).

    `examples`: fixed inputs and targets that do not belong to them, each [n, H, W, C], for the picture made after each
    epoch; they also say how many channels there are. `palettes`: the colours, uint8 [k, C], that the outputs of G and
    of F start to mix (unet.Palette); k = 0: tanh, the paper's.
    """

    def __init__(
        self,
        params: Cyclegan,
        crop_size: int,
        seed: int,
        machine: Machine,
        examples: tuple[np.ndarray, np.ndarray],
        palettes: tuple[Tensor, Tensor],
    ) -> None:
        torch.manual_seed(step_seed(seed, "cyclegan", "init"))
        self.params, self.machine, self._examples = params, machine, examples
        inputs, outputs = (side.shape[-1] for side in examples)
        self.arguments = {
            "levels": min(8, int(math.log2(crop_size))),
            "channels": params.generator_channels,
            "norm": params.norm,
            "upsample": params.upsample,
            "palettes": [len(palette) for palette in palettes],
            "inputs": inputs,
            "outputs": outputs,
            "aux_dim": params.aux_dim,
        }
        self.generators = CycleGenerators(**self.arguments)
        for generator, palette in zip((self.generators.there, self.generators.back), palettes, strict=True):
            generator.start_palette(to_unit(palette))
        self.generators.to(machine.device)
        self._has_identity = params.lambda_identity > 0 and inputs == outputs
        self._cycles = machine.synchronised(machine.compiled(Cycles(self.generators, self._has_identity)))
        self.of_y, self.of_x = (PatchAdversary(params, machine, channels) for channels in (outputs, inputs))
        self.ema = Ema(self.generators, params.ema_share)
        discriminators = nn.ModuleDict({"y": self.of_y.discriminator, "x": self.of_x.discriminator})
        self.networks = {"G and F": self.generators, "D": discriminators, "average of G and F": self.ema.average}
        self.optimisers = {
            "G and F": adam(self.generators, params),
            "D": self.of_y.optimiser,
            "D of x": self.of_x.optimiser,
        }

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update of D_Y and D_X, then one of G and F, on x and y [B, C, H, W], which do not belong together.

        G and F minimise (eq. 3, whose one lambda are two here, as in the authors' code)

            lambda_gan (L_GAN(G, D_Y) + L_GAN(F, D_X))                              eq. 1; least squares in section 4
            + lambda_cycle E|F(G(x)) - x| + lambda_cycle_back E|G(F(y)) - y|        eq. 2
            + lambda_identity (E|G(y) - y| + E|F(x) - x|)       section 5.2, where both have as many channels

        A map cannot hold what a photo shows. A large lambda_cycle asks for just that, and G hides the photo in faint
        shades of the map; a large lambda_cycle_back asks G to read a map back out of the photo that F made of it.

        The scalars loss_g, loss_d, d_real and d_fake are of G and D_Y, those with _back of F and D_X. With critic_steps
        n > 1 only every n-th step updates G and F.

        With aux_dim, F takes an auxiliary variable too, and an encoder E learns with G and F (AsymGAN): F(y) above is
        F(y, z), z ~ N(0, 1), F(G(x)) is F(G(x), a), and F(x) is F(x, a), with a ~ E(x). They also minimise

            lambda_aux E|E(F(y, z)) - z|                        eq. 11: F must use z
            + lambda_kl KL(E(x) || N(0, 1))                     a is to look like z

        The last term is ours: in the paper E(x) is one value, and a third discriminator tells it from z (eq. 7). Its
        further terms (adversarial ones of exchanged auxiliaries, content, style, total variation) are left out.
        """
        x, y = batch
        params, batch_size = self.params, len(x) * self.machine.world.size  # of all processes
        learns = generator_learns(images_seen, batch_size, params.critic_steps)
        noise, z = (self._normal(len(x)).to(x.device) for _ in range(2)) if params.aux_dim else (None, None)
        with self.machine.autocast(), torch.set_grad_enabled(learns):
            fake_y, fake_x, recovered_x, recovered_y, same_x, same_y, *of_aux = self._cycles(x, y, noise, z)

        nothing = x[:, :0]  # what D sees beside an image
        average = self.ema.average
        scalars = self.of_y.improve_discriminator(nothing, y, self._with_history(lambda: average.there(x), fake_y))
        back = self.of_x.improve_discriminator(nothing, x, self._with_history(lambda: average.back(y, z), fake_x))

        losses, adversarial_y = self.of_y.generator_losses(nothing, y, fake_y)
        losses_back, adversarial_x = self.of_x.generator_losses(nothing, x, fake_x)
        scalars |= losses | {f"{name}_back": value for name, value in (back | losses_back).items()}
        scalars["loss_cycle"] = cycle_consistency(x, recovered_x.float())
        scalars["loss_cycle_back"] = cycle_consistency(y, recovered_y.float())
        total = adversarial_y + adversarial_x
        total = total + params.lambda_cycle * scalars["loss_cycle"]
        total = total + params.lambda_cycle_back * scalars["loss_cycle_back"]
        if self._has_identity:
            scalars["loss_identity"] = identity_mapping(y, same_y.float()) + identity_mapping(x, same_x.float())
            total = total + params.lambda_identity * scalars["loss_identity"]
        if z is not None:
            mean, log_variance, recovered_z = (part.float() for part in of_aux)
            prior = torch.zeros_like(mean), torch.zeros_like(mean)
            scalars["loss_aux"] = auxiliary_recovery(z, recovered_z)
            scalars["loss_kl"] = kl_divergence((mean, log_variance), prior).sum(1).mean()
            total = total + params.lambda_aux * scalars["loss_aux"] + params.lambda_kl * scalars["loss_kl"]
        if learns:
            optimiser = self.optimisers["G and F"]
            optimiser.zero_grad()
            total.backward()
            optimiser.step()

        self.ema.update(self.generators, images_seen, batch_size)
        return scalars

    def _normal(self, count: int) -> Tensor:
        dim = self.params.aux_dim
        return self.machine.world.draw(lambda rows, rng: torch.randn(rows, dim, generator=rng), count)

    def _with_history(self, by_average: Callable[[], Tensor], fakes: Tensor) -> Tensor:
        """`fakes`, a share `history` of them drawn anew from the same inputs by the average of the generator.

        The paper keeps 50 earlier images for D, so that G does not chase D in circles (Shrivastava et al. 2017,
        arXiv:1612.07828). Such a pool would be state that every checkpoint has to carry and every process to share. The
        average of G holds its past too, is in the checkpoint anyway, and here half of its weight is of the last
        `ema_share` of the training: as recent as the pool.
        """
        chances = self.machine.world.draw(lambda count, rng: torch.rand(count, generator=rng), len(fakes))
        earlier = [chance < self.params.history for chance in chances.tolist()]
        if not any(earlier):
            return fakes
        with torch.no_grad(), self.machine.autocast():
            drawn = by_average()
        return torch.where(torch.tensor(earlier, device=fakes.device).view(-1, 1, 1, 1), drawn.to(fakes), fakes)

    def finished(self) -> CycleGenerators:
        """The averaged generators in evaluation mode."""
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        """Inputs, G's answers and how F brings them back; then targets, what F makes of them, and G of that."""
        assert isinstance(network, CycleGenerators)
        x, y = self._examples

        def by(generator: nn.Module, images: np.ndarray, auxiliary: Tensor | None = None) -> np.ndarray:
            return translate(generator, images, 1, self.machine.device, auxiliary)

        with torch.no_grad():
            auxiliary = network.auxiliary(to_input(x, self.machine.device))
        there, back = by(network.there, x), by(network.back, y)
        columns = {"input": x, "generated": there, "recovered": by(network.back, there, auxiliary)}
        return translation_grid(columns | {"target": y, "back": back, "again": by(network.there, back)})


class Cycles(nn.Module):
    """The forward passes of a step in one module: gradients are averaged over processes per call of a module."""

    def __init__(self, generators: CycleGenerators, has_identity: bool) -> None:
        super().__init__()
        self.generators, self._has_identity = generators, has_identity

    def forward(self, x: Tensor, y: Tensor, noise: Tensor | None, z: Tensor | None) -> tuple[Tensor, ...]:
        """G(x), F(y), F(G(x)), G(F(y)), F(x), G(y); x and y themselves in place of the last two without identity.

        With an encoder E, F takes z in place of y's auxiliary, and x's own, made of `noise`, all [B, aux_dim]; the mean
        and the log variance of E(x) and the mean of E(F(y, z)) follow.
        """
        g, f, encoder = self.generators.there, self.generators.back, self.generators.encoder
        auxiliary, of_aux = None, ()
        fake_y, fake_x = g(x), f(y, z)
        if encoder is not None and noise is not None:
            mean, log_variance = (part.float() for part in encoder(x))
            auxiliary = reparameterise(mean, log_variance, noise)
            of_aux = mean, log_variance, encoder(fake_x)[0]
        same = (f(x, auxiliary), g(y)) if self._has_identity else (x, y)
        return fake_y, fake_x, f(fake_y, auxiliary), g(fake_x), *same, *of_aux
