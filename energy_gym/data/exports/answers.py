"""What a file cannot say and its user must; its one rule: what nobody said is asked for or refused, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from energy_gym.errors import ConfigurationError


@dataclass(frozen=True)
class Answers:
    """What is known beside the file.

    Args:
        said: Answers by option, such as ``{"zone": "Europe/Berlin"}``; those that concern one column have its title in
            brackets, ``{"unit[sensor.grid]": "W"}``.
        ask: Called with an option and a question where an answer is lacking; None refuses instead.

    Example:
        >>> Answers({"zone": "Europe/Berlin"}).get("zone", "which zone?")
        'Europe/Berlin'
        >>> Answers().get("unit", "which unit are its values in?", "sensor.grid")
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: sensor.grid: is open: which unit are its values in?; say ...
    """

    said: Mapping[str, str] = field(default_factory=dict)
    ask: Callable[[str, str], str] | None = None

    def known(self, option: str, title: str | None = None) -> str | None:
        """Return what was said, None if nothing was."""
        return self.said.get(option if title is None else f"{option}[{title}]")

    def get(self, option: str, question: str, title: str | None = None) -> str:
        """Return an answer: the one that was said, else the one that is given when asked.

        Raises:
            ConfigurationError: Nothing was said and nobody can be asked.
        """
        known = self.known(option, title)
        if known is not None:
            return known
        if self.ask is not None:
            return self.ask(option, question if title is None else f"{title}: {question}").strip()
        remedy = f"say --{option} ..." if title is None else f'say --{option} "{title}=..."'
        raise ConfigurationError(title or f"--{option}", f"is open: {question}", remedy)
