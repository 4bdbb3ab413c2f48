"""The best choices of a producer with one storage: dynamic programming over what is stored and what was offered.

What a step earns depends on the storage and on the volumes bid for it. A gate's choice counts only in the steps that
its volumes, or those of gates that saw them, reach; so a label is an energy together with the choices of the gates
that still count, its context. Contexts split where the steps of a gate begin and join where they end; within one,
labels fall as in `energy_gym.oracle.levels`.

One rule: a step is the producer's own, on arrays; nothing of a market or a penalty is restated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.bidding.choices import Choices
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.offer_gates import OfferGate, Places, offer_gates
from energy_gym.bidding.unit import unmatched_at_end
from energy_gym.contracts.clearing import trading_arrays
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.dynamics import STATES, gain, reward
from energy_gym.oracle.levels import MAX_LABELS, Clock, Labels, thinned, worth_of
from energy_gym.oracle.statement import Goal
from energy_gym.oracle.storage_steps import StorageSteps, one_known

MOST_CONTEXTS, LEAST_LABELS = 64, 2


class ProducerSteps(StorageSteps):
    """A producer with one storage and bids that are told by step, from its states to the end of an episode."""

    def __init__(self, gates: ProducerGates, states: Sequence[float]) -> None:
        setup = gates.setup
        self.producer = setup.unit.window(gates.t, gates.stop)
        super().__init__(self.producer, states[:1], Goal(setup.weights, setup.closings[0]))
        start, self._blank = float(states[self.producer.balance]), [0.0] * (len(states) - self.producer.balance - 1)
        passed = np.cumsum(self.producer.closes[:-1]) > 0.0
        self._balance = np.where(np.concatenate([[False], passed]), 0.0, start).tolist()
        self._left = 0.0 if self.producer.closes[-1] else self._balance[-1]

    def told(self, step: int, energy: Floats, wish: Floats, bids: Floats) -> tuple[Floats, Floats]:
        """Return the energies stored after a step and what it earns, for bids of shape (markets, 1 or 2, labels)."""
        energy, wish = np.broadcast_arrays(energy, wish)
        own, _, _, terms = self._signals[step]
        limits = tuple(bids[:, 1]) if self.producer.trading.priced else ()
        flow = self._advance(
            (energy, self._balance[step], *self._blank), (wish, 0.0), (own, tuple(bids[:, 0]), limits, terms)
        )
        parts = flow[STATES][0], gain(flow, self.goal.weights)
        after, earned = (np.broadcast_to(part, energy.shape) for part in parts)
        return after, earned

    def close(self, energy: Floats) -> Floats:
        """See `energy_gym.oracle.levels.Steps.close`; with the penalty of a matching period that is cut short."""
        states = [0.0] * self.producer.balance + [self._left]
        fined = unmatched_at_end(self.producer, states, trading_arrays)
        return super().close(energy) + reward(0.0, 0.0, 0.0, fined, 0.0, self.goal.weights)

    def prices(self) -> list[Floats]:
        """See `StorageSteps.prices`: energy at the meter is worth what it changes of the deviation."""
        unit, (money, carbon, _) = self.producer, self.goal.weights
        kg = carbon * carbon_kg(1.0, unit.carbon)
        columns = dict(zip(unit.trading.deviation.columns, unit.imbalance, strict=True))
        slopes = unit.trading.deviation.pieces(columns, unit.hours).slopes_per_mwh
        return [money * energy_cost(1.0, -np.asarray(slope)) + kg for slope in slopes]


class Trace(NamedTuple):
    """How the labels of a step were reached: the level, the label before and the context, each of shape (labels,).

    ``alive`` are the gates whose choices counted, ``keys`` their choices by context, shape (contexts, gates).
    """

    level: Places
    parent: Places
    context: Places
    alive: tuple[int, ...]
    keys: Places


class Contexts(NamedTuple):
    """Labels by context: ``keys`` are the choices of the gates ``alive``, shape (contexts, gates)."""

    alive: tuple[int, ...]
    keys: Places
    labels: list[Labels]
    origins: list[Places]


def best_choices(
    gates: ProducerGates, states: Sequence[float], choices: Choices, time_limit: float | None
) -> tuple[list[int], float] | None:
    """Return the best choice of each step, and a proven bound on any choices; None where they can not be compared.

    The bound is infinite where contexts were dropped, so that nothing is proven.

    Args:
        gates: The bids so far.
        states: States now.
        choices: What numbers mean.
        time_limit: Seconds after which labels are thinned out so as to finish soon, at the price of a gap.
    """
    if not one_known(gates.setup.unit.site):
        return None
    deals = offer_gates(gates, choices)
    return None if deals is None else _Search(gates, states, choices, deals).run(time_limit)


class _Search:
    """Labels carried forward, step by step."""

    def __init__(
        self, gates: ProducerGates, states: Sequence[float], choices: Choices, deals: Sequence[OfferGate]
    ) -> None:
        self._gates, self._choices, self._deals = gates, choices, deals
        self._steps = ProducerSteps(gates, states)
        self._wishes = np.array(choices.storage)[:, None]
        self._covers = self._covering()
        self._begins, self._ends = self._spans()
        self._dropped = False

    def _covering(self) -> npt.NDArray[np.int64]:
        """Return the gate that bids last for each market and step, shape (markets, T); -1 where none is to come."""
        now, size = self._gates.t, len(self._steps)
        covers = np.full((len(self._choices.sizes) - 1, size), -1, dtype=np.int64)
        for number, deal in enumerate(self._deals):
            covers[deal.place, deal.begin - now : max(deal.end - now, 0)] = number
        return covers

    def _spans(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        """Return the gates whose choices count from a step on, and those that count until it, by step."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for step, column in enumerate(self._covers.T.tolist()):
            for number in (other for gate in column if gate >= 0 for other in self._deals[gate].depends):
                first.setdefault(number, step)
                last[number] = step
        begins: dict[int, list[int]] = {}
        ends: dict[int, list[int]] = {}
        for places, steps in ((begins, first), (ends, last)):
            for number, step in steps.items():
                places.setdefault(step, []).append(number)
        return begins, ends

    def run(self, time_limit: float | None) -> tuple[list[int], float]:
        """Return the best choices, and the bound."""
        steps, (low, high) = self._steps, worth_of(self._steps)
        start = Labels(np.array([steps.energy]), np.zeros(1))
        now = Contexts((), np.zeros((1, 0), dtype=np.int64), [start], [np.zeros(1, dtype=np.int64)])
        traces, gap, clock = [], 0.0, Clock(time_limit, len(steps))
        for step in range(len(steps)):
            most = max(clock.limit(step, MAX_LABELS) // max(len(now.keys), 1), LEAST_LABELS)
            now, trace, paid = self._played(step, self._split(step, now), (low[step + 1], high[step + 1], most))
            traces.append(trace)
            gap += paid
        energy, value = (np.concatenate([part[place] for part in now.labels]) for place in (0, 1))
        total = value + steps.close(energy)
        best = int(np.argmax(total))
        bound = np.inf if self._dropped else float(total[best]) + gap
        return self._numbers(traces, best), bound

    def _split(self, step: int, now: Contexts) -> Contexts:
        """Return the contexts of a step: one for each choice of the gates that begin to count."""
        alive, keys, labels, origins = now
        shares = np.arange(len(self._choices.offers))
        for number in self._begins.get(step, ()):
            more = np.tile(shares, len(keys))[:, None]
            keys = np.concatenate([keys.repeat(len(shares), axis=0), more], axis=1)
            labels = [part for part in labels for _ in shares]
            origins = [part for part in origins for _ in shares]
            alive = (*alive, number)
        return Contexts(alive, keys, labels, origins)

    def _bids(self, step: int, now: Contexts) -> Floats:
        """Return what each context bids for a step, shape (markets, 1 or 2, contexts)."""
        at, found = self._gates.t + step, []
        for market, number in enumerate(self._covers[:, step].tolist()):
            if number < 0:
                offered = self._gates.offers[market][:, at - self._gates.first]
                found.append(np.repeat(offered[:, None], len(now.keys), axis=1))
            else:
                deal = self._deals[number]
                picks = now.keys[:, [now.alive.index(other) for other in deal.depends]].T
                found.append(deal.made[(*picks, slice(None), at - deal.begin)].T)
        return np.stack(found)

    def _played(self, step: int, now: Contexts, limits: tuple[float, float, int]) -> tuple[Contexts, Trace, float]:
        """Play every level from every label, join the contexts that no longer differ, and drop labels that fall."""
        sizes = [len(part.energy) for part in now.labels]
        context, edges = np.repeat(np.arange(len(sizes)), sizes), np.cumsum([0, *sizes])
        energy = np.concatenate([part.energy for part in now.labels])
        value = np.concatenate([part.value for part in now.labels])
        after, earned = self._steps.told(step, energy, self._wishes, self._bids(step, now)[:, :, context])
        total = value + earned
        over = self._ends.get(step, ())
        kept = [place for place, number in enumerate(now.alive) if number not in over]
        keys, group = np.unique(now.keys[:, kept], axis=0, return_inverse=True)
        groups = [np.flatnonzero(group.reshape(-1) == place) for place in range(len(keys))]
        chosen = self._promising(groups, total, edges)
        labels: list[Labels] = []
        origins: list[Places] = []
        traced, most = [], 0.0
        for place in chosen:
            columns = np.concatenate([np.arange(edges[one], edges[one + 1]) for one in groups[place]])
            found, level, column, paid = _fallen(after[:, columns], total[:, columns], limits)
            labels.append(found)
            traced.append((level, columns[column]))
            origins.append(np.arange(len(level)) + sum(map(len, origins)))
            most = max(most, paid)
        level, column = (np.concatenate(part) for part in zip(*traced, strict=True))
        trace = Trace(level, np.concatenate(now.origins)[column], context[column], now.alive, now.keys)
        alive = tuple(now.alive[place] for place in kept)
        return Contexts(alive, keys[chosen], labels, origins), trace, most

    def _promising(self, groups: list[Places], total: Floats, edges: Places) -> list[int]:
        """Return the contexts to go on with: all, or where they are too many those that have earned most."""
        if len(groups) <= MOST_CONTEXTS:
            return list(range(len(groups)))
        self._dropped = True
        best = [max(float(total[:, edges[one] : edges[one + 1]].max()) for one in group) for group in groups]
        return sorted(np.argsort(best)[-MOST_CONTEXTS:].tolist())

    def _numbers(self, traces: Sequence[Trace], label: int) -> list[int]:
        """Return the choices that led to a label."""
        levels: list[int] = []
        shares = dict.fromkeys(range(len(self._deals)), 0)
        for trace in reversed(traces):
            levels.append(int(trace.level[label]))
            shares.update(zip(trace.alive, trace.keys[trace.context[label]].tolist(), strict=True))
            label = int(trace.parent[label])
        lines: Places = np.zeros((len(self._choices.sizes), len(levels)), dtype=np.int64)
        lines[0] = np.array(levels[::-1])
        for gate, deal in enumerate(self._deals):
            lines[deal.place + 1, deal.step - self._gates.t] = shares[gate]
        found: list[int] = np.ravel_multi_index(tuple(lines), self._choices.sizes).tolist()
        return found


def _fallen(after: Floats, total: Floats, limits: tuple[float, float, int]) -> tuple[Labels, Places, Places, float]:
    """Return the labels of a context that are left, their levels and columns, and what dropping others may cost."""
    energy, value = after.ravel(), total.ravel()
    order = energy.argsort(kind="stable")
    keep, paid = thinned(Labels(energy[order], value[order]), *limits)
    order = order[keep]
    level, column = np.divmod(order, after.shape[1])
    return Labels(energy[order], value[order]), level, column, paid
