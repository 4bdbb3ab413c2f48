"""The batch of producers as arrays of shape (num_envs,), sharing series and look-ahead rows.

One rule: environment i with its own seed and window does bit for bit what a single environment does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space

from energy_gym.bidding.env import bid_space
from energy_gym.bidding.laws import limit_per_mwh, volume_kw
from energy_gym.bidding.offers import Offers
from energy_gym.bidding.setup import BiddingSetup, make_bidding
from energy_gym.bidding.timetable import Book
from energy_gym.contracts.clearing import trading_arrays
from energy_gym.contracts.spot import carbon_kg
from energy_gym.contracts.supply import unmatched_cost
from energy_gym.dynamics import reward, settlement
from energy_gym.envs.batched import gather_all, real_numbers
from energy_gym.envs.compat import autoreset_mode
from energy_gym.envs.env import observation_space
from energy_gym.envs.keywords import laid_out
from energy_gym.envs.setup import check_count
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ActionError, ConfigurationError

if TYPE_CHECKING:
    from energy_gym.units import Unit

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class BiddingVectorEnv(EnergyVectorEnv):
    """Many producers' episodes at once; keywords as for `BiddingEnv`, and two more.

    Args:
        num_envs: Number of environments.
        autoreset: ``"next_step"``, ``"same_step"`` or ``"disabled"``; None takes the installed Gymnasium's own.
        max_episode_steps: Given by Gymnasium's maker; an episode's length is ``episode_steps``.
        keywords: See `energy_gym.bidding.setup.make_bidding`.
    """

    setup: BiddingSetup

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset: str | None = None,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        if render_mode is not None:
            raise ConfigurationError(f"render_mode={render_mode!r}", "a batch has no pictures", "render a single one")
        self.num_envs = check_count("num_envs", num_envs)
        self.setup = laid_out(make_bidding, keywords)
        self._mode, announced = autoreset_mode(autoreset)
        self.metadata = {**type(self).metadata, **announced}
        self.single_observation_space = observation_space(self.setup)
        self.single_action_space = bid_space(self.setup)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._prepare(self.setup.units)

    def _prepare(self, units: tuple[Unit, ...]) -> None:
        super()._prepare(units)
        setup, table = self.setup, self.setup.timetable
        zero = np.zeros(self.num_envs)
        self._initial, self._states = (*self._initial, zero), (*self._states, zero.copy())
        self._spans = setup.bid_tape.states
        self._controls = len(setup.flexibles)
        self._due_anywhere = table.mask != table.mask[-1]
        self._offers = Offers(setup, self.num_envs)
        volumes = table.masks.copy()
        for book in table.books if setup.trading.priced else ():
            volumes[:, book.limits()] = True
        self._closed = np.asarray(~volumes)
        self._ones = np.ones(volumes.shape[1], dtype=np.float32)
        self._emits = bool(setup.carbon.any())
        self._intensity = np.append(setup.carbon, 0.0)

    def _compose(self) -> None:
        super()._compose()
        self._gather = gather_all(self._units)
        self._settle = self.setup.trade(trading_arrays)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_settle"}

    @property
    def due(self) -> Flags:
        """Which entries of the coming actions count, shape (num_envs, controls)."""
        return self.setup.timetable.masks.take(self.setup.timetable.mask.take(self._t), axis=0)

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action."""
        return self.setup.entries

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """Start all episodes, or those of ``options["reset_mask"]``, with nothing committed; see `EnergyVectorEnv`."""
        observations, info = super().reset(seed=seed, options=options)
        return observations, {**info, "due": self.due, "_due": self._all}

    def step(self, actions: Any) -> Any:
        """Play one step of every environment; see `BiddingEnv.step` for the figures, here arrays of (num_envs,)."""
        observations, gains, terminated, truncated, info = super().step(actions)
        return observations, gains, terminated, truncated, {**info, "due": self.due, "_due": self._all}

    def _place(self, which: Any, first: Any, stop: Any) -> None:
        super()._place(which, first, stop)
        self._offers.clear(which)

    def _advance(self, actions: Any, waiting: Flags | None) -> tuple[Floats, Flags, dict[str, Any]]:
        given, t = self._numbers(actions), self._t
        mask = self.setup.timetable.mask.take(t)
        rejected = self._rejected(given, mask)
        if self._due_anywhere.take(t).any():
            self._bid(given, mask, waiting, rejected)
        wishes, excess = self._shares(given, waiting)
        *stored, balance = self._states
        moved, net, _, _, wear, _, _, refused, _ = self._play(tuple(stored), wishes[: self._controls], self._gather(t))
        volumes, limits = self._offers.now
        terms = self.setup.terms_of(self.setup.settled.take(t, axis=0).T)
        money = self._settle(net, wishes[self._controls], balance, volumes, limits, terms)
        self._states = (*moved, money.balance_kwh)
        carbon = carbon_kg(money.net_kwh, self._intensity.take(t)) if self._emits else 0.0
        self._offers.move_on()
        self._t = t + 1
        self._countdown -= 1
        flow = [*money, carbon, 0.0, wear, refused + excess, rejected]
        done = self._end(flow, waiting)
        if waiting is not None:
            done &= ~waiting
            flow = [np.where(waiting, 0.0, part) for part in flow]
            self._done = np.zeros(self.num_envs, dtype=bool)
            which = np.flatnonzero(waiting)
            self._place(which, *self._starts.draw(which))
        figures = self._figures(flow)
        cost, emitted, worn, fined = (figures[name] for name in ("energy_cost", "carbon_kg", "wear", "penalty"))
        return self._spread(reward(cost, emitted, worn, fined, 0.0, self._weights)), done, self._told(figures, waiting)

    def _end(self, flow: list[Any], waiting: Flags | None) -> Flags:
        """Settle the episodes that end with this step, and say which they are."""
        if self._countdown > 0 and waiting is None:
            return np.zeros(self.num_envs, dtype=bool)
        done: Flags = self._t == self._stop
        owed, owed_kg, _ = settlement(self._units, self.setup.closings, self._states, trading_arrays)
        flow[9] = np.where(done, owed, 0.0)
        flow[8] = np.where(done, flow[8] + owed_kg, flow[8])
        missing = unmatched_cost(self._states[-1], self.setup.supply, trading_arrays)
        flow[7] = np.where(done, flow[7] + missing, flow[7])
        left = (self._stop - self._t)[self._t < self._stop]
        self._countdown = int(left.min(initial=np.iinfo(np.int64).max))
        return done

    def _figures(self, flow: list[Any]) -> dict[str, Any]:
        net, committed, supplied, _, market, supply, deviation, unmatched, carbon, closing, wear, refused, rejected = (
            flow
        )
        return {
            "energy_kwh": self._energy(),
            "grid_kw": net / self._hours,
            "cost": refused,
            "clipped_kw": refused / self._hours,
            "energy_cost": market + supply + closing,
            "carbon_kg": carbon,
            "wear": wear,
            "penalty": deviation + unmatched,
            "demand_charge": 0.0,
            "market_cost": market,
            "supply_cost": supply,
            "deviation_cost": deviation,
            "unmatched_cost": unmatched,
            "closing_cost": closing,
            "committed_kw": committed / self._hours,
            "supplied_kw": supplied / self._hours,
            "rejected": rejected,
        }

    def _told(self, figures: dict[str, Any], waiting: Flags | None) -> dict[str, Any]:
        info: dict[str, Any] = {name: self._spread(value) for name, value in figures.items()}
        present = self._all if waiting is None else ~waiting
        info.update({f"_{name}": present for name in figures})
        if waiting is not None:
            info["_energy_kwh"] = self._all
        return info

    def _observe(self) -> npt.NDArray[np.float32]:
        observations = super()._observe()
        self._offers.show(observations)
        return observations

    def _numbers(self, actions: Any) -> Floats:
        return real_numbers(actions, self.num_envs, self.setup.controls)

    def _rejected(self, given: Any, mask: Any) -> Floats:
        """Count the volumes that stand where no bid is due."""
        bids = given != 0.0
        bids &= self._closed.take(mask, axis=0)
        # A product with ones counts several times as fast as NumPy's own counting along short rows, and is as exact.
        return np.asarray(bids.astype(np.float32) @ self._ones, dtype=np.float64)

    def _shares(self, given: Any, waiting: Flags | None) -> tuple[tuple[Any, ...], Any]:
        """Return the shares of controls and supply, cut to [-1, 1], and the energy that a cut refuses [kWh]."""
        wishes = given[:, : self._controls + 1].astype(np.float64)
        if np.abs(wishes).max() <= 1.0:
            return tuple(wishes.T), 0.0
        if not np.isfinite(wishes).all():
            env, entry = np.argwhere(~np.isfinite(wishes))[0]
            found = f"actions[{env}, {entry}]={wishes[env, entry]} ({self.setup.entries[entry]})"
            raise ActionError(found, "must be finite", "pass numbers in [-1, 1]")
        excess = np.zeros(self.num_envs)
        for wish, flexible in zip(wishes.T, self._flexibles, strict=False):
            draw, give = flexible.rated(np.minimum(self._t, self.setup.steps - 1))
            excess += np.maximum(np.abs(wish) - 1.0, 0.0) * np.where(wish > 0.0, draw, give)
        return tuple(np.clip(wishes, -1.0, 1.0).T), excess

    def _bid(self, given: Any, mask: Any, waiting: Flags | None, rejected: Floats) -> None:
        """Take the bids that are due, of all environments that are not waiting for a reset."""
        for place, book in enumerate(self.setup.timetable.books):
            due = book.count.take(self._t) > 0
            which = np.flatnonzero(due if waiting is None else due & ~waiting)
            if len(which):
                self._check(which, given, mask)
                self._take(place, book, which, given, rejected)

    def _take(self, place: int, book: Book, which: Any, given: Any, rejected: Floats) -> None:
        t = self._t[which]
        asked = np.minimum(np.maximum(given[which, book.entries].astype(np.float64), -1.0), 1.0)
        volume = volume_kw(asked, book.market.limits, self.setup.trading, trading_arrays)
        rows, slots = np.nonzero((volume == 0.0) & (asked != 0.0))
        if len(rows):
            used = slots < -(-book.count[t[rows]] // book.slot_steps)
            np.add.at(rejected, which[rows[used]], 1.0)
        figures: tuple[Floats, ...] = (volume,)
        if self.setup.trading.priced:
            shares = np.minimum(np.maximum(given[which, book.limits()].astype(np.float64), -1.0), 1.0)
            figures = (volume, limit_per_mwh(shares, book.market.limits))
        self._offers.commit(place, book, which, t, figures)

    def _check(self, which: Any, given: Any, mask: Any) -> None:
        finite = np.isfinite(given[which])
        if finite.all():
            return
        bad = ~finite & self.setup.timetable.masks[mask[which]]
        if bad.any():
            row, entry = np.argwhere(bad)[0]
            env = int(which[row])
            when = self.setup.time(int(self._t[env])).isoformat()
            found = f"actions[{env}, {entry}]={given[env, entry]} ({self.setup.entries[entry]}) at {when}"
            raise ActionError(found, "a bid that is due must be finite", "pass numbers in [-1, 1]")
