"""Options and words that commands share; what a registry holds is listed from it: no value that works goes untold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from energy_gym.objective import check_carbon_price

# What each part of a reward counts, in place of what the scenario says.
CarbonPrice = Annotated[float | None, typer.Option(help="Currency per tonne, for joint; default: 80")]
PriceWeight = Annotated[float | None, typer.Option(help="What money counts in the reward; default: 1")]
WearWeight = Annotated[float | None, typer.Option(help="What wear counts in the reward; default: 1")]
RefusedPrice = Annotated[
    float | None, typer.Option("--refused-per-kwh", help="Penalty for each kWh of a wish refused; default: 0")
]
LEVELS = "continuous, discrete-3, discrete-5 or another odd number of levels"


def weights(
    carbon_price: float | None,
    price_weight: float | None,
    wear_weight: float | None,
    refused: float | None = None,
    objective: str | None = None,
    own: bool = False,
) -> dict[str, Any]:
    """Return those that are given, as keywords of an environment.

    Raises:
        ConfigurationError: A carbon price for an objective that does not count it.

    Example:
        >>> weights(None, 0.5, None)
        {'price_weight': 0.5}
    """
    check_carbon_price(carbon_price, objective, own)
    given = {
        "carbon_price": carbon_price,
        "price_weight": price_weight,
        "wear_weight": wear_weight,
        "refused_per_kwh": refused,
    }
    return {name: value for name, value in given.items() if value is not None}


def either(names: Iterable[str], *more: str) -> str:
    """Return names as a choice.

    Example:
        >>> either(["cost", "carbon", "joint"]), either(["dk2"], "a YAML file")
        ('cost, carbon or joint', 'dk2 or a YAML file')
    """
    *others, last = [*names, *more]
    return f"{', '.join(others)} or {last}" if others else last
