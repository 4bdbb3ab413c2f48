"""The library's algorithms as the settings of an agent ask for them, and what is done otherwise than there.

The library takes the end of an episode for the end of all, so that what is stored then is settled as the environment's
objective says, where Stable-Baselines3 is told that time ran out and values it by its own estimate.

One rule: what a setting means is what it means for Stable-Baselines3.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from energy_gym.errors import MissingExtraError
from energy_gym.jax.env import Environment

if TYPE_CHECKING:
    from energy_gym.agents.learner import Learner

RATES = ("learning_rate", "learning_rate_end", "gamma")
# Settings of each agent that are numbers of a program: runs that differ in no other share one.
FREE = {
    "ppo": (*RATES, "gae_lambda", "clip_range", "entropy_weight"),
    "dqn": (*RATES, "tau", "exploration_final"),
    "sac": (*RATES, "tau"),
}
# Limits of the norm of a gradient, as in Stable-Baselines3.
PPO_GRADIENT, DQN_GRADIENT = 0.5, 10.0


class Plan(NamedTuple):
    """How an agent is trained by the library.

    Args:
        algorithm: The library's algorithm, ready to learn.
        trained: Name of the part of its state whose parameters are the actor's.
        steps: Steps of the environment in an iteration.
        updates: Updates of the networks in all.
        changed: From settings that may differ within a program, `FREE`, to the fields of the algorithm that they are.
        clip: What limits gradients.
        drawn: Parts of its state whose first weights `networks.orthogonal` draws.
    """

    algorithm: Any
    trained: str
    steps: int
    updates: int
    changed: Callable[[Mapping[str, Any]], dict[str, Any]]
    clip: Any
    drawn: tuple[str, ...] = ()

    def optimiser(self, settings: Mapping[str, Any]) -> Any:
        """Return the optimiser whose rate falls linearly to its last share, as the settings say."""
        import optax

        return optax.chain(self.clip, optax.adam(_rate(settings, self.updates)))


def library() -> Any:
    """Return the library that trains.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            # What it is built on tells, when imported, what JAX will not have in future.
            warnings.simplefilter("ignore", DeprecationWarning)
            import rejax
    except ImportError as error:
        raise MissingExtraError.of("rejax", "jax") from error
    return rejax


def _rate(settings: Mapping[str, Any], updates: int) -> Any:
    """Return the learning rate by update, falling linearly to its last share."""
    import optax

    first = settings["learning_rate"]
    return optax.linear_schedule(first, first * settings["learning_rate_end"], max(updates, 1))


def _networks(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"activation": settings["activation"], "hidden_layer_sizes": tuple(settings["hidden"])}


@cache
def _mixing() -> Any:
    """Return the library's PPO with steps mixed by a hash of their place, not by sorting random numbers."""
    import jax
    from rejax.algos.algorithm import register_init

    class Mixing(library().PPO):  # type: ignore[misc]  # known when it runs
        """Starts from zeros, which `networks.orthogonal` fills, and sorts nothing to mix what it has collected."""

        @register_init  # type: ignore[untyped-decorator]
        def initialize_network_params(self, rng: Any) -> Any:
            import jax.numpy as jnp

            shapes = jax.eval_shape(super().initialize_network_params, rng)
            return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def shuffle_and_split(self, data: Any, rng: Any) -> Any:
            places = mixed(rng, self.iteration_size)

            def split(leaf: Any) -> Any:
                flat = leaf.reshape((self.iteration_size, *leaf.shape[2:]))
                taken = flat.at[places].get(mode="promise_in_bounds", unique_indices=True)
                return taken.reshape(self.num_minibatches, -1, *flat.shape[1:])

            return jax.tree.map(split, data)

    return Mixing


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


def _ppo(agent: Learner, env: Environment, budget: int) -> Plan:
    import optax

    settings = agent.settings
    steps = settings["num_envs"] * settings["rollout_steps"]
    batches = math.gcd(steps, max(steps // settings["batch_size"], 1))
    updates = max(budget // steps, 1) * batches * settings["epochs"]
    algorithm = _mixing().create(
        env=env,
        agent_kwargs=_networks(settings),
        total_timesteps=budget,
        num_envs=settings["num_envs"],
        num_steps=settings["rollout_steps"],
        num_minibatches=batches,
        num_epochs=settings["epochs"],
        learning_rate=_rate(settings, updates),
    )

    def changed(own: Mapping[str, Any]) -> dict[str, Any]:
        same = {name: own[name] for name in ("gamma", "gae_lambda")}
        return {**same, "clip_eps": own["clip_range"], "ent_coef": own["entropy_weight"]}

    clip, drawn = optax.clip_by_global_norm(PPO_GRADIENT), ("actor_ts", "critic_ts")
    return Plan(algorithm, "actor_ts", steps, updates, changed, clip, drawn)


def _replayed(settings: Mapping[str, Any], budget: int) -> dict[str, Any]:
    """Return what both learners from a buffer of experience are given."""
    count = settings["num_envs"]
    return {
        "total_timesteps": budget,
        "num_envs": count,
        "num_epochs": settings["gradient_steps"],
        "buffer_size": settings["buffer_size"],
        "fill_buffer": min(settings["learning_starts"], budget // 10),
        "batch_size": settings["batch_size"],
        "learning_rate": _rate(settings, _updates(settings, budget)),
    }


def _updates(settings: Mapping[str, Any], budget: int) -> int:
    return int(budget // settings["num_envs"] * settings["gradient_steps"])


@cache
def _drawing(name: str) -> Any:
    """Return the library's learner from a buffer, which draws from it with replacement.

    Without, the library orders random numbers of the whole buffer for each batch, which takes longer than the update.
    """
    import jax
    from flax import linen
    from rejax.algos.algorithm import register_init
    from rejax.buffers import ReplayBuffer
    from rejax.networks import DiscreteQNetwork, EpsilonGreedyPolicy

    class Buffer(ReplayBuffer):  # type: ignore[misc]  # known when it runs
        """The library's buffer; the same step may be drawn twice, as by Stable-Baselines3."""

        def sample(self, num: int, rng: Any) -> Any:
            places = jax.random.randint(rng, (num,), 0, self.num_entries)
            return jax.tree.map(lambda leaf: leaf.at[places].get(mode="promise_in_bounds"), self.data)

    class Drawing(getattr(library(), name)):  # type: ignore[misc]  # known when it runs
        """The library's algorithm over such a buffer; of DQN, with layers as wide as the settings say."""

        @register_init  # type: ignore[untyped-decorator]
        def initialize_replay_buffer(self, rng: Any) -> Any:
            return {"replay_buffer": Buffer.empty(self.buffer_size, self.obs_space, self.action_space)}

        @classmethod
        def create_agent(cls, config: Any, env: Any, env_params: Any) -> dict[str, Any]:
            if name != "DQN":
                return dict(super().create_agent(config, env, env_params))
            asked = config.pop("agent_kwargs")
            network, activation = EpsilonGreedyPolicy(DiscreteQNetwork), getattr(linen, asked["activation"])
            return {"agent": network(asked["hidden_layer_sizes"], activation, env.action_space(env_params).n)}

    return Drawing


def _dqn(agent: Learner, env: Environment, budget: int) -> Plan:
    import optax

    settings = agent.settings
    algorithm = _drawing("DQN").create(
        env=env,
        agent_kwargs=_networks(settings),
        eps_start=1.0 if agent.actor is None else settings["exploration_restart"],
        exploration_fraction=settings["exploration_fraction"],
        **_replayed(settings, budget),
    )

    def changed(own: Mapping[str, Any]) -> dict[str, Any]:
        return {"gamma": own["gamma"], "polyak": 1.0 - own["tau"], "eps_end": own["exploration_final"]}

    clip = optax.clip_by_global_norm(DQN_GRADIENT)
    return Plan(algorithm, "q_ts", settings["num_envs"], _updates(settings, budget), changed, clip)


def _sac(agent: Learner, env: Environment, budget: int) -> Plan:
    import optax

    settings = agent.settings
    networks = _networks(settings)
    algorithm = _drawing("SAC").create(
        env=env,
        agent_kwargs={"activation": networks["activation"]},
        hidden_layer_sizes=networks["hidden_layer_sizes"],
        **_replayed(settings, budget),
    )

    def changed(own: Mapping[str, Any]) -> dict[str, Any]:
        return {"gamma": own["gamma"], "polyak": 1.0 - own["tau"]}

    return Plan(algorithm, "actor_ts", settings["num_envs"], _updates(settings, budget), changed, optax.identity())


PLANS = {"ppo": _ppo, "dqn": _dqn, "sac": _sac}
