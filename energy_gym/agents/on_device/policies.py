"""The library's PPO, with what it does otherwise than Stable-Baselines3 done as there.

One rule: an episode of training ends because time ran out, so that what comes after is valued by the critic.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from energy_gym.agents.on_device.libraries import library
from energy_gym.jax.windows import spread


@cache
def open_ended_ppo() -> Any:
    """Return the class of the algorithm; it is made here because its base needs the library."""
    import jax
    import jax.numpy as jnp
    from rejax.algos.algorithm import register_init
    from rejax.algos.ppo import AdvantageMinibatch, Trajectory

    class OpenEnded(library().PPO):  # type: ignore[misc]  # known when it runs
        """Leaves episodes open, lets values move freely, sorts nothing to mix steps, and starts from zeros.

        The library lets a value move by no more than the range of clipped ratios in a round, a fifth, where returns are
        tens: it would never get there. The zeros are filled by `networks.orthogonal`. Actor and critic learn in loops
        of their own: neither asks for the other, so that cores run them side by side.
        """

        @register_init  # type: ignore[untyped-decorator]
        def initialize_network_params(self, rng: Any) -> Any:
            shapes = jax.eval_shape(super().initialize_network_params, rng)
            return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def train_iteration(self, ts: Any) -> Any:
            ts, played = self.collect_trajectories(ts)
            last = jnp.where(ts.last_done, 0.0, self.critic.apply(ts.critic_ts.params, ts.last_obs))
            learnt_from = AdvantageMinibatch(played, *self.calculate_gae(played, last))
            flat = jax.tree.map(lambda leaf: leaf.reshape((self.iteration_size, *leaf.shape[2:])), learnt_from)
            rng, for_orders = jax.random.split(ts.rng)
            keys = jax.random.split(for_orders, self.num_epochs)
            orders = jax.vmap(lambda key: mixed(key, self.iteration_size))(keys)
            batches = orders.reshape(self.num_epochs * self.num_minibatches, -1)
            actor = self._learnt(ts, "actor_ts", self.update_actor, flat, batches)
            critic = self._learnt(ts, "critic_ts", self.update_critic, flat, batches)
            return ts.replace(rng=rng, actor_ts=actor, critic_ts=critic)

        def _learnt(self, ts: Any, part: str, update: Any, steps: Any, batches: Any) -> Any:
            """Return a part of the state after an update by each batch, whose rows say which steps are in it."""

            def once(now: Any, places: Any) -> tuple[Any, None]:
                batch = jax.tree.map(
                    lambda leaf: leaf.at[places].get(mode="promise_in_bounds", unique_indices=True), steps
                )
                return getattr(update(ts.replace(**{part: now}), batch), part), None

            return jax.lax.scan(once, getattr(ts, part), batches)[0]

        def collect_trajectories(self, ts: Any) -> tuple[Any, Any]:
            ts, (seen, action, chance, reward, done, last) = jax.lax.scan(self._stepped, ts, None, self.num_steps)
            beyond = jnp.where(done, self._values(ts, last), 0.0)
            return ts, Trajectory(seen, action, chance, reward + self.gamma * beyond, self._values(ts, seen), done)

        def _stepped(self, ts: Any, _: Any) -> tuple[Any, Any]:
            rng, for_actions, for_steps = jax.random.split(ts.rng, 3)
            asked, chance = self.actor.apply(ts.actor_ts.params, ts.last_obs, for_actions, method="action_log_prob")
            keys = spread(for_steps, self.num_envs)
            action = asked if self.discrete else jnp.clip(asked, -1.0, 1.0)
            seen, state, reward, done, _ = self.vmap_step(keys, ts.env_state, action, self.env_params)
            steps = ts.global_step + self.num_envs
            after = ts.replace(rng=rng, env_state=state, last_obs=seen, last_done=done, global_step=steps)
            return after, (ts.last_obs, asked, chance, reward, done, state.seen)

        def _values(self, ts: Any, seen: Any) -> Any:
            flat = self.critic.apply(ts.critic_ts.params, seen.reshape(-1, seen.shape[-1]))
            return flat.reshape(seen.shape[:2])

        def update_critic(self, ts: Any, batch: Any) -> Any:
            def loss(parameters: Any) -> Any:
                missed = self.critic.apply(parameters, batch.trajectories.obs) - batch.targets
                return self.vf_coef * jnp.square(missed).mean()

            return ts.replace(critic_ts=ts.critic_ts.apply_gradients(grads=jax.grad(loss)(ts.critic_ts.params)))

    return OpenEnded


def mixed(key: Any, count: int) -> Any:
    """Return the numbers from 0 to ``count - 1`` in an order that the key draws.

    A power of two is mixed by rounds of an odd multiple, a shift and an exclusive or, each of which can be undone, so
    that no number is met twice; sorting random numbers, as for other counts, takes as long as an update.

    Example:
        >>> import jax
        >>> order = mixed(jax.random.key(0), 8).tolist()
        >>> sorted(order), order == sorted(order)
        ([0, 1, 2, 3, 4, 5, 6, 7], False)
    """
    import jax
    import jax.numpy as jnp

    if count & (count - 1):
        return jax.random.permutation(key, count)
    half = max((count.bit_length() - 1) // 2, 1)
    words = jax.random.bits(key, (3, 2), dtype=jnp.uint32)
    place = jnp.arange(count, dtype=jnp.uint32)
    for factor, shift in words:
        place = (place * (factor | 1) + shift) & (count - 1)
        place = place ^ (place >> half)
    return place.astype(jnp.int32)
