"""Model and data cards in the format of the Hugging Face Hub, written beside a saved agent; nothing is sent anywhere.

One rule: a card says what stands in the saved agent, on the data's own card and in the results given, and nothing else.
The format is Markdown with a head of YAML whose keys the Hub knows (its documentation, "Model cards", "Dataset cards").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from energy_gym.agents.base import FILE, read_saved
from energy_gym.data import Card, card, card_ids
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.episode import Evaluation
from energy_gym.files import write_atomically
from energy_gym.version import __version__

MODEL, DATA = "README.md", "data-card.md"
MADE = "<!-- made by energy-gym card -->"
# Licences as the Hub spells them; others are "other", with their own name beside it.
_LICENCES = {"CC BY 4.0": "cc-by-4.0", "CC0 1.0": "cc0-1.0", "MIT": "mit"}
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))
_USE = """\
```python
import gymnasium as gym, energy_gym
from energy_gym.agents import load_agent

env = gym.make("energy_gym/Scenario-v1", scenario="scenario.yaml", dataset={dataset!r}, actions={actions!r})
agent = load_agent(".", env)
```"""


def write_cards(
    folder: str | Path, *, licence: str | None = None, result: Evaluation | None = None
) -> tuple[Path, ...]:
    """Write ``README.md``, and ``data-card.md`` where its data set is one of the suite's or of one's own cards.

    Args:
        folder: Where an agent was saved.
        licence: Licence of the agent, as the Hub spells it, such as ``"mit"``; None leaves it out.
        result: What the agent earned, for the card's figures; None: no figures.

    Returns:
        The files written.

    Raises:
        ConfigurationError: The folder holds no agent, or a file of that name that this did not write.

    Example:
        >>> import gymnasium as gym, tempfile
        >>> from energy_gym.agents import make_agent
        >>> folder = tempfile.mkdtemp()
        >>> make_agent("threshold", gym.make("energy_gym/Arbitrage-v1")).fit().save(folder)
        >>> [path.name for path in write_cards(folder, licence="mit")]
        ['README.md', 'data-card.md']
    """
    home = Path(folder)
    saved = read_saved(home / FILE)
    data = data_of(str(saved["data"]))
    texts = {MODEL: model_card(saved, data, licence, result)} | ({} if data is None else {DATA: data_card(data)})
    for name in texts:
        _check_ours(home / name)
    for name, text in texts.items():
        write_atomically(home / name, partial(_put, text=text))
    return tuple(home / name for name in texts)


def data_of(title: str) -> Card | None:
    """Return the card of a data set by its title, as a saved agent states it; None where no card has it.

    Example:
        >>> data_of("ERCOT (Texas) day-ahead hub average price, 2021-2022, embedded").id
        'ercot-2021-2022'
    """
    return next((its for its in map(card, card_ids()) if its.title == title), None)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _check_ours(path: Path) -> None:
    if path.exists() and MADE not in path.read_text(encoding="utf-8", errors="replace"):
        raise ConfigurationError(str(path), "was not written by this command", "move it, or save the agent elsewhere")


def model_card(
    saved: Mapping[str, Any], data: Card | None, licence: str | None = None, result: Evaluation | None = None
) -> str:
    """Return the text of a model card, from a saved agent as `read_saved` gives it."""
    name = f"{saved['agent']} on {saved['scenario'].get('name', 'a scenario')}"
    head: dict[str, Any] = {
        **({} if licence is None else {"license": licence}),
        "library_name": "energy-gym",
        "pipeline_tag": "reinforcement-learning",
        "tags": ["reinforcement-learning", "energy", "gymnasium", str(saved["agent"])],
        **({} if result is None else {"model-index": [_index(name, saved, data, result)]}),
    }
    dataset, actions = "ID" if data is None else data.id, str(saved.get("actions") or "continuous")
    parts = [
        f"# {name}",
        f"An agent `{saved['agent']}` of energy-gym {saved['version']}, made for: {saved['data']}. This card was "
        f"written by energy-gym {__version__} from what is saved beside it.",
        f"## What it decides on\n\nControl `{saved.get('control', 'power')}`, actions `{actions}`.",
        f"## What it sees\n\n{_slots(saved['layout'])}",
        f"## The scenario it was made for\n\n```yaml\n{_yaml(saved['scenario'])}```",
        f"## How to use it\n\nWith the scenario above as `scenario.yaml`:\n\n"
        f"{_USE.format(dataset=dataset, actions=actions)}",
        *([] if result is None else [f"## What it earned\n\n{_figures(result)}"]),
        "## What it is not for\n\nAnother site, battery or market than these without being scored there first; and no "
        "site at all without limits that hold whatever it asks for.",
    ]
    return _page(head, parts)


def data_card(its: Card) -> str:
    """Return the text of a data card, from a card of the suite."""
    head = {
        "license": _LICENCES.get(its.licence, "other"),
        **({} if its.licence in _LICENCES else {"license_name": its.licence}),
        "pretty_name": its.title,
        "size_categories": [next((name for most, name in _SIZES if its.steps < most), "n>10M")],
        "task_categories": ["reinforcement-learning", "time-series-forecasting"],
        "tags": ["energy", its.kind],
    }
    columns = ["| column | unit | known | what it is |", "| --- | --- | --- | --- |"]
    columns += [f"| `{one.name}` | {one.unit} | {one.published} | {one.title} |" for one in its.columns.values()]
    splits = [f"- {name}: {first.isoformat()} up to {stop.isoformat()}" for name, (first, stop) in its.splits.items()]
    parts = [
        f"# {its.title}",
        its.description,
        f"Step {its.resolution_minutes} min, money in {its.currency}, local days of {its.zone}; id `{its.id}`.",
        "## Columns\n\n" + "\n".join(columns),
        "## Splits\n\n" + "\n".join(splits),
        f"## When values become known\n\n{its.publication}",
        "## Known defects\n\n" + ("\n".join(f"- {text}" for text in its.defects) or "None."),
        f"## Source\n\n{its.source}\n\n{its.attribution}\n\nLicence: {its.licence}",
    ]
    return _page(head, parts)


def _page(head: Mapping[str, Any], parts: list[str]) -> str:
    return f"---\n{_yaml(head)}---\n\n{MADE}\n\n" + "\n\n".join(part.strip() for part in parts) + "\n"


def _yaml(tree: Any) -> str:
    return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


def _slots(layout: list[list[Any]]) -> str:
    """Return the slots of an observation, those of one look-ahead together."""
    counts: dict[tuple[str, str], int] = {}
    for name, unit, *_ in layout:
        key = (name.partition("[")[0], unit)
        counts[key] = counts.get(key, 0) + 1
    rows = [f"| `{name}` | {unit} | {count} |" for (name, unit), count in counts.items()]
    return "\n".join(["| slot | unit | values |", "| --- | --- | --- |", *rows])


def _index(name: str, saved: Mapping[str, Any], data: Card | None, result: Evaluation) -> dict[str, Any]:
    """Return an entry of the Hub's ``model-index``."""
    figures = {"score": result.score, "regret": result.regret, "return": result.return_}
    return {
        "name": name,
        "results": [
            {
                "task": {"type": "reinforcement-learning", "name": str(saved["scenario"].get("name", ""))},
                "dataset": {"type": "own" if data is None else data.id, "name": str(saved["data"])},
                "metrics": [{"type": kind, "value": float(value), "name": kind} for kind, value in figures.items()],
            }
        ],
    }


def _figures(result: Evaluation) -> str:
    figures = {
        "earned": result.return_,
        "doing nothing": result.idle,
        "proven optimum": result.oracle_bound,
        "regret": result.regret,
        "score (0 doing nothing, 1 the optimum)": result.score,
    }
    rows = [f"| {name} | {value:.4f} |" for name, value in figures.items()]
    told = f"One episode of {result.steps} steps, in the reward's unit:"
    return "\n".join([told, "", "| | |", "| --- | --- |", *rows])
