"""One tree of errors: every one says what was found, which rule it breaks and what to do."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import pickle

import pytest

from energy_gym import EnergyGymError, errors

# Notices are no errors: nothing has to be done.
CLASSES = [
    item
    for _, item in inspect.getmembers(errors, inspect.isclass)
    if issubclass(item, Exception) and not issubclass(item, Warning)
]


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
    assert errors.install_command("plot") in str(errors.MissingExtraError.of("matplotlib", "plot"))


@pytest.mark.parametrize(
    ("told", "command"),
    [
        (None, 'pip install "energy-gym[sb3]"'),
        ({"url": "file:///home/me/energy_gym", "dir_info": {}}, 'pip install "/home/me/energy_gym[sb3]"'),
        (
            {"url": "file:///home/me/energy_gym", "dir_info": {"editable": True}},
            'pip install -e "/home/me/energy_gym[sb3]"',
        ),
        (
            {"url": "https://example.org/energy_gym", "vcs_info": {"vcs": "git"}},
            'pip install "energy-gym[sb3] @ git+https://example.org/energy_gym"',
        ),
    ],
)
def test_a_hint_is_true_for_how_the_package_was_installed(
    told: dict[str, object] | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return None if told is None else json.dumps(told)

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed())
    assert errors.install_command("sb3") == command


def test_a_hint_names_the_folder_where_nothing_was_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.distribution", absent)
    assert errors.install_command("sb3").startswith('pip install ".[sb3]"')
