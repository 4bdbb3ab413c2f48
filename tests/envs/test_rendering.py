"""Pictures: every episode draws, the picture shows what happened, and a machine without a screen is no obstacle."""

from __future__ import annotations

import builtins
import logging
import math
import re
import sys
import types
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib import pyplot
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

import energy_gym  # noqa: F401  # registers the ids
from energy_gym.envs import rendering
from energy_gym.envs.history import Flows, History, Image
from energy_gym.envs.rendering import ScreenWindow, draw
from energy_gym.errors import MissingExtraError, install_command

START = datetime(2024, 6, 1, tzinfo=UTC)
BLUE, ORANGE, GREEN, RED = (0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0)


def episode(
    steps: int, *, carbon: float = 300.0, price: float = 50.0, power: float = 2.0, hours: float = 1.0
) -> History:
    history = History(step_hours=hours, soc_initial=0.5)
    for t in range(steps):
        time = START + timedelta(hours=hours * t)
        history.append(time, price + 10.0 * math.sin(t), carbon, 0.5 + 0.3 * math.sin(t), power, -price * power / 1e3)
    return history


def picture(history: History, **changes: object) -> Image:
    keywords: dict[str, object] = {
        "title": "Synthetic market",
        "currency": "EUR",
        "limits": (0.1, 1.0),
        "power_kw": 3.3,
    }
    return draw(history, **(keywords | changes))  # type: ignore[arg-type]


def pixels(image: Image, colour: tuple[int, int, int]) -> int:
    return int((np.abs(image.astype(int) - colour).max(axis=-1) <= 3).sum())


@pytest.mark.parametrize("steps", [0, 1, 2, 24, 168, 2000])
@pytest.mark.parametrize("carbon", [300.0, math.nan])
def test_every_length_draws_one_shape(steps: int, carbon: float) -> None:
    image = picture(episode(steps, carbon=carbon))
    assert image.shape == (720, 960, 3) and image.dtype == np.uint8
    assert image.min() < 80 and image.max() == 255


def test_the_same_history_gives_the_same_picture_whatever_came_before() -> None:
    first = picture(episode(48))
    picture(episode(3, carbon=math.nan, price=-80.0), title="Another", limits=(0.2, 0.9), power_kw=50.0)
    picture(episode(0))
    np.testing.assert_array_equal(picture(episode(48)), first)


def test_a_returned_picture_is_not_overwritten_by_the_next() -> None:
    first = picture(episode(5))
    kept = first.copy()
    picture(episode(50, price=-10.0))
    np.testing.assert_array_equal(first, kept)


def test_carbon_is_shown_only_where_there_is_any() -> None:
    assert pixels(picture(episode(24)), GREEN) > 200
    assert pixels(picture(episode(24, carbon=math.nan)), GREEN) == 0
    partly = episode(24)
    partly.carbon[5] = math.nan
    assert pixels(picture(partly), GREEN) > 200


def test_charging_and_discharging_have_their_own_colours() -> None:
    charging, discharging = picture(episode(24, power=3.0)), picture(episode(24, power=-3.0))
    assert pixels(charging, BLUE) > 5000 > 100 > pixels(charging, ORANGE)
    assert pixels(discharging, ORANGE) > 5000
    idle = picture(episode(24, power=0.0))
    assert pixels(idle, ORANGE) == 0


def test_bars_grow_with_power_and_with_time() -> None:
    half, full = (pixels(picture(episode(24, power=power)), ORANGE) for power in (-1.6, -3.2))
    assert full == pytest.approx(2 * half, rel=0.1)


def test_negative_prices_are_shaded() -> None:
    tint = tuple(round(255 - 0.4 * (255 - value)) for value in RED)
    assert pixels(picture(episode(24, price=40.0)), tint) == 0  # type: ignore[arg-type]
    assert pixels(picture(episode(24, price=-40.0)), tint) > 5000  # type: ignore[arg-type]


def test_limits_currency_unit_and_title_change_the_picture() -> None:
    base = picture(episode(24))
    for change in ({"limits": (0.2, 0.9)}, {"currency": "$"}, {"reward_unit": "kg CO2"}, {"title": "$x^2 {"}):
        assert (picture(episode(24), **change) != base).any()


def test_a_long_title_stays_in_the_picture_and_stays_synthetic() -> None:
    image = picture(episode(24), title="word " * 60 + "synthetic")
    assert (image[:46, 935:] == 255).all()
    marked = picture(episode(24), title="Synthetic: " + "word " * 60)
    np.testing.assert_array_equal(image[:, :140], marked[:, :140])


def test_steps_of_five_minutes_and_stamps_without_a_zone_draw() -> None:
    assert pixels(picture(episode(100, hours=1 / 12)), BLUE) > 1000
    naive = History()
    naive.append(START.replace(tzinfo=None), 10.0, math.nan, 0.6, 1.0, -0.01)
    aware = History()
    aware.append(START, 10.0, math.nan, 0.6, 1.0, -0.01)
    np.testing.assert_array_equal(picture(naive), picture(aware))


def test_history_adds_up() -> None:
    history = episode(10)
    assert len(history) == 10 and history.total == pytest.approx(-1.0, rel=1e-12)


def test_drawing_leaves_pyplot_alone() -> None:
    before = pyplot.get_fignums()
    picture(episode(3))
    assert pyplot.get_fignums() == before


class Screen(FigureManagerBase):
    """A window manager of its own kind, as every backend with a screen has."""

    def show(self) -> None:
        """Open nothing."""


class ScreenCanvas(FigureCanvasAgg):
    manager_class = Screen  # type: ignore[assignment]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = types.ModuleType("screen_for_tests")
    module.FigureCanvas = ScreenCanvas  # type: ignore[attr-defined]
    module.FigureManager = Screen  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "screen_for_tests", module)
    before = matplotlib.get_backend()
    pyplot.switch_backend("module://screen_for_tests")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


def test_a_window_opens_once_shows_each_picture_and_closes(screen: None) -> None:
    window = ScreenWindow("Synthetic")
    first, second = picture(episode(3)), picture(episode(24))
    window.show(first)
    window.show(second)
    (number,) = pyplot.get_fignums()
    shown = pyplot.figure(number).axes[0].images[0].get_array()
    np.testing.assert_array_equal(np.asarray(shown), second)
    window.close()
    window.close()
    assert pyplot.get_fignums() == []


def test_a_window_the_user_closed_stays_closed(screen: None) -> None:
    window = ScreenWindow()
    window.show(picture(episode(3)))
    canvas = pyplot.gcf().canvas
    pyplot.close("all")
    canvas.callbacks.process("close_event", None)
    window.show(picture(episode(4)))
    assert pyplot.get_fignums() == []


def test_without_a_screen_nothing_is_shown_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    rendering._say_there_is_no_screen.cache_clear()
    before = matplotlib.get_backend()
    pyplot.switch_backend("agg")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            window = ScreenWindow()
            window.show(picture(episode(3)))
            window.show(picture(episode(4)))
            window.close()
    pyplot.switch_backend(before)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "rgb_array" in caplog.text and pyplot.get_fignums() == []


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return whole(name, *rest)  # type: ignore[arg-type]

    image = picture(episode(1))
    monkeypatch.setattr(rendering, "_sheets", types.SimpleNamespace())
    monkeypatch.setattr(builtins, "__import__", without)
    for call in (lambda: picture(episode(1)), lambda: ScreenWindow().show(image)):
        with pytest.raises(MissingExtraError, match=re.escape(install_command("plot"))):
            call()


def site_episode(steps: int, peak: float = math.nan) -> History:
    history = episode(steps)
    history.flows = [Flows(5.0 + math.sin(t), max(4.0 * math.sin(t / 4.0), 0.0), 3.0, peak) for t in range(steps)]
    return history


def test_a_site_shows_its_load_its_sun_and_its_meter() -> None:
    market, alone, charged = (picture(history) for history in (episode(48), site_episode(48), site_episode(48, 6.5)))
    tint = tuple(round(255 - 0.35 * (255 - value)) for value in ORANGE)
    assert pixels(market, tint) == 0 < 500 < pixels(alone, tint)  # type: ignore[arg-type]
    assert pixels(alone, RED) == 0 < 10 < pixels(charged, RED)
    np.testing.assert_array_equal(picture(episode(48)), market)


def test_a_site_without_open_windows_or_steps_draws() -> None:
    partly = site_episode(24, 4.0)
    partly.flows[5] = partly.flows[5]._replace(peak_kw=math.nan)
    for history in (partly, site_episode(1, 2.0), site_episode(0)):
        assert picture(history).shape == (720, 960, 3)


@pytest.mark.parametrize("several", [False, True])
def test_every_market_and_every_store_has_a_line_of_its_own_colour(several: bool) -> None:
    history = episode(24)
    names = ("one", "two", "three") if several else ("one",)
    history.markets = {name: [100.0 * (place + 1.0)] * 24 for place, name in enumerate(names)}
    history.stores = {name: [0.2 + 0.2 * place] * 25 for place, name in enumerate(names)} if several else {}
    plain, drawn = picture(episode(24, carbon=math.nan)), picture(history)
    for colour in (BLUE, RED, GREEN)[: len(names)]:
        assert pixels(drawn, colour) > pixels(plain, colour) * (colour != BLUE) + 300
    np.testing.assert_array_equal(picture(episode(24, carbon=math.nan)), plain)


def test_names_that_do_not_fit_are_counted() -> None:
    history = episode(24)
    history.markets = {f"a market with a long name {place}": [float(place)] * 24 for place in range(12)}
    image = picture(history)
    assert (image[:, 935:] == 255).all(axis=0).any()
    shown = [text.get_text() for text in rendering._sheets.sheet.markets.curves.names._texts]
    kept = [word for word in shown if word.startswith("a market")]
    assert 0 < len(kept) < 12
    assert shown[-1] == f"and {12 - len(kept)} more"


@pytest.mark.parametrize(
    "keywords", [{}, {"bids": "price-volume"}, {"actions": "discrete-3"}], ids=["volumes", "limits", "levels"]
)
def test_the_bids_of_a_producer_are_drawn_as_they_were_taken(keywords: dict[str, object]) -> None:
    env = gym.make("energy_gym/Bidding-v1", episode_steps=72, render_mode="rgb_array", **keywords).unwrapped
    env.reset(seed=2)
    env.action_space.seed(1)
    committed = [env.step(env.action_space.sample())[4]["committed_kw"] for _ in range(72)]
    history = env._painter._history  # type: ignore[attr-defined]  # what a picture is drawn from
    assert set(history.markets) == set(env.offered())  # type: ignore[attr-defined]
    assert np.any(committed)
    np.testing.assert_allclose(np.sum(list(history.markets.values()), axis=0), committed, atol=1e-6)
    assert env.render().shape == (720, 960, 3)


def test_the_assets_and_the_markets_of_a_fleet_are_drawn() -> None:
    env = gym.make("energy_gym/FleetReserve-v1", episode_steps=24, render_mode="rgb_array").unwrapped
    env.reset(seed=2)
    env.action_space.seed(1)
    told = [env.step(env.action_space.sample())[4] for _ in range(24)]
    history, unit = env._painter._history, env.setup.unit  # type: ignore[attr-defined]
    assert set(history.stores) == set(unit.batteries)
    for name, battery in unit.batteries.items():
        shares = [info[f"energy_kwh.{name}"] / battery.capacity_kwh for info in told]
        np.testing.assert_allclose(history.stores[name][1:], shares)
    assert set(history.markets) == {leg.name for leg in unit.legs}
    for leg in unit.legs:
        held = [sum(info[f"held_kw.{leg.name}.{name}"] for name in unit.batteries) for info in told]
        np.testing.assert_allclose(history.markets[leg.name], leg.product.sign * np.array(held))
    assert env.render().shape == (720, 960, 3)


@pytest.mark.parametrize("name", ["Microgrid", "HomeSolar", "Commercial", "Bidding"])
def test_what_is_drawn_of_a_site_adds_up(name: str) -> None:
    env = gym.make(f"energy_gym/{name}-v1", episode_steps=60, horizon=2, render_mode="rgb_array").unwrapped
    env.reset(seed=2)
    random, cut = np.random.default_rng(0), []
    for _ in range(60):
        info = env.step(random.uniform(-1.0, 1.0, env.action_space.shape))[4]
        cut.append(info.get("curtailed_kw", 0.0))
    history = env._painter._history  # type: ignore[attr-defined]  # what a picture is drawn from
    load, made, grid, peak = np.array(history.flows).T
    energy = np.diff([history.soc_initial, *history.soc])
    assert history.soc_initial == next(iter(env.setup.stores.values())).soc_initial  # type: ignore[attr-defined]
    np.testing.assert_allclose(load - made + history.power_kw + cut, grid, atol=1e-9)
    assert (np.sign(np.round(history.power_kw, 9)) == np.sign(np.round(energy, 9))).all()
    assert np.isfinite(peak).all() == (name == "Commercial")
    assert env.render().shape == (720, 960, 3)


def test_long_numbers_stay_in_the_margin() -> None:
    history = episode(24)
    history.reward = [-4e5] * 24
    image = picture(history)
    assert (image[200:700, :4] == 255).all()
