"""One tree of errors: every one says what was found, which rule it breaks and what to do."""

from __future__ import annotations

import inspect
import pickle

import pytest

from energy_gym import EnergyGymError, errors

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, Exception)]


@pytest.mark.parametrize("kind", CLASSES)
def test_one_tree_with_value_rule_and_remedy(kind: type[EnergyGymError]) -> None:
    assert issubclass(kind, EnergyGymError)
    error = kind("x=2", "x must be below 1", "pass a smaller x")
    assert (error.value, error.rule, error.remedy) == ("x=2", "x must be below 1", "pass a smaller x")
    assert str(error) == "x=2: x must be below 1; pass a smaller x"
    assert inspect.getdoc(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_survive_the_way_between_processes(kind: type[EnergyGymError]) -> None:
    error = pickle.loads(pickle.dumps(kind("x=2", "rule", "remedy")))
    assert type(error) is kind
    assert str(error) == "x=2: rule; remedy"


def test_callers_may_catch_what_python_itself_would_raise() -> None:
    assert issubclass(errors.ConfigurationError, ValueError)
    assert issubclass(errors.DataError, ValueError)
    assert issubclass(errors.ActionError, ValueError)
    assert issubclass(errors.UnknownIdError, LookupError)
    assert issubclass(errors.MissingExtraError, ImportError)


def test_the_nearest_name_is_suggested() -> None:
    error = errors.UnknownIdError.of("agent", "mcp", ["mpc", "idle"])
    assert "did you mean 'mpc'?" in error.remedy
    assert "idle, mpc" in error.remedy
    assert "did you mean" not in errors.UnknownIdError.of("agent", "zzzzz", ["mpc"]).remedy


def test_a_missing_extra_names_the_command() -> None:
    assert 'pip install "energy-gym[plot]"' in str(errors.MissingExtraError.of("matplotlib", "plot"))
