"""The library's algorithms as the settings of an agent ask for them.

One rule: what a setting means is what it means for Stable-Baselines3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from energy_gym.agents.on_device.policies import open_ended_ppo
from energy_gym.agents.on_device.replaying import replaying
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
# What Adam adds to the root of a mean square, as there too.
PPO_LEAST = 1e-5


class Plan(NamedTuple):
    """How an agent is trained by the library.

    Args:
        algorithm: The library's algorithm, ready to learn.
        trained: Name of the part of its state whose parameters are the actor's.
        steps: Steps of the environment in an iteration.
        updates: Updates of the networks in all.
        free: Settings that may differ within a program.
        changed: From these the fields of the algorithm that they are.
        clip: What limits gradients.
        drawn: Parts of its state whose first weights `networks.orthogonal` draws.
        least: What Adam adds to the root of a mean square.
    """

    algorithm: Any
    trained: str
    steps: int
    updates: int
    free: tuple[str, ...]
    changed: Callable[[Mapping[str, Any]], dict[str, Any]]
    clip: Any
    drawn: tuple[str, ...] = ()
    least: float = 1e-8

    def optimiser(self, settings: Mapping[str, Any]) -> Any:
        """Return the optimiser whose rate falls linearly to its last share, as the settings say.

        It takes all parameters as one vector: leaf by leaf, its many small programs take longer to compile and to run.
        """
        import optax

        return optax.flatten(optax.chain(self.clip, optax.adam(_rate(settings, self.updates), eps=self.least)))


def _rate(settings: Mapping[str, Any], updates: int) -> Any:
    """Return the learning rate by update, falling linearly to its last share."""
    import optax

    first = settings["learning_rate"]
    return optax.linear_schedule(first, first * settings["learning_rate_end"], max(updates, 1))


def _networks(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"activation": settings["activation"], "hidden_layer_sizes": tuple(settings["hidden"])}


def _ppo(agent: Learner, env: Environment, budget: int) -> Plan:
    import optax

    settings = agent.settings
    steps = settings["num_envs"] * settings["rollout_steps"]
    batches = math.gcd(steps, max(steps // settings["batch_size"], 1))
    updates = max(budget // steps, 1) * batches * settings["epochs"]
    algorithm = open_ended_ppo().create(
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
    return Plan(algorithm, "actor_ts", steps, updates, FREE["ppo"], changed, clip, drawn, PPO_LEAST)


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


def _dqn(agent: Learner, env: Environment, budget: int) -> Plan:
    import optax

    settings = agent.settings
    algorithm = replaying("DQN").create(
        env=env,
        agent_kwargs=_networks(settings),
        eps_start=1.0 if agent.actor is None else settings["exploration_restart"],
        exploration_fraction=settings["exploration_fraction"],
        **_replayed(settings, budget),
    )

    def changed(own: Mapping[str, Any]) -> dict[str, Any]:
        return {"gamma": own["gamma"], "polyak": 1.0 - own["tau"], "eps_end": own["exploration_final"]}

    clip = optax.clip_by_global_norm(DQN_GRADIENT)
    return Plan(algorithm, "q_ts", settings["num_envs"], _updates(settings, budget), FREE["dqn"], changed, clip)


def _sac(agent: Learner, env: Environment, budget: int) -> Plan:
    import optax

    settings = agent.settings
    networks = _networks(settings)
    algorithm = replaying("SAC").create(
        env=env,
        agent_kwargs={"activation": networks["activation"]},
        hidden_layer_sizes=networks["hidden_layer_sizes"],
        **_replayed(settings, budget),
    )

    def changed(own: Mapping[str, Any]) -> dict[str, Any]:
        return {"gamma": own["gamma"], "polyak": 1.0 - own["tau"]}

    return Plan(
        algorithm, "actor_ts", settings["num_envs"], _updates(settings, budget), FREE["sac"], changed, optax.identity()
    )


PLANS = {"ppo": _ppo, "dqn": _dqn, "sac": _sac}
