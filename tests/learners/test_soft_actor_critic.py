"""Soft actor-critic by hand and by numbers: the squashed density, targets, the temperature, the policy's gradient."""

import math

import torch

from devlearn.learners.objectives import SoftPolicy, soft_targets, squashed, temperature_slope


def test_the_density_of_what_is_done_sums_to_one_and_is_the_slope_of_its_distribution() -> None:
    """Over a grid of noise: the mass between two actions is that of the noise between them."""
    noise = torch.linspace(-6, 6, 200_001, dtype=torch.float64)[:, None]
    mean, log_std = torch.tensor(0.4, dtype=torch.float64), torch.tensor(-0.3, dtype=torch.float64)
    numbers, log_p = squashed(mean, log_std, noise)
    done = numbers.tanh()[:, 0]
    mass = torch.trapezoid(log_p.exp(), done)
    assert abs(mass.item() - 1) < 1e-6
    normal = torch.distributions.Normal(0.0, 1.0)
    by_noise = normal.cdf(noise[1:, 0]) - normal.cdf(noise[:-1, 0])
    by_density = 0.5 * (log_p[1:].exp() + log_p[:-1].exp()) * (done[1:] - done[:-1])
    near = slice(60_000, 140_000)
    torch.testing.assert_close(by_density[near], by_noise[near], rtol=1e-5, atol=0)


def test_densities_of_several_numbers_multiply_and_stay_finite_at_the_ends() -> None:
    mean = torch.tensor([[50.0, -50.0]])
    numbers, log_p = squashed(mean, torch.zeros(1, 2), torch.zeros(1, 2))
    expected = 2 * (-0.5 * math.log(2 * math.pi) - 2 * (math.log(2) - 50))  # 1 - tanh(u)^2 is 4 exp(-2 |u|) there
    torch.testing.assert_close(log_p, torch.tensor([expected]))
    assert torch.equal(numbers, mean)


def test_targets() -> None:
    batch = {
        "rewards": torch.tensor([[1.0, 2.0]]),
        "discounts": torch.tensor([[0.5, 0.5]]),
        "terminated": torch.tensor([[False, True]]),
    }
    values = torch.tensor([[[4.0, 9.0], [3.0, 9.0]]])  # (N, 2, B)
    found = soft_targets(batch, values, torch.tensor([[-2.0, 7.0]]), torch.tensor([0.1]))
    torch.testing.assert_close(found, torch.tensor([[1 + 0.5 * (3 + 0.1 * 2), 2.0]]))


def test_the_temperature_rises_where_the_entropy_is_below_its_target() -> None:
    log_p = torch.tensor([[3.0, 1.0], [-4.0, -2.0]])  # entropies -2 and 3, held to -1
    found = temperature_slope(log_p, -1.0)
    torch.testing.assert_close(found, torch.tensor([-(2 - 1.0), -(-3 - 1.0)]))
    log = torch.zeros(2, requires_grad=True)
    (-log[:, None] * (log_p - 1.0)).mean(-1).sum().backward()
    torch.testing.assert_close(log.grad, found)


def test_the_policys_gradient_is_that_through_a_critic() -> None:
    """Slopes along what is done stand for the critic; against autograd through both."""
    torch.manual_seed(0)
    actor, spread = torch.nn.Linear(3, 4).double(), torch.nn.Linear(3, 2).double()
    critic = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    seen, noise = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
    objective, temperature = SoftPolicy("eye", "actor", "spread"), torch.tensor(0.3, dtype=torch.float64)

    def brain(x: torch.Tensor, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
        return actor(x), spread(x)

    numbers, log_p = objective.act(brain, seen, noise)
    values = critic(torch.cat([seen, numbers.tanh()], -1)).squeeze(-1)
    whole = (temperature * log_p - values).mean()
    expected = torch.autograd.grad(whole, [*actor.parameters(), *spread.parameters()])

    done = numbers.detach().tanh().requires_grad_()
    judged = critic(torch.cat([seen, done], -1)).squeeze(-1)
    (slopes,) = torch.autograd.grad(judged.sum(), done)
    batch = {"observations": seen, "noise": noise, "slopes": slopes, "values": judged.detach()}
    loss, metrics = objective(brain, {**batch, "temperature": temperature})
    found = torch.autograd.grad(loss, [*actor.parameters(), *spread.parameters()])
    torch.testing.assert_close(loss, whole)
    torch.testing.assert_close(metrics["entropy"], -log_p.mean().detach())
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
