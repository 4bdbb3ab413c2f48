"""Training where the environment is compiled too: rejax on the reading in JAX, behind the agents' protocol.

The library takes the end of an episode for the end of all, so that what is stored then is settled as the environment's
objective says, where Stable-Baselines3 is told that time ran out and values it by its own estimate.

One rule: rewards are scaled and cut as for every learner, and what is kept is the same small actor.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from energy_gym.agents.actor import Actor
from energy_gym.agents.learner import reward_factor
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.jax.env import Environment
from energy_gym.jax.parameters import Params, State

if TYPE_CHECKING:
    from energy_gym.agents.keeper import Keeper
    from energy_gym.agents.learner import Learner

ROUNDS = 20
"""How often an actor is shown to the keeper."""


class ScaledEnvironment(Environment):
    """An environment whose rewards are scaled by a fixed factor and cut to a fixed range, as learners take them.

    Args:
        setup: What is played.
        factor: What rewards are multiplied by.
        limit: What they are cut to.
    """

    def __init__(self, setup: Any, factor: float, limit: float) -> None:
        super().__init__(setup)
        self._factor, self._limit = factor, limit

    def step(
        self, key: Any, state: State, action: Any, params: Params | None = None
    ) -> tuple[Any, State, Any, Any, dict[str, Any]]:
        """See `Environment.step`."""
        import jax.numpy as jnp

        seen, state, reward, done, info = super().step(key, state, action, params)
        return seen, state, jnp.clip(reward * self._factor, -self._limit, self._limit), done, info


class Plan(NamedTuple):
    """How an agent is trained by the library.

    Args:
        algorithm: The library's algorithm, ready to learn.
        trained: Name of the part of its state whose parameters are the actor's.
        steps: Steps of the environment in an iteration.
    """

    algorithm: Any
    trained: str
    steps: int


def train(agent: Learner, source: Any, budget: int, seed: int, keeper: Keeper) -> None:
    """Train an agent and show the keeper an actor now and then; see `Learner.fit`.

    Raises:
        MissingExtraError: The library is not installed.
        ConfigurationError: An environment that has no reading in JAX.
    """
    rejax = library()
    import jax

    base = agent.played(source, episode_steps="default")
    env = ScaledEnvironment(base.setup, reward_factor(base), agent.settings["reward_limit"])
    if [slot.name for slot in base.layout] != [slot.name for slot in agent.env.layout]:
        raise ConfigurationError("source: another layout", "must match the agent's environment", "use its keywords")
    plan = PLANS[agent.name](rejax, agent, env, budget)
    with _as_the_library_counts():
        state = jax.jit(plan.algorithm.init_state)(jax.random.key(seed))
    if agent.actor is not None:
        state = _restarted(state, plan, agent.actor)

    def iterate(state: Any, count: Any) -> Any:
        return jax.lax.fori_loop(0, count, lambda _, now: plan.algorithm.train_iteration(now), state)

    play = jax.jit(iterate)
    iterations, done = max(budget // plan.steps, 1), 0
    for stop in np.unique(np.linspace(0, iterations, ROUNDS + 1).round().astype(int))[1:].tolist():
        with _as_the_library_counts():
            state, done = play(state, stop - done), stop
        keeper.see(done * plan.steps, exported(getattr(state, plan.trained).params, agent))


@contextmanager
def _as_the_library_counts() -> Iterator[None]:
    """Say nothing of whole numbers that the library wants in 64 bits where JAX has 32."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Explicitly requested dtype int64", category=UserWarning)
        yield


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


def exported(parameters: Any, agent: Learner) -> Actor:
    """Return the actor that parameters of the library's networks are."""
    layers = [
        (np.array(layer["kernel"], dtype=np.float32).T, np.array(layer["bias"], dtype=np.float32))
        for layer in (_at(parameters, path) for path in _paths(parameters))
    ]
    return Actor(tuple(layers), agent.settings["activation"], agent.head)


def _paths(parameters: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return where the dense layers lie that lead from observation to action, first to last."""
    tree = parameters["params"]
    inner = ("params", "features") if "features" in tree else ("params",)
    names = [name for name in _at(parameters, inner) if name.startswith("Dense_")]
    ordered = sorted(names, key=lambda name: int(name.rpartition("_")[2]))
    heads = [("params", name) for name in ("action_logits", "action_mean") if name in tree]
    return [*((*inner, name) for name in ordered), *heads]


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _restarted(state: Any, plan: Plan, actor: Actor) -> Any:
    """Return a state whose actor is one that was there."""
    import jax
    import jax.numpy as jnp

    trained = getattr(state, plan.trained)
    parameters = jax.tree.map(lambda leaf: leaf, trained.params)
    for path, (matrix, bias) in zip(_paths(parameters), actor.layers, strict=True):
        layer = _at(parameters, path)
        layer["kernel"], layer["bias"] = jnp.asarray(matrix.T), jnp.asarray(bias)
    targets = {"q_target_params": parameters} if plan.trained == "q_ts" else {}
    return state.replace(**{plan.trained: trained.replace(params=parameters)}, **targets)


def _rate(settings: Mapping[str, Any], updates: int) -> Any:
    """Return the learning rate by update, falling linearly to its last share."""
    import optax

    first = float(settings["learning_rate"])
    return optax.linear_schedule(first, first * float(settings["learning_rate_end"]), max(updates, 1))


def _networks(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"activation": settings["activation"], "hidden_layer_sizes": tuple(settings["hidden"])}


def _ppo(rejax: Any, agent: Learner, env: Environment, budget: int) -> Plan:
    settings = agent.settings
    steps = settings["num_envs"] * settings["rollout_steps"]
    batches = math.gcd(steps, max(steps // settings["batch_size"], 1))
    updates = max(budget // steps, 1) * batches * settings["epochs"]
    algorithm = rejax.PPO.create(
        env=env,
        agent_kwargs=_networks(settings),
        total_timesteps=budget,
        num_envs=settings["num_envs"],
        num_steps=settings["rollout_steps"],
        num_minibatches=batches,
        num_epochs=settings["epochs"],
        learning_rate=_rate(settings, updates),
        gamma=settings["gamma"],
        gae_lambda=settings["gae_lambda"],
        clip_eps=settings["clip_range"],
        ent_coef=settings["entropy_weight"],
        max_grad_norm=0.5,
    )
    return Plan(algorithm, "actor_ts", steps)


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
        "learning_rate": _rate(settings, budget // count * settings["gradient_steps"]),
        "gamma": settings["gamma"],
        "polyak": 1.0 - settings["tau"],
    }


def _dqn(rejax: Any, agent: Learner, env: Environment, budget: int) -> Plan:
    from flax import linen
    from rejax.networks import DiscreteQNetwork, EpsilonGreedyPolicy

    settings = agent.settings

    class Sized(rejax.DQN):  # type: ignore[misc]  # known when it runs
        """The library's own takes no widths of layers."""

        @classmethod
        def create_agent(cls, _: Any, env: Any, env_params: Any) -> dict[str, Any]:
            activation, widths = getattr(linen, settings["activation"]), tuple(settings["hidden"])
            network = EpsilonGreedyPolicy(DiscreteQNetwork)
            return {"agent": network(widths, activation, env.action_space(env_params).n)}

    algorithm = Sized.create(
        env=env,
        eps_start=1.0 if agent.actor is None else settings["exploration_restart"],
        eps_end=settings["exploration_final"],
        exploration_fraction=settings["exploration_fraction"],
        **_replayed(settings, budget),
    )
    return Plan(algorithm, "q_ts", settings["num_envs"])


def _sac(rejax: Any, agent: Learner, env: Environment, budget: int) -> Plan:
    settings = agent.settings
    algorithm = rejax.SAC.create(
        env=env,
        agent_kwargs={"activation": settings["activation"]},
        hidden_layer_sizes=tuple(settings["hidden"]),
        **_replayed(settings, budget),
    )
    return Plan(algorithm, "actor_ts", settings["num_envs"])


PLANS = {"ppo": _ppo, "dqn": _dqn, "sac": _sac}
