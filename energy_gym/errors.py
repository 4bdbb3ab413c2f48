"""One tree of errors; every message states the value, the rule it broke and the remedy."""

from __future__ import annotations

import difflib
import importlib.util
import json
from collections.abc import Iterable


class EnergyGymError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        value: What was found, with its name (``"capacity_kwh=-1"``).
        rule: The rule it breaks.
        remedy: What the caller can do about it.

    Example:
        >>> raise EnergyGymError("x=2", "x must be below 1", "pass a smaller x")
        Traceback (most recent call last):
        energy_gym.errors.EnergyGymError: x=2: x must be below 1; pass a smaller x
    """

    def __init__(self, value: str, rule: str, remedy: str) -> None:
        super().__init__(value, rule, remedy)
        self.value = value
        self.rule = rule
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.value}: {self.rule}; {self.remedy}"


class ConfigurationError(EnergyGymError, ValueError):
    """A parameter of an environment, an entity, an agent or a suite is not usable."""


class NonPositiveError(ConfigurationError):
    """A size that must be positive (capacity, power, number of steps) is not."""


class EfficiencyError(ConfigurationError):
    """An efficiency lies outside (0, 1]."""


class StateOfChargeError(ConfigurationError):
    """State-of-charge limits are not ordered, or the start lies outside them."""


class UnsuitableAgentError(ConfigurationError):
    """An agent makes no sense in an environment, such as peak shaving without a demand charge."""


class EpisodeLengthError(ConfigurationError):
    """An episode does not fit into the data it should run on."""


class WindowError(ConfigurationError):
    """The window asked of ``reset`` or a split is not inside the data."""


class UnknownIdError(ConfigurationError, LookupError):
    """A name (data set, forecast, agent, suite, split, objective) is not known."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownIdError:
        """Build the error from what was asked for and what exists; a place in a file may stand before ``kind``.

        Example:
            >>> print(UnknownIdError.of("agent", "mcp", ["mpc", "idle"]))
            agent 'mcp': no such agent; did you mean 'mpc'? Known: idle, mpc
            >>> print(UnknownIdError.of("contracts.spot.parties: entity", "batery", ["battery"]))
            contracts.spot.parties: entity 'batery': no such entity; did you mean 'battery'? Known: battery
        """
        names = sorted(known)
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return cls(f"{kind} {name!r}", f"no such {kind.rpartition(': ')[2]}", f"{hint}Known: {', '.join(names)}")


class ActionError(EnergyGymError, ValueError):
    """An action is not a number, or not one of the discrete actions."""


class DataError(EnergyGymError, ValueError):
    """A series or a data set breaks a rule of the suite."""


class MissingColumnError(DataError):
    """A column that the scenario needs is not in the data."""


class NonFiniteError(DataError):
    """A series holds NaN or infinity."""


class NaiveIndexError(DataError):
    """The index is not a time-zone-aware DatetimeIndex."""


class IrregularIndexError(DataError):
    """The index does not rise in equal steps of real time."""


class DuplicateStampError(DataError):
    """A time stamp occurs more than once."""


class CardError(DataError):
    """A data card is not complete, or contradicts itself."""


class RawFileError(DataError):
    """A raw file cannot be used as it was found."""


class ChecksumError(RawFileError):
    """A raw file does not have the hash its card states (wrong or truncated file)."""


class DownloadError(RawFileError):
    """A raw file could not be had: no network, no such file, or a broken transfer."""


class StorageError(DataError):
    """A storage backend cannot read or write a table."""


class ResultsError(DataError):
    """Stored results of a leaderboard run do not belong to this run or cannot be read."""


class EntryError(EnergyGymError, ValueError):
    """An entry to the leaderboard is not complete, cannot be played, or breaks a rule of play."""


class ForesightError(EntryError):
    """An entry earns from what it was never shown."""


class ClusterError(EnergyGymError, ConnectionError):
    """A Ray or Dask cluster cannot be reached, or has no workers."""


class SolverError(EnergyGymError, RuntimeError):
    """The solver ended without a usable plan."""


class BrokenPromiseError(EnergyGymError, AssertionError):
    """A scenario breaks an identity that the suite promises: see `energy_gym.testing`."""


class ResetNeededError(EnergyGymError, RuntimeError):
    """``step`` or ``solve`` was called outside a running episode."""


class MissingExtraError(EnergyGymError, ImportError):
    """An optional dependency is not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtraError:
        """Build the error for a package and the extra that brings it.

        Example:
            >>> print(MissingExtraError.of("matplotlib", "plot"))  # from a checkout
            matplotlib: is not installed; run: pip install ...[plot]"...
        """
        return cls(package, "is not installed", f"run: {install_command(extra)}")

    @classmethod
    def check(cls, extra: str, *packages: str) -> None:
        """Check that what an extra brings is installed.

        Raises:
            MissingExtraError: One of the packages is not.

        Example:
            >>> MissingExtraError.check("serve", "json")
        """
        for package in packages:
            if importlib.util.find_spec(package) is None:
                raise cls.of(package, extra)


def install_command(extra: str) -> str:
    """Return the command that brings an extra, as this package itself was installed.

    A package index has it under its name; a checkout is installed from its folder, a repository by its address.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        told = distribution("energy-gym").read_text("direct_url.json")
    except PackageNotFoundError:
        return f'pip install ".[{extra}]" in the folder of energy_gym'
    if not told:
        return f'pip install "energy-gym[{extra}]"'
    origin = json.loads(told)
    if "vcs_info" in origin:
        return f'pip install "energy-gym[{extra}] @ {origin["vcs_info"]["vcs"]}+{origin["url"]}"'
    place, editable = origin["url"].removeprefix("file://"), origin.get("dir_info", {}).get("editable", False)
    return f'pip install {"-e " if editable else ""}"{place}[{extra}]"'


class DataNotice(UserWarning):
    """What was assumed about a user's data, told once: when they are known, how they are split or converted.

    Example:
        >>> import warnings
        >>> warnings.filterwarnings("ignore", category=DataNotice)
    """
