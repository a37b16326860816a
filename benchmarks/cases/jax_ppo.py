"""PPO as one compiled program for all seeds, in the shape of PureJaxRL's: environment and learner are jit and vmap.

The keys are those of ``ppo_cohort``; the environment is gymnax's CartPole-v1. Compiling is part of the start.
"""

from typing import Any

import numpy as np
from side_by_side import timed

ENVS, STEPS, EPOCHS, MINIBATCHES, GAMMA, LAMBDA, CLIP = 8, 128, 4, 4, 0.99, 0.95, 0.2


def program(env_steps: int) -> Any:
    """From a key to (the mean return of the last episodes): a whole training of one seed."""
    import gymnax
    import jax
    import jax.numpy as jnp
    import optax

    env, given = gymnax.make("CartPole-v1")
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(2.5e-4, eps=1e-5))
    orthogonal = jax.nn.initializers.orthogonal

    def born(key: Any) -> Any:
        def net(key: Any, outputs: int, last: float) -> Any:
            sizes = ((4, 64, 2**0.5), (64, 64, 2**0.5), (64, outputs, last))
            keys = jax.random.split(key, 3)
            return [(orthogonal(g)(k, (a, b)), jnp.zeros(b)) for k, (a, b, g) in zip(keys, sizes, strict=True)]

        actor, critic = jax.random.split(key)
        return {"actor": net(actor, 2, 0.01), "critic": net(critic, 1, 1.0)}

    def apply(layers: Any, x: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = jnp.tanh(x @ weight + bias)
        return x @ layers[-1][0] + layers[-1][1]

    def logps(weights: Any, x: Any) -> Any:
        return jax.nn.log_softmax(apply(weights["actor"], x))

    def value(weights: Any, x: Any) -> Any:
        return apply(weights["critic"], x)[..., 0]

    def pick(table: Any, action: Any) -> Any:
        return jnp.take_along_axis(table, action[..., None], -1)[..., 0]

    def act(carry: Any, key: Any) -> Any:
        weights, seen, state, running, last = carry
        one, two = jax.random.split(key)
        table = logps(weights, seen)
        action = jax.random.categorical(one, table)
        after, state, reward, over, _ = jax.vmap(env.step, (0, 0, 0, None))(
            jax.random.split(two, ENVS), state, action, given
        )
        running = running + reward
        last, running = jnp.where(over, running, last), jnp.where(over, 0.0, running)
        row = (seen, action, pick(table, action), value(weights, seen), reward, over)
        return (weights, after, state, running, last), row

    def loss(weights: Any, batch: Any) -> Any:
        seen, action, before, gain, target = batch
        table = logps(weights, seen)
        ratio = jnp.exp(pick(table, action) - before)
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        policy = -jnp.minimum(gain * ratio, gain * ratio.clip(1 - CLIP, 1 + CLIP)).mean()
        entropy = -(jnp.exp(table) * table).sum(-1).mean()
        return policy + 0.25 * ((value(weights, seen) - target) ** 2).mean() - 0.01 * entropy

    def update(carry: Any, key: Any) -> Any:
        (weights, moments), *world = carry
        acting, shuffling = jax.random.split(key)
        (_, seen, *rest), rows = jax.lax.scan(act, (weights, *world), jax.random.split(acting, STEPS))
        x, action, logp, values, reward, over = rows

        def back(carry: Any, row: Any) -> Any:
            gae, following = carry
            reward, value, over = row
            gae = reward + GAMMA * following * (1 - over) - value + GAMMA * LAMBDA * (1 - over) * gae
            return (gae, value), gae

        start = (jnp.zeros(ENVS), value(weights, seen))
        _, gains = jax.lax.scan(back, start, (reward, values, over.astype(jnp.float32)), reverse=True)
        flat = [each.reshape(ENVS * STEPS, *each.shape[2:]) for each in (x, action, logp, gains, gains + values)]

        def minibatch(carry: Any, rows: Any) -> Any:
            weights, moments = carry
            slopes = jax.grad(loss)(weights, [each[rows] for each in flat])
            change, moments = optimiser.update(slopes, moments)
            return (optax.apply_updates(weights, change), moments), None

        orders = [jax.random.permutation(k, ENVS * STEPS) for k in jax.random.split(shuffling, EPOCHS)]
        batches = jnp.stack(orders).reshape(EPOCHS * MINIBATCHES, -1)
        learned, _ = jax.lax.scan(minibatch, (weights, moments), batches)
        return (learned, seen, *rest), None

    def train(key: Any) -> Any:
        one, two, three = jax.random.split(key, 3)
        weights = born(one)
        seen, state = jax.vmap(env.reset, (0, None))(jax.random.split(two, ENVS), given)
        carry = ((weights, optimiser.init(weights)), seen, state, jnp.zeros(ENVS), jnp.zeros(ENVS))
        (_, _, _, _, last), _ = jax.lax.scan(update, carry, jax.random.split(three, env_steps // (ENVS * STEPS)))
        return last.mean()

    return train


def run(repetition: int, seeds: int, env_steps: int) -> tuple[float, list[float]]:
    import jax

    keys = jax.random.split(jax.random.PRNGKey(repetition), seeds)
    compiled = jax.jit(jax.vmap(program(env_steps))).lower(keys).compile()
    scores: list[float] = []

    def work() -> float:
        scores.extend(np.asarray(compiled(keys)).tolist())
        return seeds * (env_steps // (ENVS * STEPS)) * ENVS * STEPS

    return timed(work), scores
