"""A scenario: entities joined by contracts, and the objective they are run for; read from and written to YAML.

One rule: a scenario is plain frozen data, validated when it is made; it holds no series and no state.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from energy_gym.contracts import Spot
from energy_gym.contracts.spot import KG_PER_TONNE
from energy_gym.entities import Battery
from energy_gym.errors import ConfigurationError, UnknownIdError

OBJECTIVES = ("cost", "carbon", "joint")
TERMINALS = ("settle", "free")
T = TypeVar("T")


class Weights(NamedTuple):
    """How much each part counts against the reward: 1 per unit of money, reward units per kg of carbon."""

    money: float
    carbon: float


@dataclass(frozen=True, slots=True)
class Objective:
    """What is maximised, and how an episode is closed.

    Args:
        kind: ``"cost"`` (currency), ``"carbon"`` (kg CO2 avoided) or ``"joint"`` (currency plus priced carbon).
        carbon_price: Price of carbon in the joint objective [currency/tonne].
        terminal: ``"settle"``: energy above or below the starting level is settled at the reference price and carbon
            intensity in the last reward; ``"free"``: it is not.

    Raises:
        UnknownIdError: An unknown kind or terminal.
        ConfigurationError: A carbon price that is negative or not finite.

    Example:
        >>> Objective("joint", carbon_price=80.0).weights
        Weights(money=1.0, carbon=0.08)
    """

    kind: str = "cost"
    carbon_price: float = 80.0
    terminal: str = "settle"

    def __post_init__(self) -> None:
        if self.kind not in OBJECTIVES:
            raise UnknownIdError.of("objective", self.kind, OBJECTIVES)
        if self.terminal not in TERMINALS:
            raise UnknownIdError.of("terminal", self.terminal, TERMINALS)
        if isinstance(self.carbon_price, bool) or not isinstance(self.carbon_price, int | float):
            raise ConfigurationError(
                f"carbon_price={self.carbon_price!r}", "must be a number", "pass currency per tonne"
            )
        if not 0.0 <= self.carbon_price < float("inf"):
            raise ConfigurationError(
                f"carbon_price={self.carbon_price}", "must be finite and not negative", "pass currency per tonne"
            )

    @property
    def weights(self) -> Weights:
        """Reward per unit of money spent and per kg of carbon caused, with the sign of a cost."""
        if self.kind == "cost":
            return Weights(1.0, 0.0)
        if self.kind == "carbon":
            return Weights(0.0, 1.0)
        return Weights(1.0, self.carbon_price / KG_PER_TONNE)

    @property
    def needs_carbon(self) -> bool:
        """Whether the reward depends on the carbon intensity."""
        return self.kind != "cost"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One battery on a spot market.

    Args:
        name: A short name, shown in tables and figures.
        battery: The storage.
        spot: The market contract that the battery's energy is settled under.
        objective: What is maximised.

    Example:
        >>> scenario = Scenario(battery=Battery(capacity_kwh=20.0))
        >>> Scenario.from_yaml(scenario.to_yaml()) == scenario
        True
    """

    name: str = "arbitrage"
    battery: Battery = field(default_factory=Battery)
    spot: Spot = field(default_factory=Spot)
    objective: Objective = field(default_factory=Objective)

    def to_yaml(self) -> str:
        """Return the scenario as YAML text."""
        tree = {
            "name": self.name,
            "entities": {"battery": asdict(self.battery)},
            "contracts": {"spot": asdict(self.spot)},
            "objective": asdict(self.objective),
        }
        return yaml.safe_dump(tree, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Scenario:
        """Read a scenario from YAML text; absent parts take their defaults.

        Raises:
            ConfigurationError: Broken YAML, an unknown key (the nearest is suggested) or a bad value, with its path.
        """
        try:
            tree = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigurationError("scenario", f"is no valid YAML ({error})", "correct the file") from error
        tree = _mapping(tree or {}, "scenario")
        _check_keys(tree, ("name", "entities", "contracts", "objective"), "scenario")
        entities = _mapping(tree.get("entities", {}), "entities")
        contracts = _mapping(tree.get("contracts", {}), "contracts")
        _check_keys(entities, ("battery",), "entities")
        _check_keys(contracts, ("spot",), "contracts")
        return cls(
            name=str(tree.get("name", "arbitrage")),
            battery=_build(Battery, entities.get("battery", {}), "entities.battery"),
            spot=_build(Spot, contracts.get("spot", {}), "contracts.spot"),
            objective=_build(Objective, tree.get("objective", {}), "objective"),
        )

    @classmethod
    def read(cls, source: Scenario | str | Path) -> Scenario:
        """Return the scenario itself, or read it from the YAML file at a path.

        Raises:
            ConfigurationError: If there is no such file.
        """
        if isinstance(source, Scenario):
            return source
        if not isinstance(source, str | Path):
            raise ConfigurationError(
                f"scenario={source!r}", "must be a Scenario or the path of a YAML file", "pass either"
            )
        try:
            return cls.from_yaml(Path(source).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(
                f"scenario={str(source)!r}", "no such file can be read", "check the path"
            ) from error


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{path}={value!r}", "must be a mapping of names to values", f"write {path}: {{...}}")
    return value


def _check_keys(tree: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    names = tuple(known)
    for key in tree:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(f"{path}.{key}", "is not a known key", f"{hint}Known: {', '.join(names)}")


def _build(kind: type[T], value: Any, path: str) -> T:
    tree = _mapping(value, path)
    _check_keys(tree, (item.name for item in fields(kind)), path)  # type: ignore[arg-type]  # kind is a dataclass
    try:
        return kind(**tree)
    except ConfigurationError as error:
        raise type(error)(f"{path}: {error.value}", error.rule, error.remedy) from error
