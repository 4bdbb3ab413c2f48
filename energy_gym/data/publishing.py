"""When values become known, as cards and users say it; its one rule: a word that is no such rule is never guessed at.

``"always"``; ``"at-start"`` of their step; ``"after"`` it; or ``"day-ahead HH:MM"``: the whole of tomorrow's local day
at that local time of today, where ``24:00`` is the end of today.
"""

from __future__ import annotations

import difflib
import re

WORDS = ("always", "at-start", "after", "day-ahead 13:00")
RULES = "'always', 'at-start', 'after' or 'day-ahead HH:MM'"
_RULE = re.compile(r"always|after|at-start|day-ahead (?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)")
_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?")
# What others call the same.
_ALSO = {"real-time": "at-start", "realtime": "at-start", "start": "at-start", "end": "after", "known": "always"}


def is_rule(said: object) -> bool:
    """Return whether it says when values become known.

    Example:
        >>> is_rule("day-ahead 24:00"), is_rule("day-ahead 24:30"), is_rule(None)
        (True, False, False)
    """
    return isinstance(said, str) and _RULE.fullmatch(said) is not None


def minute_of(rule: str) -> int | None:
    """Return the minute of the local day at which tomorrow becomes known, None where the rule is not day-ahead.

    Example:
        >>> minute_of("day-ahead 11:30"), minute_of("after")
        (690, None)
    """
    if not rule.startswith("day-ahead "):
        return None
    hours, minutes = rule.removeprefix("day-ahead ").split(":")
    return 60 * int(hours) + int(minutes)


def nearest(said: object) -> str:
    """Return advice on something that is no rule: the rule that is likely meant.

    Example:
        >>> nearest("at start"), nearest("dayahead 9:30"), nearest(3)
        ("did you mean 'at-start'?", "did you mean 'day-ahead 09:30'?", "write 'day-ahead 13:00', say")
    """
    words = re.sub(r"[\s_]+", "-", said.strip().lower()) if isinstance(said, str) else ""
    meant = difflib.get_close_matches(re.split(r"\d", words)[0].strip("-"), ("day-ahead", *WORDS[:3], *_ALSO), n=1)
    if not meant:
        return "write 'day-ahead 13:00', say"
    rule = _ALSO.get(meant[0], meant[0])
    return f"did you mean {rule!r}?" if rule != "day-ahead" else f"did you mean {_day_ahead(words)!r}?"


def _day_ahead(words: str) -> str:
    """Return the rule of a day-ahead price with the time that was said, where it is one."""
    found = _TIME.search(words)
    rule = f"day-ahead {int(found[1]):02d}:{found[2] or '00'}" if found else WORDS[-1]
    return rule if is_rule(rule) else WORDS[-1]
