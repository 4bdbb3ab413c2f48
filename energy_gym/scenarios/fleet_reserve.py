"""``energy_gym/FleetReserve-v1``: a fleet of batteries in reserve markets."""

from __future__ import annotations

from energy_gym.reserve.env import FleetEnv, FleetVectorEnv


class FleetReserveEnv(FleetEnv):
    """A fleet of batteries sells reserves, upward (it discharges) and downward (it charges), and trades energy.

    **Decision.** A bid for each market, a flat Box in [-1, 1]. For a reserve it is the share of the prequalified power
    that is offered for the coming step; 0 or less offers nothing. For a trade it is the share bought (+) or sold (-).
    With ``actions="discrete-N"`` an action is one number that names a plan: nothing (0), or bids in one direction, as
    an asset serves one in a step; each market of the direction takes one of the N levels that are not below 0, upward
    plans first (``env.unwrapped.plan(number)`` says it). Bids become power by asset through ``dispatch``:
    ``"proportional"`` (every asset offers the same share of what it is prequalified for), ``"optimal"`` (a small
    mixed-integer programme serves as much as the fleet can hold, evenly), or ``"direct"`` (the action bids for each
    asset by itself, market by market: markets times assets numbers).

    **Physics.** An asset serves one direction in a step. It serves the markets in the order of the fleet, each as far
    as its rated power, and the energy (up) or room (down) that is left, last for the product's duration. What cannot be
    held is refused: ``info["cost"]`` [kWh]. A fleet's bid below a market's smallest one is refused whole, ticks are
    rounded down.

    **Two readings.** A reserve with ``activation=FullActivation()`` is delivered in full: its bid is energy (the
    fleet ``"delivered"``). Any other is paid for being held; a series or a process, drawn once for all steps of the
    data (``activation_seed``), calls a share of it. Called energy is settled at the product's ``energy_price``. Where a
    product's duration is shorter than a step, a call may outlast the energy held: what is missing is fined.

    **Observation.** A flat float32 Box: state of charge of each asset; sine and cosine of the local hour of day, day of
    week and day of year; ``horizon`` forecast values of each price; then the share of each reserve that was called in
    the step before. ``env.unwrapped.layout`` names each slot.

    **Reward.** Payments for holding, plus energy sold minus bought, less penalties and wear [currency]; carbon and the
    joint objective as in `energy_gym.scenarios.arbitrage.ArbitrageEnv`. In ``info`` the parts ``energy_cost`` (payments
    for holding, also as ``availability``, count against it), ``penalty``, ``wear`` and ``carbon_kg`` add up to it. With
    ``terminal="settle"`` the last step also settles the energy above or below the starting levels at the mean price.
    The dispatch is in ``info`` as ``held_kw.MARKET.ASSET``, ``called_kwh.MARKET``, ``delivered_kwh.MARKET`` and
    ``energy_kwh.ASSET``; a trade has two such markets, ``NAME.buy`` and ``NAME.sell``.

    **Episode.** One week from a random start of the split; it ends by truncation. ``episode_steps=None`` plays the
    whole split; ``reset(options={"start": "2021-11-01T00:00Z", "steps": 168})`` picks a window.

    **Data.** By default a synthetic year; eastern Denmark and the Australian market are fetched.

    **Keywords.** ``fleet`` or ``scenario``, which mean the same here (``"synthetic"``, ``"delivered"``, ``"dk2"``,
    ``"nem"``, a YAML file or a scenario of batteries and reserve contracts, such as `energy_gym.Scenario.fleet` makes;
    default: the one that goes with the data), ``dispatch``, ``activation_seed``, ``dataset`` (such as ``"dk2-2021"`` or
    ``"nem-nsw1"``; default: a synthetic year) or ``data`` (columns ``*_per_mw_h``, ``*_per_mwh``, ``*_share``),
    ``split``, ``period``, ``forecast``, ``horizon``, ``actions``, ``objective``, ``carbon_price``, ``terminal``,
    ``episode_steps``, ``render_mode``.

    **Source.** The fleet problem of a trading desk: n batteries, m markets up or down, x[t, m] to decide, no asset
    charging and discharging in one step; with holding, calls and durations added.

    **Versions.** v1: a size within float32's rounding of a tick is that tick; names in ``info`` are joined by dots
    (before: slashes); a discrete action is one number (before: a level for each market). v0: first version; its name
    makes v1 (docs/scenarios.md).

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/FleetReserve-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> env.action_space.shape
        (5,)
        >>> observation, reward, terminated, truncated, info = env.step([1.0, 0.0, 0.0, 0.0, 0.0])
        >>> info["held_kw.fast_up.asset1"], info["cost"]
        (1000.0, 0.0)
    """


class FleetReserveVectorEnv(FleetVectorEnv):
    """A batch of `FleetReserveEnv`; each environment has its own window and seed.

    Example:
        >>> import energy_gym
        >>> envs = energy_gym.make_vec("energy_gym/FleetReserve-v1", num_envs=2)
        >>> observations, info = envs.reset(seed=[7, 8])
        >>> observations.shape[0]
        2
    """
