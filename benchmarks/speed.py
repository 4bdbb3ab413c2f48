"""How fast energy_gym is, as ratios against a reference that is measured in the same run.

Run ``python benchmarks/speed.py`` (``--help`` lists its options). Measured and reference take turns, so that a machine
that slows down slows both; what is reported is the median.

One rule: a figure is printed as it was measured, with its target beside it, met or missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from batches import batches
from compiled import compiled
from footprint import importing, memory
from markets import markets
from measuring import (
    EPISODE,
    QUICK,
    Row,
    Sizes,
    against,
    batch_rate,
    decisions,
    document,
    kept,
    markdown,
    notes,
    of_this_gymnasium,
    seconds,
    shown,
    steps_per_second,
    take_turns,
    told,
)
from planners import planners
from rich.console import Console
from sites import sites
from training import training

import energy_gym
from energy_gym.envs.compat import MODERN

ID = "energy_gym/Arbitrage-v1"
MIRROR = Path(__file__).resolve().parents[2] / "shared" / "data"


def balancing_actions() -> list[int]:
    """Return actions that balance the pole of seed 0 for a whole episode."""
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=0)
    actions: list[int] = []
    over = False
    while not over:
        actions.append(int(observation[2] + 0.5 * observation[3] > 0.0))
        observation, _, terminated, truncated, _ = env.step(actions[-1])
        over = terminated or truncated
    return actions


def single(sizes: Sizes) -> Iterator[Row]:
    """A single environment against CartPole, both through ``gym.make``, actions drawn beforehand."""
    pole, pushes = gym.make("CartPole-v1"), balancing_actions()
    rng = np.random.default_rng(0)
    drawn: dict[str, list[Any]] = {
        "continuous": list(rng.uniform(-1.0, 1.0, (EPISODE, 1)).astype(np.float32)),
        "discrete-3": [int(level) for level in rng.integers(0, 3, EPISODE)],
    }
    for kind, actions in drawn.items():
        env = gym.make(ID, actions=kind, episode_steps=EPISODE)
        own, other = take_turns(
            sizes.turns,
            lambda env=env, actions=actions: steps_per_second(env, actions, sizes.steps),  # type: ignore[misc]
            lambda: steps_per_second(pole, pushes, sizes.steps),
        )
        note = f"a reset every {EPISODE} steps here, every {len(pushes)} there"
        yield against(f"single, {kind}", own / 1e3, "k steps/s", other / 1e3, "CartPole-v1", 1.5, note)


def pole_batch(count: int) -> Any:
    """Return CartPole's own vectorised batch, begun."""
    mode: Any = "vector_entry_point" if MODERN else "custom"
    poles = gym.make_vec("CartPole-v1", num_envs=count, vectorization_mode=mode)
    poles.reset(seed=0)
    return poles


def pole_rate(sizes: Sizes) -> Callable[[], float]:
    """Return what measures CartPole's own vectorised batch, in million steps a second."""
    poles = pole_batch(sizes.batch)
    pushes = list(np.random.default_rng(0).integers(0, 2, (16, sizes.batch)))
    return lambda: batch_rate(poles, pushes, sizes.batch_steps) / 1e6


def in_jax(sizes: Sizes) -> Iterator[Row]:
    """Many environments in one program of JAX against CartPole's own vectorised batch."""
    yield from compiled(sizes, pole_rate(sizes))


def in_machine_code(sizes: Sizes) -> Iterator[Row]:
    """The compiled batch against the one on arrays, and against CartPole's own vectorised batch."""
    yield from batches(sizes, pole_rate(sizes))


def batch(sizes: Sizes) -> Iterator[Row]:
    """A batch against CartPole's own vectorised batch of the same size, autoreset included."""
    poles = pole_batch(sizes.batch)
    rng = np.random.default_rng(0)
    pushes = list(rng.integers(0, 2, (16, sizes.batch)))
    drawn: dict[str, list[Any]] = {
        "continuous": list(rng.uniform(-1.0, 1.0, (16, sizes.batch, 1)).astype(np.float32)),
        "discrete-3": list(rng.integers(0, 3, (16, sizes.batch))),
    }
    for kind, actions in drawn.items():
        envs = energy_gym.make_vec(ID, num_envs=sizes.batch, horizon=24, actions=kind)
        envs.reset(seed=0)
        own, other, floor = take_turns(
            sizes.turns,
            lambda envs=envs, actions=actions: batch_rate(envs, actions, sizes.batch_steps),  # type: ignore[misc]
            lambda: batch_rate(poles, pushes, sizes.batch_steps),
            lambda envs=envs: gather_rate(envs, sizes.batch_steps),  # type: ignore[misc]
        )
        name = f"batch of {sizes.batch}, {kind}"
        size = envs.single_observation_space.shape[0] * 4
        note = f"{size} bytes of observation a step; gathering them alone {floor / 1e6:.1f} M steps/s"
        yield against(name, own / 1e6, "M steps/s", other / 1e6, "CartPole-v1 batch", 1.0, note)


def gather_rate(envs: Any, steps: int) -> float:
    """Return the rate at which the look-ahead rows alone can be gathered: what no batch can exceed."""
    rows = envs.setup.tape.rows
    places = np.random.default_rng(0).integers(0, len(rows) - steps, envs.num_envs)

    def gather() -> None:
        for step in range(steps):
            rows.take(places + step, axis=0)

    return float(envs.num_envs * steps / seconds(gather))


def year(dataset: str, sizes: Sizes, actions: str = "continuous") -> Any:
    """Return an environment over the test split of a data set, at its first step."""
    env: Any = gym.make(ID, dataset=dataset, split="test", episode_steps=None, actions=actions)
    options = {"start": env.unwrapped.setup.time(0), "steps": sizes.window}
    env.reset(options={name: value for name, value in options.items() if value is not None})
    return env


def oracle(sizes: Sizes) -> Iterator[Row]:
    """``solve`` of a test year against the same problem with all binaries through Pyomo and HiGHS, build included."""
    for dataset, limit, factor in (
        (("de-lu", 1.5, 5.0), ("ercot", 0.5, None))
        if real_data()
        else (("synthetic", None, None), ("ercot-2021-2022", None, None))
    ):
        yield from solved_year(year(dataset, sizes), dataset, sizes, limit, factor)


def solved_year(env: Any, dataset: str, sizes: Sizes, limit: float | None, factor: float | None) -> Iterator[Row]:
    values: dict[str, float] = {}

    def fast() -> None:
        values["fast"] = energy_gym.solve(env).value

    def stated() -> None:
        values["stated"] = all_binaries(env)

    own, other = take_turns(sizes.repeats, lambda: seconds(fast), lambda: seconds(stated))
    gap = abs(values["fast"] - values["stated"]) / max(1.0, abs(values["stated"]))
    first, stop = env.unwrapped.steps_left
    yield Row(
        f"solve {dataset}, {stop - first} steps",
        own,
        "s",
        other,
        "Pyomo, all binaries",
        other / own,
        " and ".join(
            text for text in (f"<= {limit} s" if limit else "", f">= {factor}x" if factor else "", "same value") if text
        ),
        (limit is None or own <= limit) and (factor is None or other / own >= factor) and gap <= 1e-6,
        f"value {values['fast']:.6f}, relative difference {gap:.1e}",
    )


def all_binaries(env: Any) -> float:
    """Build the problem of an episode in Pyomo with a binary in every step, solve it and return its value."""
    from energy_gym.oracle.problem import problem_now
    from energy_gym.oracle.pyomo_model import build_model, solve_model

    return solve_model(build_model(problem_now(env.unwrapped)))


def discrete(sizes: Sizes) -> Iterator[Row]:
    """``solve`` of a test year over discrete levels: seconds, and exact or bracketed."""
    dataset = "de-lu" if real_data() else "ercot-2021-2022"
    for levels in (3, 5):
        env = year(dataset, sizes, f"discrete-{levels}")
        solution = energy_gym.solve(env, time_limit=sizes.time_limit)
        gap = (solution.bound - solution.value) / max(1.0, abs(solution.value))
        target = "<= 90 s and <= 0.1 %" if levels == 3 else ""
        met = solution.seconds <= 90.0 and gap <= 1e-3 if levels == 3 else None
        note = f"{'exact' if solution.exact else f'bracketed to {gap:.2e}'}, {len(solution.actions)} steps"
        yield Row(f"solve {dataset}, {levels} levels", solution.seconds, "s", target=target, met=met, note=note)


def mpc(sizes: Sizes) -> Iterator[Row]:
    """The rolling horizon: milliseconds a decision with a look-ahead of 24 h."""
    from energy_gym.agents import make_agent

    dataset = "de-lu" if real_data() else "ercot-2021-2022"
    for kind in ("continuous", "discrete-3", "discrete-5"):
        env = year(dataset, replace(sizes, window=sizes.decisions), kind)
        agent = make_agent("mpc", env)
        taken = take_turns(sizes.repeats, lambda env=env, agent=agent: deciding(agent, env))[0]  # type: ignore[misc]
        yield Row(f"mpc, {kind}", taken * 1e3, "ms/decision", target="<= 3 ms", met=taken <= 3e-3)


def deciding(agent: Any, env: Any) -> float:
    """Return the mean seconds of a decision over an episode."""
    base = env.unwrapped
    first, stop = base.window
    window = {"start": base.setup.time(first), "steps": stop - first}
    return statistics.fmean(decisions(agent, env, stop - first, options=window))


MEASURES: dict[str, Callable[[Sizes], Iterator[Row]]] = {
    "single": single,
    "batch": batch,
    "compiled": in_machine_code,
    "sites": sites,
    "markets": markets,
    "jax": in_jax,
    "oracle": oracle,
    "discrete": discrete,
    "mpc": mpc,
    "planners": planners,
    "import": importing,
    "memory": memory,
    "training": training,
}


def real_data() -> bool:
    """Whether the fetched sets are at hand: a mirror is named, or lies beside the checkout."""
    if "ENERGY_GYM_DATA" not in os.environ and MIRROR.is_dir():
        os.environ["ENERGY_GYM_DATA"] = str(MIRROR)
    return "ENERGY_GYM_DATA" in os.environ


def main() -> int:
    """Measure, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description="Speed and memory of energy_gym, against a reference in the same run.")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), metavar="NAME")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="also write a page of the figures to this file")
    parser.add_argument(
        "--add", action="store_true", help="keep the other figures that stand on the page of --markdown"
    )
    parser.add_argument("--repeats", type=int, help="the median of so many (default 5, of rates 21)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, not how fast")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    asked = parser.parse_args()
    if asked.add and asked.markdown is None:
        parser.error("--add is of the figures on a page: name it with --markdown")
    sizes = QUICK if asked.quick else Sizes()
    if asked.repeats is not None:
        sizes = replace(sizes, repeats=max(asked.repeats, 1), turns=max(asked.repeats, 1))
    console = Console()
    if not real_data():
        console.print("No fetched data (ENERGY_GYM_DATA is not set): embedded and synthetic sets stand in for years.")
    rows = [of_this_gymnasium(row) for name in asked.only for row in MEASURES[name](sizes)]
    console.print(shown(rows))
    for line in notes(rows):
        console.print(line, style="dim", highlight=False)
    if asked.add and asked.markdown.is_file():
        rows = kept(rows, told(asked.markdown.read_text(encoding="utf-8")))
    figures = document(rows, sizes, "fetched" if real_data() else "embedded and synthetic")
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if asked.markdown is not None:
        command = "python benchmarks/speed.py" + (
            " --add --markdown benchmarks/SPEED.md --only PART" if asked.add else ""
        )
        asked.markdown.write_text(markdown(rows, figures, command), encoding="utf-8")
    return int(asked.strict and any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
