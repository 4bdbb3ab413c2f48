"""The points of a sweep: overrides in Hydra's words, taken apart, checked, and composed into one tree a point.

One rule: every point is composed and checked before the first is played.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.sweeps.experiment import Experiment, Tree, keywords_of, make_forecast, read_scenario

CONFIG = "energy_gym_experiment"
MOST_POINTS = 100_000
SELECTORS = ("agent.name", "forecast.name")


@dataclass(frozen=True)
class Point:
    """One setting of an experiment: the values of what is varied, and the whole tree."""

    varied: Mapping[str, Any]
    tree: Mapping[str, Any]


def points_of(experiment: Experiment, overrides: Sequence[str] = ()) -> list[Point]:
    """Return the points of an experiment in the order of its grid: the field named last changes fastest.

    Args:
        experiment: The experiment.
        overrides: In Hydra's words: ``field=value`` sets, ``field=1,2`` or ``field=range(0, 10, 2)`` varies a field;
            they take the place of what the experiment says of the same field.

    Raises:
        ConfigurationError: Words that cannot be read, a field that is not known (the nearest is named), or a value
            that the field refuses.
        MissingExtraError: Hydra is not installed.

    Example:
        >>> experiment = Experiment.from_tree("tiny", {"sweep": {"scenario.objective.carbon_price": [0, 50]}})
        >>> [point.varied for point in points_of(experiment, ["agent.name=idle,mpc"])][:2]
        [{'scenario.objective.carbon_price': 0, 'agent.name': 'idle'},
         {'scenario.objective.carbon_price': 0, 'agent.name': 'mpc'}]
    """
    axes = axes_of(experiment, overrides)
    count = 1
    for _, words in axes:
        count *= len(words)
    if count > MOST_POINTS:
        raise ConfigurationError(f"{count} points", f"a sweep has at most {MOST_POINTS}", "vary fewer fields")
    varied = [name for name, words in axes if len(words) > 1 or name in experiment.sweep]
    chosen = itertools.product(*([f"{name}={word}" for word in words] for name, words in axes))
    with _composer() as composed:
        trees = [_tree(experiment, words, composed) for words in chosen]
    return [Point({name: _at(tree, name.removeprefix("+")) for name in varied}, tree) for tree in trees]


def axes_of(experiment: Experiment, overrides: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return for each field that is set or varied its values, as Hydra spells them."""
    own = [f"{name}={_spelled(value)}" for name, value in experiment.sweep.items()]
    axes: dict[str, list[str]] = {}
    for text in (*own, *overrides):
        name, words = _read(text)
        axes[name] = words
    return list(axes.items())


def _spelled(value: Any) -> str:
    """Return a value of a file in Hydra's words: a list is a choice, text is taken as it is."""
    if isinstance(value, list):
        return ",".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def _read(text: str) -> tuple[str, list[str]]:
    """Return the field of an override and its values."""
    hydra_words = _hydra()
    try:
        found = hydra_words.parser.parse_override(text)
    except hydra_words.failure as error:
        cause = str(error).splitlines()[0]
        raise ConfigurationError(
            f"{text!r}", f"cannot be read ({cause})", "write field=1,2 or field=range(0,9,3)"
        ) from error
    if found.is_delete() or found.package is not None or found.is_force_add():
        raise ConfigurationError(f"{text!r}", "must set or vary a field", "write field=value")
    name = ("+" if found.is_add() else "") + found.key_or_group
    if not found.is_sweep_override():
        return name, [text.split("=", 1)[1]]
    try:
        words = list(found.sweep_string_iterator())
    except (hydra_words.failure, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{text!r}", "has no countable values", "give a list or a range with a step"
        ) from error
    if not words:
        raise ConfigurationError(f"{text!r}", "has no values", "give a range that is not empty")
    return name, words


def _tree(experiment: Experiment, words: Sequence[str], composed: Any) -> Tree:
    """Return the tree of a point, checked."""
    deciding = [word for word in words if _deciding(word)]
    selected = _composed(experiment.selection(), deciding, composed)
    # What the first composition has added to the task is there in the second.
    tree = _composed(experiment.tree(selected), [word.removeprefix("+") for word in words], composed)
    _check(tree)
    return tree


def _deciding(word: str) -> bool:
    name = word.removeprefix("+").split("=", 1)[0]
    return name.startswith("task.") or name in SELECTORS


def _composed(tree: Tree, words: Sequence[str], composed: Any) -> Tree:
    for word in words:
        name = word.split("=", 1)[0]
        if not name.startswith("+task."):
            _check_field(name.removeprefix("+"), tree)
    try:
        return dict(composed(tree, list(words)))
    except _hydra().failure as error:
        cause = " ".join(str(error.__cause__ or error).split())
        raise ConfigurationError(", ".join(words), f"cannot be set ({cause})", "correct the value") from error


def _check_field(name: str, tree: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, with the nearest field, where a tree has none of that name."""
    known = list(_fields(tree))
    if name in known:
        return
    last = name.rsplit(".", 1)[-1]
    ends = [field for field in known if field.endswith(f".{last}")]
    tails = {field.rsplit(".", 1)[-1]: field for field in reversed(known)}
    near = ends or difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    near = near or [tails[tail] for tail in difflib.get_close_matches(last, tails, n=1)]
    above, _, _ = name.rpartition(".")
    parts = [part.rpartition(".")[2] for part in known if above and part.rpartition(".")[0] == above]
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(parts or tree)
    raise ConfigurationError(f"{name}", "is no field of this experiment", f"{hint}Known there: {listed}")


def _fields(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield f"{path}{key}"
        if isinstance(value, Mapping):
            yield from _fields(value, f"{path}{key}.")


def _check(tree: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a value that its field refuses."""
    read_scenario(tree["scenario"])
    make_forecast(tree["forecast"])
    keywords_of(tree["task"])


def _at(tree: Mapping[str, Any], name: str) -> Any:
    value: Any = tree
    for part in name.split("."):
        value = value[part]
    return value


def leaves(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return all values of a tree by dotted name.

    Example:
        >>> leaves({"agent": {"name": "mpc", "seed": 0}})
        {'agent.name': 'mpc', 'agent.seed': 0}
    """
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= leaves(value, f"{path}{key}.") if isinstance(value, Mapping) and value else {f"{path}{key}": value}
    return found


class _Hydra:
    """What is used of Hydra."""

    def __init__(self) -> None:
        try:
            from hydra.core.override_parser.overrides_parser import OverridesParser
            from hydra.errors import HydraException
        except ImportError as error:
            raise MissingExtraError.of("hydra-core", "sweep") from error
        self.parser = OverridesParser.create()
        self.failure = HydraException


_FOUND: list[_Hydra] = []


def _hydra() -> _Hydra:
    if not _FOUND:
        _FOUND.append(_Hydra())
    return _FOUND[0]


class _composer:  # noqa: N801  # a context manager, named as what it gives
    """Opens Hydra; gives a function from a tree and overrides to the tree with them."""

    def __enter__(self) -> Any:
        _hydra()
        from hydra import initialize

        self._context = initialize(version_base=None)
        self._context.__enter__()
        return self._compose

    def __exit__(self, *what: Any) -> None:
        self._context.__exit__(*what)

    def _compose(self, tree: Tree, words: list[str]) -> Any:
        from hydra import compose
        from hydra.core.config_store import ConfigStore
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        ConfigStore.instance().store(CONFIG, tree)
        try:
            return OmegaConf.to_container(compose(CONFIG, words), resolve=True)
        except OmegaConfBaseException as error:
            cause = " ".join(str(error).split())
            raise ConfigurationError(f"{', '.join(words)}", f"leads nowhere ({cause})", "correct it") from error
