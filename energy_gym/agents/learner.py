"""What every learning agent shares: settings from one YAML file each, an `Actor`, saving, loading and reusing layers.

One rule: whatever library trains, what is kept, saved, loaded and handed on is the actor; a library is imported only
when ``fit`` needs it.
"""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from gymnasium import spaces

from energy_gym.agents.actor import Actor, read_actor, read_hashed
from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.default_settings import defaults
from energy_gym.agents.keeper import Keeper
from energy_gym.agents.logs import Board
from energy_gym.agents.task_kinds import starting
from energy_gym.agents.validation import Validation
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.envs.assembly import table_names
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError, ResetNeededError, UnknownIdError
from energy_gym.files import write_atomically

WEIGHTS, TRAINING = "weights.npz", "training.pt"


def chosen_settings(agent: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent starts from with what was given in its place.

    Raises:
        UnknownIdError: An unknown setting.
        ConfigurationError: A setting of another type.

    Example:
        >>> chosen_settings("dqn", defaults("dqn"), {"gamma": 0.9})["gamma"]
        0.9
    """
    for key, value in given.items():
        _check_setting(agent, key, value, known)
    return {**known, **given}


class Learner(Agent):
    """An agent whose actor is trained.

    Args:
        env: The environment it acts in.
        seed: Seed of training.
        device: What torch trains on: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"``. Acting is on the CPU always;
            networks of the usual size learn no faster on a GPU.
        settings: In place of its `usual_settings` and what `task_kinds` says for the kind of task, by name.

    Raises:
        UnknownIdError: An unknown setting.
        ConfigurationError: A setting of another type, or an environment of the wrong kind of action.
        UnsuitableAgentError: Several controls with levels each.
    """

    learns: ClassVar[bool] = True
    selective: ClassVar[bool] = True

    def __init__(self, env: Any, seed: int = 0, *, device: str = "cpu", **settings: Any) -> None:
        super().__init__(env, seed)
        self.device = device
        if isinstance(self.env.action_space, spaces.MultiDiscrete):
            raise self.refused("chooses one of a few actions; here each of several controls has levels")
        self.settings: dict[str, Any] = chosen_settings(self.name, starting(self), settings)
        self.actor: Actor | None = None
        # Steps and figures of the last ``fit``, as its callback saw them.
        self.curve: list[tuple[int, dict[str, float]]] = []
        # Folder of TensorBoard logs, in which each ``fit`` is a run of its own; None writes none.
        self.tensorboard: str | None = None
        # What an earlier ``fit`` leaves behind for the next beside the actor, such as critics; see `training_state`.
        self._training: bytes | None = None

    @classmethod
    def usual_settings(cls) -> Mapping[str, Any]:
        """Return the settings it starts from, ``budget`` among them.

        They stand in the agent's file in ``energy_gym/agents/defaults``; an agent that lives elsewhere returns its own.
        """
        return defaults(cls.name)

    @property
    @abstractmethod
    def head(self) -> str:
        """What the last layer means; see `Actor`."""

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`; without exploration.

        Raises:
            ResetNeededError: It was neither fitted nor loaded.
        """
        if self.actor is None:
            raise ResetNeededError(f"{self.name} agent", "has learnt nothing yet", "call fit() or load() first")
        action = self.actor(np.asarray(observation, dtype=np.float32)[None])[0]
        return int(action) if self.head == "argmax" else action

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`; an actor that is there already is trained further.

        The actor that scored best on the validation split is kept. Where an earlier ``fit`` goes on, after loading
        too, the actor that was there stays unless another beats it by more than a standard error over weeks.

        Raises:
            MissingExtraError: The library that trains is not installed.
            ConfigurationError: A source that does not fit the agent's environment.
        """
        self.check_source(source)
        steps = check_count("budget", self.settings["budget"] if budget is None else budget)
        keeper = self.keeper(Validation(self.env), callback)
        with self._threads():
            self._train(source, steps, self.seed if seed is None else int(seed), keeper)
        self.keep(keeper)
        return self

    def _threads(self) -> AbstractContextManager[None]:
        """Return what surrounds training: one thread of torch, which trains most learners."""
        return one_thread()

    def keeper(self, validation: Validation, callback: Callback | None = None) -> Keeper:
        """Return what is shown actors while training goes on, the one that is there already first."""
        board = None if self.tensorboard is None else Board(self.tensorboard, self.name)
        found = Keeper(validation, callback, board, cautious=self._training is not None)
        if self.actor is not None:
            found.see(0, self.actor)
        return found

    def keep(self, keeper: Keeper) -> None:
        """Take over the best actor that a keeper was shown, and its curve."""
        if keeper.board is not None:
            keeper.board.close()
        self.actor, self.curve = keeper.best, keeper.curve

    @abstractmethod
    def _train(self, source: Any, budget: int, seed: int, keeper: Keeper) -> None:
        """Train and show the keeper an actor now and then, and at the end."""

    def adopt(self, other: Learner | Actor) -> list[int]:
        """Take over the layers of another learner's actor; return their places.

        The last layer comes along where it has the same number of outputs and means the same kind of thing;
        otherwise ``fit`` starts it anew.

        Raises:
            ConfigurationError: The other has learnt nothing, or its layers do not fit this environment.
        """
        actor = other.actor if isinstance(other, Learner) else other
        if actor is None:
            raise ConfigurationError("the other agent", "has learnt nothing yet", "fit or load it first")
        slots = len(self.env.layout)
        if actor.inputs != slots:
            raise ConfigurationError(
                f"layers that read {actor.inputs} slots",
                f"the environment has {slots}",
                "make both environments with the same horizon and objective",
            )
        self.settings["hidden"] = [len(bias) for _, bias in actor.layers[:-1]]
        self.settings["activation"] = actor.activation
        fresh = self._fresh_last(len(actor.layers[-2][1]) if len(actor.layers) > 1 else actor.inputs)
        same = actor.outputs == len(fresh[1]) and (actor.head == "argmax") == (self.head == "argmax")
        layers = (*actor.layers[:-1], actor.layers[-1] if same else fresh)
        self._training = None
        self.actor = Actor(layers, actor.activation, self.head)
        return list(range(len(layers) if same else len(layers) - 1))

    def _fresh_last(self, width: int) -> tuple[Any, Any]:
        """Return a last layer as libraries start it: uniform within the inverse root of its inputs."""
        levels = self.env.setup.levels
        outputs = self.env.setup.controls if levels is None else len(levels)
        edge = 1.0 / math.sqrt(width)
        random = np.random.default_rng(self.seed)
        matrix = random.uniform(-edge, edge, (outputs, width)).astype(np.float32)
        return matrix, np.zeros(outputs, dtype=np.float32)

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`; the weights lie beside the description, which holds their hash.

        Raises:
            ResetNeededError: Nothing was learnt.
        """
        if self.actor is None:
            raise ResetNeededError(f"{self.name} agent", "has learnt nothing to save", "call fit() first")
        content = self.actor.to_bytes()
        write_atomically(Path(folder) / WEIGHTS, lambda path: path.write_bytes(content))
        training = self._training
        if training is not None:
            write_atomically(Path(folder) / TRAINING, lambda path: path.write_bytes(training))
        super().save(folder)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        actor = self.actor
        if actor is None:
            return {**super().parameters(), "settings": self.settings}
        digest = hashlib.sha256(actor.to_bytes()).hexdigest()
        network = {"activation": actor.activation, "head": actor.head, "sha256": digest}
        curve = [[steps, figures] for steps, figures in self.curve]
        kept = {"settings": self.settings, "network": network, "curve": curve}
        if self._training is not None:
            kept["training"] = hashlib.sha256(self._training).hexdigest()
        return {**super().parameters(), **kept}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        network = parameters["network"]
        self.settings = {**self.settings, **parameters["settings"]}
        actor = read_actor(folder / WEIGHTS, network["activation"], network["head"], network["sha256"])
        outputs = self.env.setup.controls if self.env.setup.levels is None else len(self.env.setup.levels)
        if actor.outputs != outputs:
            raise ConfigurationError(
                f"{folder}: an actor of {actor.outputs} actions",
                f"the environment has {outputs}",
                "make the environment with the actions it was saved with, or adopt() all layers but the last",
            )
        self.actor = actor
        self.curve = [(int(steps), dict(figures)) for steps, figures in parameters.get("curve", [])]
        digest = parameters.get("training")
        self._training = None if digest is None else read_hashed(folder / TRAINING, digest)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, so that the same seed gives the same weights; small networks are no slower for it."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reward_factor(env: Any) -> float:
    """Return the fixed factor that makes an hour's reward about one: the inverse of what full power earns at the scale.

    The scale is that of the data card, in reward units: what a price (or carbon intensity) typically differs by.
    """
    setup = env.setup
    weights, statistics, typical = setup.weights, setup.feed.statistics, 0.0
    for site, unit in zip(setup.sites, setup.units, strict=True):
        money = statistics[table_names(site)[0]].scale / KWH_PER_MWH
        carbon = statistics[site.energy.carbon].scale / 1000.0 if site.energy.carbon in statistics else 0.0
        drawn = sum(float(np.max(flexible.draw_kwh)) for flexible in unit.flexibles)
        typical += (weights.money * money + weights.carbon * carbon) * drawn
    return 1.0 / typical


def _check_setting(agent: str, name: str, value: Any, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise UnknownIdError.of(f"setting of {agent}", name, known)
    usual = known[name]
    fits = isinstance(value, int | float) if isinstance(usual, float) else isinstance(value, type(usual))
    if not fits or isinstance(value, bool) != isinstance(usual, bool):
        raise ConfigurationError(
            f"{agent}: {name}={value!r}", f"must be of the type of {usual!r}", "see the agent's defaults"
        )
