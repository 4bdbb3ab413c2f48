"""``energy_gym/Bidding-v1``: a producer with solar, wind and storage bids in markets with gate closures."""

from __future__ import annotations

from energy_gym.bidding import env


class BiddingEnv(env.ProducerEnv):
    """A producer with solar, wind and storage serves a consumer and sells the rest day-ahead and in real time.

    **Decision.** One flat Box in [-1, 1], named entry by entry in ``env.unwrapped.entries``: the storage's power (+1
    pumps or charges at rated power, -1 gives it); the supply (0 gives the consumer what it wants, +1 the most, -1 the
    least that the contract allows); then the bids of each market, one for each slot of the longest delivery (25 hours
    where clocks change): +1 buys ``buy_kw``, -1 sells ``sell_kw``, rounded down to the market's tick. Bids count only
    where a gate falls due at the step; ``info["due"]`` is the mask of the entries that count in the coming action. All
    others are ignored: nothing that is committed changes, and ``info["rejected"]`` counts the bids that came outside
    their gate or were too small. ``bids="price-volume"`` adds a limit price to each bid, -1 the market's floor, +1 its
    cap; a bid to sell clears where its limit is at or below the clearing price.
    With ``actions="discrete-N"`` an action is one number: one of N levels of storage power, and for each market which
    share of the surplus that is forecast, and not yet offered, all slots of a gate are bid (0, 0.5, 1 or 1.25).

    **Money.** What is committed is paid at each market's clearing price; the consumer pays for what it gets; what was
    committed and not delivered, or the other way about, is settled as a deviation: at the prices of up- and
    down-regulation, at one imbalance price, band by band as in India, linearly, or by any line with kinks. At the end
    of each local day supply must match demand: a MWh missing pays a penalty, one too many earns nothing.

    **Observation.** A flat float32 Box: state of charge; supply less demand of the day so far; the clock; look-ahead of
    all prices, load, solar and wind as known at that moment, far enough to cover every slot that can be bid for; days
    to each market's next gate; what stands offered in each market. ``env.unwrapped.layout`` names each slot.

    **Reward.** Money earned less spent [currency] (``objective="carbon"``: kg CO2, ``"joint"``: both). In ``info``
    the parts ``energy_cost`` (``market_cost``, ``supply_cost`` and, in the last step, ``closing_cost``: stored energy
    at the mean day-ahead price), ``penalty`` (``deviation_cost`` and ``unmatched_cost``), ``wear``, ``demand_charge``
    and ``carbon_kg`` add up to it; fuel that a unit burns is a part of ``energy_cost``, what a vehicle misses one of
    ``penalty``.

    **Presets.** ``"eu-hourly"`` (default): tomorrow's hours at 12:00; deviations at the balancing prices, at the one
    imbalance price where the data have it, or at what a shortage paid and a surplus earned where they tell that apart.
    ``"eu-intraday"``: the same, and within the day each hour by itself, an hour before it begins. ``"india-15min"``: 96
    quarter hours at 14:00, two quarter hours an hour ahead every half hour, deviations band by band. Each runs on
    synthetic data of its own; ``dataset="dk2-2021"``, ``"dk2-2024"`` or ``"belgium"`` are fetched, and lack of wind,
    solar or load is made up by a synthetic site, which the title says. Sites are scaled to 30 MW of wind, 5.5 MW of sun
    and a load of 20 MW on average.

    **Episode.** One week from a random start, with nothing committed; it ends by truncation. ``episode_steps=None``
    plays the whole split; ``reset(options={"start": "2022-03-01T00:00Z", "steps": 168})`` picks a window. What was
    committed for later than that is not settled.

    **Data.** By default synthetic; eastern Denmark (``"dk2-2021"``, ``"dk2-2024"``) and Belgium are fetched.

    **Keywords.** ``preset``, ``dataset``, ``data`` (with ``published``, ``zone``, ``splits``, ``stamps``,
    ``reference`` as in ``energy_gym/Arbitrage-v1``), ``split``, ``period``, ``forecast``, ``horizon``, ``actions``,
    ``objective``, ``carbon_price``, ``terminal``, ``episode_steps``, ``storage`` (a `PumpedHydro` or a `Battery`),
    ``bids``, ``scenario`` (with a `Trading` and a `Supply` contract), ``render_mode``.

    **Source.** Scenario 3 of EnCortex (24/7 demand matching and bidding optimisation).

    **Versions.** v1: on ``dk2-2021``, deviations from 1 November 2021 on are settled at the one price of
    that time, no longer at the two balancing prices. Observations of a frame given as ``data=`` are scaled by its
    training part; a price that no market sells is known when its step is over unless ``published=`` says otherwise.
    A size within float32's rounding of a tick is that tick; what is shifted to or from the consumer keeps to the
    connection's limits. v0: first version; its name makes v1 (docs/scenarios.md).

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> env = gym.make("energy_gym/Bidding-v1", episode_steps=48)
        >>> observation, info = env.reset(options={"start": "2020-06-01T10:00Z"})
        >>> action = np.zeros(env.action_space.shape)
        >>> action[2:26] = -0.2  # 12:00 in Copenhagen: 30 MW for each hour of tomorrow
        >>> observation, reward, terminated, truncated, info = env.step(action)
        >>> env.unwrapped.offered()["day_ahead"][10:13].tolist(), int(info["due"].sum())
        ([0.0, -30000.0, -30000.0], 2)
    """


class BiddingVectorEnv(env.ProducerVectorEnv):
    """A batch of `BiddingEnv`; each environment has its own window and seed.

    Example:
        >>> import energy_gym
        >>> envs = energy_gym.make_vec("energy_gym/Bidding-v1", num_envs=2)
        >>> observations, info = envs.reset(seed=[7, 8])
        >>> observations.shape, info["due"].shape
        ((2, 268), (2, 27))
    """
