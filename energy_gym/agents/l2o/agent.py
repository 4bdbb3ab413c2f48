"""Learning to optimise: a network that schedules a battery at once, taught by the bills of its own schedules.

One rule: no solver is asked, in training or in acting; limits and the return to the start hold by construction.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.default_settings import defaults
from energy_gym.agents.expecting import expected_units
from energy_gym.agents.keeper import CHECKPOINTS
from energy_gym.agents.l2o.windows import Draw, Source
from energy_gym.agents.learner import WEIGHTS, chosen_settings, one_thread
from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.data.homes import DayBatch, synthetic_days
from energy_gym.entities.battery import settle
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError, MissingExtraError, ResetNeededError, UnsuitableAgentError
from energy_gym.files import write_atomically
from energy_gym.oracle.solve import named_wishes
from energy_gym.scenario import Weights
from energy_gym.units import Unit

if TYPE_CHECKING:
    from energy_gym.agents.l2o.planner import DayPlanner


class L2O(Agent):
    """Self-supervised learning to optimise, for one battery behind a meter (with or without load and generation).

    A network reads the look-ahead and the state of charge and writes a schedule for all of it; the laws of the
    environment, on tensors, say what it costs, and that bill is the loss. It plans anew at each step (or every
    ``replan`` steps: 24 hourly ones are a day-ahead schedule); each plan ends at the level of the episode's start.

    Args:
        env: The environment it acts in: one battery, no limits of the connection, no demand charges.
        seed: Seed of training.
        settings: In place of the defaults of ``defaults/l2o.yaml``, by name.

    Raises:
        UnsuitableAgentError: Another kind of site.
        ConfigurationError: A setting of another type.
        UnknownIdError: An unknown setting.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=24)
        >>> agent = L2O(env, width=16, candidates=1, days=100, batch_size=32).fit(budget=20)
        >>> observation, info = env.reset(seed=0)
        >>> -1.0 <= agent.act(observation, info).item() <= 1.0
        True
    """

    name: ClassVar[str] = "l2o"
    learns: ClassVar[bool] = True
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)
    requires: ClassVar[Mapping[str, str]] = {"torch": "sb3"}
    kinds: ClassVar[tuple[str, ...]] = ("continuous",)
    preferred_actions: ClassVar[str] = "continuous"

    def __init__(self, env: Any, seed: int = 0, **settings: Any) -> None:
        super().__init__(env, seed)
        _check_site(self.env)
        self.settings: dict[str, Any] = chosen_settings(self.name, defaults(self.name), settings)
        self.planner: DayPlanner | None = None
        # Steps and figures of the last ``fit``, as its callback saw them.
        self.curve: list[tuple[int, dict[str, float]]] = []
        self.reset()

    def reset(self) -> None:
        """See `Agent.reset`."""
        self._planned = 0
        self._wishes: Floats = np.zeros(0)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`.

        Raises:
            ResetNeededError: It was neither fitted nor loaded.
        """
        now, stop = self.env.steps_left
        place = now - self._planned
        if not 0 <= place < min(len(self._wishes), self.settings["replan"]) or place == 0:
            self._planned, place = now, 0
            self._wishes = self._plan(stop - now)
        return self._wishes[place : place + 1]

    def _plan(self, left: int) -> Floats:
        """Return what to wish for in the coming steps, as the environment's forecast has them."""
        planner = self.ready()
        size = min(planner.steps, self.env.setup.tape.horizon, left)
        unit = expected_units(self.env, size)[0]
        buy, sell = _prices(unit, self.env.setup.weights)
        net, buy, sell = (_extended(part, planner.steps)[None] for part in (unit.fixed_kwh / unit.hours, buy, sell))
        with one_thread():
            schedule = planner.plan(net, buy, sell, np.array(self.env.states[:1]), np.array([size]))
        return named_wishes(unit, self.env.states, np.asarray(schedule.wishes[0, :size, None]))[:, 0]

    def ready(self) -> DayPlanner:
        """Return the planner that was taught.

        Raises:
            ResetNeededError: It was neither fitted nor loaded.
        """
        if self.planner is None:
            raise ResetNeededError(f"{self.name} agent", "has learnt nothing yet", "call fit() or load() first")
        return self.planner

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`; a network that is there already is trained further.

        Args:
            source: An environment, whose whole split is learnt from; a `DayBatch`; by default synthetic days and the
                training split of the agent's own environment, in shares as the settings say.
            budget: Steps of gradient descent.
            seed: Seed of windows, noise and first weights.
            callback: Told loss and cost twenty times.

        Raises:
            MissingExtraError: torch is not installed.
            ConfigurationError: Another kind of source.
        """
        steps = check_count("budget", self.settings["budget"] if budget is None else budget)
        chosen = self.seed if seed is None else int(seed)
        sources = self._sources(source, chosen)
        torch = _torch()
        from energy_gym.agents.l2o.training import train

        self.curve = []

        def see(done: int, figures: dict[str, float]) -> None:
            self.curve.append((done, figures))
            if callback is not None:
                callback(done, figures)

        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(chosen)
            planner = self.planner or self._planner(sources[-1][0].price, sources[-1][0].net_kw.shape[1])
            train(planner, self._draw(sources, planner), steps, self.settings, chosen, see, CHECKPOINTS)
        self.planner = planner
        return self

    def _sources(self, source: Any, seed: int) -> list[tuple[Source, float]]:
        """Return what to learn from and each part's share; the last one's prices set the scale."""
        if isinstance(source, DayBatch):
            return [(Source.of_days(source), 1.0)]
        if source is not None and not isinstance(getattr(source, "unwrapped", source), EnergyEnv):
            found = f"source={type(source).__name__}"
            raise ConfigurationError(found, "l2o learns from an environment or a DayBatch", "pass one of these")
        base = self.played(source, episode_steps=None)
        own, steps = self._own(base), self.env.setup.tape.horizon
        share, hours = self.settings["own"], base.setup.feed.step_hours
        if source is not None or share == 1.0 or steps * hours != HOURS_PER_DAY:
            return [(own, 1.0)]
        return [(Source.of_days(synthetic_days(self.settings["days"], seed, steps)), 1.0 - share), (own, share)]

    def _own(self, base: EnergyEnv) -> Source:
        _check_site(base)
        unit = base.setup.units[0]
        buy, sell = _prices(unit, base.setup.weights)
        return Source.of_series(unit.fixed_kwh / unit.hours, buy, sell, self.env.setup.tape.horizon)

    def _draw(self, sources: list[tuple[Source, float]], planner: DayPlanner) -> Draw:
        cell, chosen = planner.cell, self.settings
        span = (cell.energy_min, cell.energy_max)
        return Draw(sources, planner.battery.energy_initial_kwh, span, chosen["receding"], chosen["short"])

    def _planner(self, price: float, steps: int) -> DayPlanner:
        from energy_gym.agents.l2o.planner import DayPlanner

        money = self.env.setup.weights.wear
        chosen = self.settings
        shape = {name: chosen[name] for name in ("width", "candidates", "sharpness", "mode_bias")}
        return DayPlanner(self.env.scenario.battery, self.env.setup.feed.step_hours, price, steps, money=money, **shape)

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`; the weights lie beside the description, which holds their hash.

        Raises:
            ResetNeededError: Nothing was learnt.
        """
        content = _to_bytes(self.ready())
        write_atomically(Path(folder) / WEIGHTS, lambda path: path.write_bytes(content))
        super().save(folder)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        planner = self.ready()
        digest = hashlib.sha256(_to_bytes(planner)).hexdigest()
        network = {"price": planner.price, "steps": planner.steps, "sha256": digest}
        return {**super().parameters(), "settings": self.settings, "network": network}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.settings = {**self.settings, **parameters["settings"]}
        network = parameters["network"]
        planner = self._planner(network["price"], network["steps"])
        _read_weights(planner, folder / WEIGHTS, network["sha256"])
        self.planner = planner


def _check_site(env: EnergyEnv) -> None:
    """Raise UnsuitableAgentError unless the site is one battery behind a plain meter."""
    units = [replace(unit, flexibles=tuple(item.bare for item in unit.flexibles)) for unit in env.setup.units]
    if len(units) > 1 or not units[0].plain or units[0].flexibles[0].laws.settle is not settle:
        raise UnsuitableAgentError(
            f"agent 'l2o' on scenario {env.scenario.name!r}",
            "plans one battery, without limits of the connection and demand charges",
            'use energy_gym/HomeSolar-v1 or energy_gym/Arbitrage-v1, or the agent "mpc"',
        )


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError.of("torch", "sb3") from error
    return torch


def _prices(unit: Unit, weights: Weights) -> tuple[Floats, Floats]:
    """Return what a MWh bought costs and one sold earns in reward units, each of shape (T,)."""
    carbon = weights.carbon * unit.carbon
    return weights.money * unit.buy + carbon, weights.money * unit.sell + carbon


def _extended(series: Floats, steps: int) -> Floats:
    return np.concatenate([series, np.zeros(steps - len(series))])


def _to_bytes(planner: DayPlanner) -> bytes:
    """Return the weights as a NumPy archive."""
    stream = io.BytesIO()
    weights: dict[str, Any] = dict(planner.weights)
    np.savez(stream, **weights)
    return stream.getvalue()


def _read_weights(planner: DayPlanner, path: Path, digest: str) -> None:
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise ConfigurationError(f"{path}", "is not the file that was saved", "save the agent again")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        planner.read({name: archive[name] for name in archive.files})
