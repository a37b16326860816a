"""PPO as one file has it, in the shape of CleanRL's: a SyncVectorEnv, plain modules, one seed a program.

The keys are those of ``ppo_cohort``: 8 environments x 128 steps, 4 epochs x 4 minibatches, 64 x 64 tanh twice.
"""

import itertools

import gymnasium
import numpy as np
import torch
from side_by_side import timed
from torch import Tensor, nn
from torch.distributions import Categorical

ENVS, STEPS, EPOCHS, MINIBATCHES, GAMMA, LAMBDA, CLIP = 8, 128, 4, 4, 0.99, 0.95, 0.2


def network(inputs: int, outputs: int, last: float) -> nn.Sequential:
    sizes, gains = (inputs, 64, 64, outputs), (2**0.5, 2**0.5, last)
    layers: list[nn.Module] = []
    for (a, b), gain in zip(itertools.pairwise(sizes), gains, strict=True):
        linear = nn.Linear(a, b)
        nn.init.orthogonal_(linear.weight, gain)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def run(seed: int, env_steps: int, env: str = "CartPole-v1") -> tuple[float, list[float]]:
    torch.manual_seed(seed)
    worlds = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make(env)] * ENVS)
    actor, critic = network(4, 2, 0.01), network(4, 1, 1.0)
    optimiser = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=2.5e-4, eps=1e-5)
    seen, _ = worlds.reset(seed=seed)
    observation, ended = torch.as_tensor(seen), torch.zeros(ENVS)
    returns, running = [], np.zeros(ENVS)

    def rollout() -> dict[str, Tensor]:
        nonlocal observation, ended
        rows: dict[str, list[Tensor]] = {name: [] for name in ("x", "action", "logp", "value", "reward", "ended")}
        for _ in range(STEPS):
            with torch.no_grad():
                policy = Categorical(logits=actor(observation))
                action = policy.sample()
                found = (observation, action, policy.log_prob(action), critic(observation)[:, 0])
            seen, reward, terminated, truncated, _ = worlds.step(action.numpy())
            for name, value in zip(("x", "action", "logp", "value"), found, strict=True):
                rows[name].append(value)
            rows["reward"].append(torch.as_tensor(reward, dtype=torch.float32))
            rows["ended"].append(ended)
            running[:] += reward
            over = terminated | truncated
            returns.extend(running[over])
            running[over] = 0.0
            observation, ended = torch.as_tensor(seen), torch.as_tensor(over, dtype=torch.float32)
        return {name: torch.stack(values) for name, values in rows.items()}

    def advantages(rows: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            following, alive, gae = critic(observation)[:, 0], 1 - ended, torch.zeros(ENVS)
        found = torch.zeros(STEPS, ENVS)
        for t in reversed(range(STEPS)):
            delta = rows["reward"][t] + GAMMA * following * alive - rows["value"][t]
            found[t] = gae = delta + GAMMA * LAMBDA * alive * gae
            following, alive = rows["value"][t], 1 - rows["ended"][t]
        return found

    def learn(rows: dict[str, Tensor], advantage: Tensor) -> None:
        flat = {name: value.flatten(0, 1) for name, value in rows.items()}
        target, gain = (advantage + rows["value"]).flatten(), advantage.flatten()
        for _ in range(EPOCHS):
            for chosen in torch.randperm(ENVS * STEPS).chunk(MINIBATCHES):
                policy = Categorical(logits=actor(flat["x"][chosen]))
                ratio = (policy.log_prob(flat["action"][chosen]) - flat["logp"][chosen]).exp()
                a = gain[chosen]
                a = (a - a.mean()) / (a.std() + 1e-8)
                loss = -torch.min(a * ratio, a * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()
                value = 0.5 * ((critic(flat["x"][chosen])[:, 0] - target[chosen]) ** 2).mean()
                optimiser.zero_grad()
                (loss + 0.5 * value - 0.01 * policy.entropy().mean()).backward()
                nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], 0.5)
                optimiser.step()

    def work() -> float:
        for _ in range(env_steps // (ENVS * STEPS)):
            rows = rollout()
            learn(rows, advantages(rows))
        return env_steps // (ENVS * STEPS) * ENVS * STEPS

    rate = timed(work)
    worlds.close()
    return rate, [float(np.mean(returns[-100:]))]
