"""A page for each environment: its docstring, its spaces, its figures, and the picture of a scored episode.

One rule: what is said of an environment stands in its docstring; what is measured here is measured when the site is
built.
"""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from making.staging import ROOT

GUIDE = re.compile(r"docs/(\w+)\.md")


@dataclass(frozen=True)
class Shown:
    """Who plays the episode of a page, how long, and from which seed.

    Args:
        agent: Name of an agent that needs no training of minutes.
        steps: Steps of the episode.
        keywords: Keywords of ``gym.make`` beside the defaults.
    """

    agent: str
    steps: int
    keywords: tuple[tuple[str, Any], ...] = ()


SHOWN = {
    "energy_gym/Arbitrage-v1": Shown("mpc", 72, (("forecast", "yesterday"),)),
    "energy_gym/Bidding-v1": Shown("bid-greedy", 72),
    "energy_gym/Commercial-v1": Shown("peak-shaving", 288),
    "energy_gym/FleetReserve-v1": Shown("greedy", 72),
    "energy_gym/HomeSolar-v1": Shown("self-consumption", 72),
    "energy_gym/Microgrid-v1": Shown("self-consumption", 72),
    "energy_gym/Scenario-v1": Shown("self-consumption", 72),
}
HEAD = """\
# Environments

Seven ids, all with the same conventions: kW, kWh, prices per MWh, consumption positive, rewards never rescaled. `info`
has the same figures after `reset`, where nothing has happened yet, and after `step`; `env.unwrapped.info_units` states
the unit of each. `cost` is energy that was refused [kWh], under the name that libraries of safe learning read: it is
no money. The reward's money is `energy_cost`, `wear`, `penalty` and `demand_charge`.

| id | what it is | data by default |
| --- | --- | --- |
{rows}

```{{toctree}}
:hidden:

{names}
```
"""
PAGE = """\
# {title}

`gym.make("{name}")`

{first}

![An episode of {title} played by {agent}]({picture})

{told}

{text}

## Spaces

| | |
| --- | --- |
| observation | `{observation}` |
| action | `{action}` |

{figures}
{code}"""


def pages(into: Path) -> dict[str, str]:
    """Return the path and the text of each page; pictures are written beside them."""
    made = runpy.run_path(str(ROOT / "docs" / "build_environments.py"))
    found = {f"environments/{_short(name)}.md": _page(name, made, into / "environments") for name in SHOWN}
    rows = "\n".join(_linked(made["row"](name), name) for name in SHOWN)
    names = "\n".join(f"environments/{_short(name)}" for name in SHOWN)
    return {"environments.md": HEAD.format(rows=rows, names=names), **found}


def _short(name: str) -> str:
    return name.partition("/")[2].partition("-v")[0].lower()


def _linked(row: str, name: str) -> str:
    title = name.partition("/")[2]
    return row.replace(f"`{title}`", f"[`{title}`](environments/{_short(name)}.md)").replace("``", "`")


def _page(name: str, made: dict[str, Any], folder: Path) -> str:
    text, _, example = made["documentation"](name).partition("\nExample:\n")
    first, _, rest = GUIDE.sub(r"[\1](../\1.md)", text.strip()).partition("\n\n")
    env, told = episode(name, folder / f"{_short(name)}.png")
    code = made["inspect"].cleandoc(example)
    return PAGE.format(
        title=name.partition("/")[2],
        name=name,
        first=first,
        agent=SHOWN[name].agent,
        picture=f"{_short(name)}.png",
        told=told,
        text=rest,
        observation=env.observation_space,
        action=env.action_space,
        figures=made["figures"](name),
        code=f"\n## Example\n\n```pycon\n{code}\n```\n" if example else "",
    )


def episode(name: str, picture: Path) -> tuple[Any, str]:
    """Play and score an episode, draw it, and say in a sentence what was earned.

    Returns:
        The environment, and the sentence.
    """
    import gymnasium as gym
    from PIL import Image

    import energy_gym
    from energy_gym.agents import make_agent

    shown = SHOWN[name]
    env = gym.make(name, split="test", episode_steps=shown.steps, render_mode="rgb_array", **dict(shown.keywords))
    agent = make_agent(shown.agent, env)
    result = energy_gym.evaluate(agent.fit() if hasattr(agent, "fit") else agent, env, seed=1)
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(env.render()).save(picture)
    return env, sentence(shown, result, env.unwrapped.setup)


def sentence(shown: Shown, result: Any, setup: Any) -> str:
    """Say what an episode came to."""
    unit, days = setup.reward_unit, shown.steps * setup.feed.step_hours / 24.0
    return (
        f"*{days:g} days of the test split, played by `{shown.agent}` when this page was made: a return of "
        f"{result.return_:,.2f} {unit}. Doing nothing returns {result.idle:,.2f}, the proven optimum "
        f"{result.oracle_bound:,.2f}: a regret of {result.regret:,.2f} {unit} and a score of {result.score:.3f}.*"
    )
