"""Trainings on the device: one program for all seeds and for settings that are numbers, an actor shown now and then.

One rule: a run is the same whether it is trained alone or beside others; on an accelerator all runs go through the
program at once (`jax.vmap`), on a CPU, where that is no faster, each by itself on a core of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from energy_gym.agents.learner import reward_factor
from energy_gym.agents.on_device.algorithms import FREE, PLANS, RATES, Plan
from energy_gym.agents.on_device.environment import ScaledEnvironment
from energy_gym.agents.on_device.libraries import library
from energy_gym.agents.on_device.networks import exported, orthogonal, restarted
from energy_gym.errors import ConfigurationError

if TYPE_CHECKING:
    from energy_gym.agents.actor import Actor
    from energy_gym.agents.keeper import Keeper
    from energy_gym.agents.learner import Learner

ROUNDS = 20
"""How often an actor is shown to the keeper."""


class Run(NamedTuple):
    """One training.

    Args:
        agent: What is trained; its settings are read.
        seed: Seed of the training.
        keeper: Shown an actor now and then.
    """

    agent: Learner
    seed: int
    keeper: Keeper


def train(runs: Sequence[Run], source: Any, budget: int) -> None:
    """Train agents that differ in seed and in the settings in `FREE` alone; see `Learner.fit`.

    Args:
        runs: The trainings, of agents of one kind.
        source: What is played, or None for the training split of the first agent's own environment.
        budget: Steps of the environment of each.

    Raises:
        MissingExtraError: The library is not installed.
        ConfigurationError: An environment that has no reading in JAX, or agents that need programs of their own.
    """
    library()
    plan = _planned(runs[0].agent, source, budget)
    _require_alike(runs)
    with _as_the_library_counts():
        width = _width(runs)
        program = _Program(plan, width)
        groups = [_Group(program, runs[first : first + width]) for first in range(0, len(runs), width)]
        _play(program, groups, max(budget // plan.steps, 1))


def _planned(agent: Learner, source: Any, budget: int) -> Plan:
    base = agent.played(source, episode_steps="default")
    if [slot.name for slot in base.layout] != [slot.name for slot in agent.env.layout]:
        raise ConfigurationError("source: another layout", "must match the agent's environment", "use its keywords")
    opened = base.variant(terminal="free")
    env = ScaledEnvironment(opened.setup, reward_factor(opened), agent.settings["reward_limit"])
    return PLANS[agent.name](agent, env, budget)


def _require_alike(runs: Sequence[Run]) -> None:
    first = runs[0].agent
    free = FREE[first.name]
    for run in runs[1:]:
        own, usual = run.agent.settings, first.settings
        odd = [name for name in own if name not in free and own[name] != usual.get(name)]
        if odd or run.agent.name != first.name or (run.agent.actor is None) != (first.actor is None):
            found = f"{odd[0]}={own[odd[0]]!r}" if odd else f"agent {run.agent.name!r}"
            rule = f"needs a program of its own; within one, {', '.join(free)} may differ"
            raise ConfigurationError(found, rule, "train it apart")


def _width(runs: Sequence[Run]) -> int:
    """Return how many runs go through the program at once."""
    import jax

    return 1 if jax.default_backend() == "cpu" else len(runs)


class _Program:
    """What is compiled: how a run begins, and so many iterations of runs side by side.

    Args:
        plan: How agents are trained.
        width: How many runs go through at once.
    """

    def __init__(self, plan: Plan, width: int) -> None:
        import jax

        self.plan = plan
        # The library makes a class of states with each call, so that it is called once.
        begin = jax.jit(self._started).lower(jax.random.key(0))
        several = (width,) if width > 1 else ()
        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((*several, *leaf.shape), leaf.dtype), begin.out_info)
        numbers = {name: jax.ShapeDtypeStruct(several, np.float32) for name in plan.free}
        played = jax.vmap(self._iterated, (0, 0, None)) if several else self._iterated
        # Compilers run beside each other and beside what is traced meanwhile.
        with ThreadPoolExecutor(1) as pool:
            begun = pool.submit(begin.compile)
            self.play = jax.jit(played).lower(shapes, numbers, jax.ShapeDtypeStruct((), np.int32)).compile()
            self._begin = begun.result()

    def _started(self, key: Any) -> Any:
        """Return the state in which a training begins, ready for the plan's optimiser."""
        state, optimiser = self.plan.algorithm.init_state(key), self.plan.optimiser(dict.fromkeys(RATES, 0.0))
        parts = _trained(state).items()
        return state.replace(
            **{name: part.replace(tx=optimiser, opt_state=optimiser.init(part.params)) for name, part in parts}
        )

    def begun(self, run: Run) -> Any:
        """Return the state in which a run begins."""
        import jax

        state, plan = self._begin(jax.random.key(run.seed)), self.plan
        if plan.drawn:
            random = np.random.default_rng(run.seed)
            parts = {name: getattr(state, name) for name in plan.drawn}
            state = state.replace(
                **{name: part.replace(params=orthogonal(part.params, random)) for name, part in parts.items()}
            )
        return state if run.agent.actor is None else restarted(state, plan.trained, run.agent.actor)

    def _iterated(self, state: Any, numbers: Mapping[str, Any], count: Any) -> Any:
        """Return a run's state after so many iterations, with the settings that its numbers say."""
        import jax

        algorithm = self.plan.algorithm.replace(**self.plan.changed(numbers))
        optimiser = self.plan.optimiser(numbers)
        parts = _trained(state)
        tuned = state.replace(**{name: part.replace(tx=optimiser) for name, part in parts.items()})
        after = jax.lax.fori_loop(0, count, lambda _, now: algorithm.train_iteration(now), tuned)
        # What is returned has the structure of what was taken, in which the optimiser holds no number of the run.
        return after.replace(**{name: getattr(after, name).replace(tx=part.tx) for name, part in parts.items()})


def _trained(state: Any) -> dict[str, Any]:
    """Return the parts of a state that an optimiser changes, by name."""
    from flax.training.train_state import TrainState

    return {name: part for name, part in vars(state).items() if isinstance(part, TrainState)}


class _Group:
    """Runs that go through the program at once.

    Args:
        program: The program.
        runs: The runs.
    """

    def __init__(self, program: _Program, runs: Sequence[Run]) -> None:
        import jax
        import jax.numpy as jnp

        self.program, self.runs = program, runs
        settings = [run.agent.settings for run in runs]
        self.numbers = {name: _side_by_side([jnp.float32(own[name]) for own in settings]) for name in program.plan.free}
        self.state = jax.tree.map(lambda *leaves: _side_by_side(leaves), *map(program.begun, runs))

    def advance(self, count: int) -> None:
        """Let so many iterations be done; does not wait for them."""
        self.state = self.program.play(self.state, self.numbers, np.int32(count))

    def actors(self) -> list[Actor]:
        """Return the actors as they stand; waits for the device."""
        import jax

        parameters = jax.tree.map(np.asarray, getattr(self.state, self.program.plan.trained).params)
        if len(self.runs) == 1:
            return [exported(parameters, self.runs[0].agent)]
        return [
            exported(jax.tree.map(lambda leaf, own=place: leaf[own], parameters), run.agent)
            for place, run in enumerate(self.runs)
        ]


def _side_by_side(leaves: Sequence[Any]) -> Any:
    """Return arrays of several runs as one; that of a single run as it is, for a program of one."""
    import jax.numpy as jnp

    return jnp.stack(leaves) if len(leaves) > 1 else jnp.asarray(leaves[0])


def _play(program: _Program, groups: Sequence[_Group], iterations: int) -> None:
    """Train each group in a thread of its own: what one thread dispatches, a CPU computes one after the other."""
    stops = np.unique(np.linspace(0, iterations, ROUNDS + 1).round().astype(int)).tolist()
    scoring, given_up = Lock(), Event()
    with ThreadPoolExecutor(len(groups)) as pool:
        waited = [pool.submit(_follow, program, group, stops, scoring, given_up) for group in groups]
        try:
            for future in as_completed(waited):
                future.result()
        except BaseException:
            given_up.set()
            raise


def _follow(program: _Program, group: _Group, stops: Sequence[int], scoring: Lock, given_up: Event) -> None:
    """Train a group in rounds; while one is played, the actors that the last one left are scored."""
    group.advance(stops[1] - stops[0])
    for place, stop in enumerate(stops[1:], 1):
        if given_up.is_set():
            return
        actors = group.actors()
        if place + 1 < len(stops):
            group.advance(stops[place + 1] - stop)
        with scoring:
            for run, actor in zip(group.runs, actors, strict=True):
                run.keeper.see(stop * program.plan.steps, actor)


@contextmanager
def _as_the_library_counts() -> Iterator[None]:
    """Say nothing of whole numbers that the library wants in 64 bits where JAX has 32."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Explicitly requested dtype int64", category=UserWarning)
        yield
