"""What training never asks for is not imported with the library that trains."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from energy_gym.agents.on_device.deferred import deferred

NAMES = ("pictured", "pictured.inner", "pictured.other")


@pytest.fixture
def _pictured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of three modules, and one that imports them in the usual ways and draws when asked to."""
    package = tmp_path / "pictured"
    package.mkdir()
    (package / "__init__.py").write_text("where = 'outside'\n")
    (package / "inner.py").write_text("shade = 7\n")
    (package / "other.py").write_text("shade = 8\n")
    user = """
        import pictured
        import pictured.inner as pi
        from pictured import other

        def drawn():
            return pi.shade, other.shade, pictured.where
    """
    (tmp_path / "drawing.py").write_text(textwrap.dedent(user))
    monkeypatch.syspath_prepend(tmp_path)
    for name in (*NAMES, "drawing"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("_pictured")
def test_a_module_is_imported_when_something_is_asked_of_it() -> None:
    with deferred(*NAMES):
        import drawing
    assert not set(NAMES) & set(sys.modules)
    assert drawing.drawn() == (7, 8, "outside")
    assert set(NAMES) <= set(sys.modules)


@pytest.mark.usefixtures("_pictured")
def test_what_is_asked_for_at_once_is_there_at_once_and_what_was_there_stays() -> None:
    import pictured

    with deferred(*NAMES):
        from drawing import drawn
        from pictured.inner import shade

        assert (shade, drawn()) == (7, (7, 8, "outside"))
    assert sys.modules["pictured"] is pictured


@pytest.mark.usefixtures("_pictured")
def test_what_is_there_no_more_is_told_as_ever() -> None:
    with deferred(*NAMES):
        import drawing
    with pytest.raises(AttributeError, match="nothing"):
        _ = drawing.pi.nothing


def test_the_library_that_trains_brings_no_pictures_and_no_torch() -> None:
    pytest.importorskip("rejax", reason="the extra jax is not installed", exc_type=ImportError)
    script = """
        import sys
        from energy_gym.agents.on_device.libraries import library
        library()
        print(*sorted({"matplotlib", "scipy.stats", "seaborn", "torch"} & set(sys.modules)))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == ""
