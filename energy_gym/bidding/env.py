"""The single bidding environment: one episode on Python floats.

One rule: no physics and no money here; a step reads the action, plays it at the `Desk` and reports what came of it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from energy_gym.bidding.desk import Desk, Figures
from energy_gym.bidding.setup import BiddingSetup, make_bidding
from energy_gym.envs.env import EnergyEnv, Observation, observation_space, observer
from energy_gym.envs.keywords import laid_out
from energy_gym.envs.spaces import Shares
from energy_gym.errors import ActionError, ResetNeededError, UnknownIdError

Floats = npt.NDArray[np.float64]


def bid_space(setup: BiddingSetup) -> spaces.Box:
    """Return the flat float32 space of the actions, shape (controls,)."""
    return Shares(setup.controls)


class BiddingEnv(EnergyEnv):
    """A producer as a Gymnasium environment; keywords as in `energy_gym.bidding.setup.make_bidding`."""

    decision: ClassVar[str] = "bids"
    setup: BiddingSetup

    def __init__(self, *, render_mode: str | None = None, **keywords: Any) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise UnknownIdError.of("render mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.keywords = keywords
        self.setup = laid_out(make_bidding, keywords)
        self.observation_space = observation_space(self.setup)
        self.action_space = bid_space(self.setup)
        self._desk = Desk(self.setup)
        self._stored = self.setup.stored
        self._hours = self.setup.feed.step_hours
        self._size = self.setup.controls
        self._painter: Any = None
        self._compose()

    def _compose(self) -> None:
        setup, tape = self.setup, self.setup.bid_tape
        self._observe = observer(list(tape.rows), tape.states)
        self._masks = list(setup.timetable.masks)
        self._mask = setup.timetable.mask.tolist()
        self._shown = tape.shown

    def __getstate__(self) -> dict[str, Any]:
        hidden = ("_observe", "_masks", "_mask", "_shown")
        return {name: value for name, value in self.__dict__.items() if name not in hidden}

    @property
    def desk(self) -> Desk:
        """The episode: what is stored, owed and offered."""
        return self._desk

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action, such as ``"day_ahead.volume[3]"``."""
        return self.setup.entries

    @property
    def due(self) -> npt.NDArray[np.bool_]:
        """Which entries of the coming action count, shape (controls,)."""
        return self._masks[self._mask[self._desk.t]]

    @property
    def states(self) -> tuple[float, ...]:
        """States now: of the controlled entities, then the balance of the supply contract [kWh]."""
        return self._desk.states

    @property
    def window(self) -> tuple[int, int]:
        """First step of the episode and the step after its last, counted from the start of the split."""
        return self._desk.first, self._desk.stop

    @property
    def steps_left(self) -> tuple[int, int]:
        """The next step and the step after the last of the episode, counted from the start of the split."""
        return self._desk.t, self._desk.stop

    @property
    def energy_kwh(self) -> float:
        """Energy stored now [kWh]."""
        return self._energy(self._desk.states)

    @property
    def time(self) -> Any:
        """Start of the step that is next [UTC]."""
        return self.setup.time(self._desk.t)

    def outlook(self) -> dict[str, Floats]:
        """Return what the forecast says now for the coming steps, by column: shape (horizon,), in the column's unit."""
        return {column: rows[self._desk.t] for column, rows in self.setup.tape.ahead.items()}

    def offered(self) -> dict[str, Floats]:
        """Return what is offered in each market for the running and the coming steps [kW], positive buys.

        Each has shape (steps that the market reaches ahead,); of bids with limit prices, the volumes.
        """
        books = self.setup.timetable.books
        return {book.market.name: self._desk.offered(k, book.ahead)[0].copy() for k, book in enumerate(books)}

    def own_optimum(self, time_limit: float | None = None) -> Any:
        """Return the optimum of the rest of the episode; `energy_gym.solve` asks for it."""
        from energy_gym.bidding.oracle import optimum

        return optimum(self, time_limit)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode with nothing committed; ``options={"start": "2022-03-01T00:00Z", "steps": 168}``.

        Raises:
            WindowError: The start is not a step of the split, or an option is unknown.
            EpisodeLengthError: The window runs past the end of the split.
        """
        gym.Env.reset(self, seed=seed)
        setup = self.setup
        draw = setup.window(options, self.np_random) if options else setup.draw(self.np_random)
        self._desk.restart(*draw)
        if self.render_mode is not None:
            self._start_painting()
        return self._look(), {"energy_kwh": self.energy_kwh, "due": self.due.copy()}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one step; the reward and the figures in ``info`` are those of the interval that has just passed.

        ``info["due"]`` says which entries of the coming action count.

        Raises:
            ActionError: The action has not one number for each entry, or an entry that counts is not finite.
            ResetNeededError: No episode is running.
        """
        desk = self._desk
        if desk.t >= desk.stop:
            raise ResetNeededError("step()", "no episode is running", "call reset() first")
        figures = desk.play(self._numbers(action))
        if self.render_mode is not None:
            grid = {"grid_kw": figures.net_kwh / self._hours}
            self._painter.record(desk.t - 1, desk.states, grid, figures.reward)
        return self._look(), figures.reward, False, desk.t == desk.stop, self._info(figures)

    def _start_painting(self) -> None:
        from energy_gym.bidding.painting import BidPainter

        if self._painter is None:
            self._painter = BidPainter(self.setup, human=self.render_mode == "human")
        self._painter.restart()

    def _numbers(self, action: Any) -> Floats:
        rule = f"pass an array of shape ({self._size},)"
        try:
            given = np.asarray(action)
            numbers = given.astype(np.float64) if given.dtype.kind != "c" else None
        except (TypeError, ValueError) as error:
            raise ActionError(f"action={action!r}", "must be numbers", rule) from error
        if numbers is None:
            raise ActionError(f"action={action!r}", "must be real numbers", rule)
        if numbers.size != self._size or numbers.shape[-1] != self._size:
            found = f"action of {numbers.size} numbers in shape {numbers.shape}"
            raise ActionError(found, f"must be {self._size}", "pass one for each of env.unwrapped.entries")
        return numbers.ravel()

    def _look(self) -> Observation:
        desk = self._desk
        observation = self._observe(desk.t, desk.states)
        here = desk.t - desk.first
        for shown in self._shown:
            begin, end = shown.begin, shown.end
            observation[begin:end] = shown.scaled(desk.offers[shown.place][shown.row, here : here + end - begin])
        return observation

    def _info(self, figures: Figures) -> dict[str, Any]:
        return {
            "energy_kwh": self._energy(self._desk.states),
            "grid_kw": figures.net_kwh / self._hours,
            "cost": figures.refused_kwh,
            "clipped_kw": figures.refused_kwh / self._hours,
            "energy_cost": figures.market + figures.supply + figures.closing,
            "carbon_kg": figures.carbon_kg,
            "wear": figures.wear,
            "penalty": figures.deviation + figures.unmatched,
            "demand_charge": 0.0,
            "market_cost": figures.market,
            "supply_cost": figures.supply,
            "deviation_cost": figures.deviation,
            "unmatched_cost": figures.unmatched,
            "closing_cost": figures.closing,
            "committed_kw": figures.committed_kwh / self._hours,
            "supplied_kw": figures.supplied_kwh / self._hours,
            "rejected": float(figures.rejected),
            "due": self.due.copy(),
        }
