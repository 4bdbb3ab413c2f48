"""A battery that holds a power at the meter: what a wish there comes to as a share of rated power, and back.

One rule: nothing here is a law: `energy_gym.following` says what a wish names, and the site what else flows.
"""

from __future__ import annotations

from energy_gym.backends import scalars
from energy_gym.envs.env import EnergyEnv
from energy_gym.following import ends_of, following, naming, rated_of, target_kwh, wish_of
from energy_gym.units import Unit

NET = 3
"""Place, among what a unit signals of a step, of the energy that all but its batteries draw."""


def metered(env: EnergyEnv) -> bool:
    """Return whether a wish names a power at the meter, and not one of the battery."""
    return env.setup.control == "meter"


def share_of_wish(env: EnergyEnv, wish: float, step: int | None = None) -> float:
    """Return the share of rated power that reaches what a wish names in an interval, the running one by default.

    Example:
        >>> from energy_gym.scenarios.microgrid import MicrogridEnv
        >>> env = MicrogridEnv(control="meter")
        >>> _ = env.reset(seed=0)
        >>> round(wish_of_share(env, share_of_wish(env, 0.2)), 9)
        0.2
    """
    unit = _unit(env, step)
    return float(following(unit, scalars)(env.states, (wish,), unit.signals()[0])[0])


def wish_of_share(env: EnergyEnv, share: float, step: int | None = None) -> float:
    """Return a wish that moves the battery with a share of its rated power in an interval."""
    unit = _unit(env, step)
    return float(naming(unit)(env.states, (share,), unit.signals()[0])[0])


def target_of_wish(env: EnergyEnv, wish: float) -> float:
    """Return the power at the meter that a wish names in the running interval, positive imports [kW]."""
    unit = _unit(env, None)
    found = target_kwh(wish, unit.signals()[0][NET], ends_of(unit, scalars), rated_of(unit, 0), scalars)
    return float(found) / unit.hours


def wish_of_target(env: EnergyEnv, target_kw: float) -> float:
    """Return the wish that names a power at the meter in the running interval, or comes nearest."""
    unit = _unit(env, None)
    net, ends, rated = unit.signals()[0][NET], ends_of(unit, scalars), rated_of(unit, 0)
    return float(wish_of(target_kw * unit.hours, net, ends, rated, scalars))


def _unit(env: EnergyEnv, step: int | None) -> Unit:
    """Return the site over one interval: as measured where it has passed, else as believed."""
    (unit,), now = env.setup.units, env.steps_left[0] if step is None else step
    return unit.window(now, now + 1)
