"""The library's learners from a buffer of experience, with what they do otherwise than Stable-Baselines3 done as there.

One rule: an episode of training ends because time ran out, so that what comes after is valued, not taken for nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from energy_gym.agents.on_device.libraries import library


@cache
def replaying(name: str) -> Any:
    """Return the library's learner from a buffer by name; it is made here because its base needs the library."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen
    from rejax.algos.algorithm import register_init
    from rejax.buffers import ReplayBuffer
    from rejax.networks import DiscreteQNetwork, EpsilonGreedyPolicy

    class Buffer(ReplayBuffer):  # type: ignore[misc]  # known when it runs
        """The library's buffer; the same step may be drawn twice, as by Stable-Baselines3.

        To draw without replacement the library orders random numbers of the whole buffer for each batch, which takes
        longer than the update.
        """

        def sample(self, num: int, rng: Any) -> Any:
            places = jax.random.randint(rng, (num,), 0, self.num_entries)
            return jax.tree.map(lambda leaf: leaf.at[places].get(mode="promise_in_bounds"), self.data)

    class Replaying(getattr(library(), name)):  # type: ignore[misc]  # known when it runs
        """The library's algorithm over such a buffer, whose episodes are left open."""

        @register_init  # type: ignore[untyped-decorator]
        def initialize_replay_buffer(self, rng: Any) -> Any:
            return {"replay_buffer": Buffer.empty(self.buffer_size, self.obs_space, self.action_space)}

        def collect_transitions(self, ts: Any, *given: Any, **named: Any) -> tuple[Any, Any]:
            ts, found = super().collect_transitions(ts, *given, **named)
            return ts, found._replace(next_obs=ts.env_state.seen, done=jnp.zeros_like(found.done))

    class Valuing(Replaying):
        """DQN with layers as wide as the settings say, and a loss that grows no faster than an error beyond one.

        Prices have hours a hundred times as dear as the usual; squared, their errors drown all others.
        """

        @classmethod
        def create_agent(cls, config: Any, env: Any, env_params: Any) -> dict[str, Any]:
            asked = config.pop("agent_kwargs")
            network, activation = EpsilonGreedyPolicy(DiscreteQNetwork), getattr(linen, asked["activation"])
            return {"agent": network(asked["hidden_layer_sizes"], activation, env.action_space(env_params).n)}

        def update(self, ts: Any, mb: Any) -> Any:
            values = self.agent.apply(ts.q_target_params, mb.next_obs)
            best = self.agent.apply(ts.q_ts.params, mb.next_obs).argmax(axis=1)
            wanted = mb.reward + self.gamma * jnp.take_along_axis(values, best[:, None], axis=1)[:, 0]

            def loss(parameters: Any) -> Any:
                found = self.agent.apply(parameters, mb.obs, mb.action, method="take")
                return optax.huber_loss(found, wanted).mean()

            return ts.replace(q_ts=ts.q_ts.apply_gradients(grads=jax.grad(loss)(ts.q_ts.params)))

    return Valuing if name == "DQN" else Replaying
