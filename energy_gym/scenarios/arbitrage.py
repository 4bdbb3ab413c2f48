"""``energy_gym/Arbitrage-v1``: a battery on a spot market."""

from __future__ import annotations

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv


class ArbitrageEnv(EnergyEnv):
    """A battery buys and sells energy on a spot market, for money, for carbon or for both.

    **Decision.** The share of rated power in [-1, 1] for the coming interval: +1 charges at ``charge_kw``, -1
    discharges at ``discharge_kw``. With ``actions="discrete-N"`` the N levels ascend: 0 is full discharge, the middle
    is idle, the last is full charge. What the battery cannot do is cut to what it can; ``info["cost"]`` is the energy
    refused [kWh].

    **Observation.** A flat float32 Box: state of charge; sine and cosine of the local hour of day, day of week and
    day of year; then ``horizon`` forecast values of each series that the reward depends on, as known at that moment,
    scaled by fixed figures and cut to [-10, 10]; then, with ``history``, the last known values of each such series, the
    newest first. With ``lookahead="compact"`` the forecast values are fewer figures, coarser further out
    (docs/forecasts.md). ``env.unwrapped.layout`` names each slot.

    **Reward.** ``objective="cost"``: money earned minus spent, less wear [currency]; ``"carbon"``: kg CO2 avoided minus
    caused; ``"joint"``: money plus ``carbon_price`` [currency/tonne] times tonnes avoided. In ``info`` the parts
    ``energy_cost``, ``wear``, ``penalty``, ``demand_charge`` [currency, spending +] and ``carbon_kg`` [kg, caused +]
    add up to it. With ``terminal="settle"`` the last step also sells (or buys) the energy above (or below) the starting
    level at the mean price and carbon intensity of the training split, inside ``energy_cost`` and ``carbon_kg``.

    **Episode.** One week from a random start of the split; it ends by truncation. ``episode_steps=None`` plays the
    whole split; ``reset(options={"start": "2022-03-01T00:00Z", "steps": 168})`` picks a window.

    **Data.** By default ERCOT's day-ahead price, which ships with the package; other markets are fetched.

    **Keywords.** ``dataset`` (id; default ``"ercot-2021-2022"``) or ``data`` (DataFrame with a time-zone-aware index,
    ``price_per_mwh`` and, where carbon counts, ``carbon_g_per_kwh``), ``split`` (``"train"``, ``"validation"``,
    ``"test"``, ``"all"``, and on some cards years that are ``"earlier"`` or ``"later"``),
    ``period`` (a part of the split, such as ``("2021-01-01", "2021-04-01")``, local time),
    ``forecast`` (``"published"``, ``"perfect"``, ``"yesterday"`` or an object with ``rows``), ``horizon`` (24 steps),
    ``history`` (known values of each series; 12 where the price is a real-time price, else 0; docs/forecasts.md),
    ``lookahead`` (``"full"``, ``"compact"``), ``actions``, ``objective``, ``carbon_price``, ``price_weight``,
    ``wear_weight``, ``refused_per_kwh``, ``terminal`` (docs/scenarios.md), ``episode_steps``, ``battery``,
    ``scenario``, ``render_mode`` (``"rgb_array"``, ``"human"``). ``control="meter"`` is for sites with
    load or generation, and refused here: at this meter is nothing but the battery.

    **A frame of one's own.** A value is known when its step is over, unless ``published`` says otherwise: a rule for
    all prices, or one by column: ``"day-ahead HH:MM"`` of the day before, ``"at-start"`` of its step, ``"always"``,
    ``"after"`` it. A column ``forecast_...`` is what is believed of the column it names. Local days are those of
    ``zone``, or of the index; they are asked for where that is UTC. ``splits`` maps ``"train"``, ``"validation"`` and
    ``"test"`` to pairs of moments; a split of a frame that has none is made by date (three fifths, one, one), and
    without ``split`` all of it is played. Observations are scaled by ``splits["train"]``, else by the first fifth, or
    by ``reference``, another frame or the id of a data set. ``stamps="end"`` says that a stamp ends its step. Units
    that a name says, such as ``price_per_kwh`` or ``load_mw``, are converted. What is assumed is told when the
    environment is made.

    **Source.** Scenario 1 of EnCortex (energy arbitrage with a battery).

    **Versions.** v1: of a frame given as ``data=``, prices count as known when their step is over, no
    longer at 13:00 of the day before; observations are scaled by its training part; an explicit split is honoured; a
    plan values what is left by the training part; a start without a time zone is local time. A real-time price is
    followed by its last twelve values. Standby losses of a battery compound. The defaults return what v0
    returned. v0: first version; its name makes v1 (docs/scenarios.md).

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(2)
        >>> info["grid_kw"], terminated, truncated
        (4.2105263157894735, False, False)
    """


class ArbitrageVectorEnv(EnergyVectorEnv):
    """A batch of `ArbitrageEnv`; each environment may have its own battery, window and seed.

    Example:
        >>> import energy_gym
        >>> envs = energy_gym.make_vec("energy_gym/Arbitrage-v1", num_envs=2)
        >>> observations, info = envs.reset(seed=[7, 8])
        >>> observations.shape
        (2, 31)
    """
