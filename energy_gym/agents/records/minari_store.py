"""Trajectories as Minari data sets: written whole or not at all, read back bit for bit.

One rule: what is read was checked against the hash, the returns and the numbers of steps that were written with it.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from energy_gym.agents.records.keywords import environment_id, is_plain, plain_keywords
from energy_gym.agents.records.minari_folder import (
    FORMAT,
    KEY,
    NAMESPACE,
    ROOT,
    check_name,
    damaged,
    datasets_root,
    list_trajectories,
    move_into_place,
    open_minari,
    place_of,
    read_card,
    rooted,
)
from energy_gym.agents.records.trajectories import Actions, Episode, Trajectories
from energy_gym.bidding.presets import DATASETS
from energy_gym.data.feed import DEFAULT_DATASET
from energy_gym.errors import EnergyGymError, StorageError, UnknownIdError
from energy_gym.scenarios.registration import current_id
from energy_gym.tape import OBSERVATION_LIMIT, Slot

ADVICE = "expert_action"
BROKEN = (OSError, KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError, RuntimeError)


def default_name(trajectories: Trajectories) -> str:
    """Return the usual name: ``energy-gym/<scenario>-<dataset>/<policy>[-noise10][-discrete3]-v1``, version of the id.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents.records.experts import record_expert
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", episode_steps=24)
        >>> default_name(record_expert(env, noise=0.1))
        'energy-gym/arbitrage-ercot-2021-2022/oracle-noise10-discrete3-v1'
    """
    own = trajectories
    return _name(own.id, own.keywords, own.levels, own.policy, own.noise)


def usual_name(env: Any, policy: str, noise: float) -> str:
    """Return `default_name` of what an expert would record, before it has played.

    Example:
        >>> import gymnasium as gym
        >>> usual_name(gym.make("energy_gym/Arbitrage-v1", dataset="synthetic"), "mpc", 0.0)
        'energy-gym/arbitrage-synthetic/mpc-v1'
    """
    base = env.unwrapped
    return _name(environment_id(base), plain_keywords(base), base.setup.levels, policy, noise)


def _name(id: str, keywords: dict[str, Any], levels: tuple[float, ...] | None, policy: str, noise: float) -> str:
    scenario, _, version = id.rpartition("/")[2].lower().rpartition("-v")
    dataset = "data" if keywords.get("data") is not None else _dataset(id, keywords)
    home = f"-home{keywords['home']}" if keywords.get("home") is not None else ""
    parts = [policy.replace("+", "-")]
    if noise:
        parts.append(f"noise{100.0 * noise:g}".replace(".", "p"))
    if levels is not None:
        parts.append(str(keywords.get("actions", f"discrete{len(levels)}")).replace("-", ""))
    return f"{NAMESPACE}/{scenario}-{dataset}{home}/{'-'.join(parts)}-v{version}"


def _dataset(id: str, keywords: dict[str, Any]) -> str:
    """Return the data set that an environment runs on, named or not."""
    if keywords.get("dataset") is not None:
        return str(keywords["dataset"])
    id = current_id(id)
    if id == "energy_gym/Bidding-v1":
        return DATASETS[keywords.get("preset") or "eu-hourly"]
    if id == "energy_gym/FleetReserve-v1":
        return "synthetic"
    if id not in gym.registry:
        return DEFAULT_DATASET
    made: Any = gym.envs.registration.load_env_creator(str(gym.spec(id).entry_point))
    return str(made.complete({**keywords, "scenario": None}).get("dataset") or DEFAULT_DATASET)


def write_trajectories(trajectories: Trajectories, name: str | None = None, *, force: bool = False) -> str:
    """Write trajectories as a Minari data set and return its name.

    What the expert would have played is kept as the step's info ``expert_action``, what else there is to know (slots,
    levels, seeds, returns, oracle values) as the metadata ``energy_gym``.

    Args:
        trajectories: What to write.
        name: Name of the data set; by default `default_name`.
        force: Replace a data set of this name.

    Raises:
        ConfigurationError: The name is not one that Minari takes, or is taken and ``force`` is not given.
        StorageError: It cannot be written; nothing is left behind.
        MissingExtraError: Minari is not installed.
    """
    chosen = default_name(trajectories) if name is None else name
    check_name(chosen, force=force)
    root = datasets_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=root, prefix=".energy-gym-"))
    except OSError as error:
        raise StorageError(f"{root}", f"cannot be written ({error})", f"set {ROOT} to another folder") from error
    try:
        with rooted(scratch):
            _write(trajectories, chosen)
        move_into_place(scratch, root, chosen)
    except EnergyGymError:
        raise
    except BROKEN as error:
        raise StorageError(f"data set {chosen!r}", f"cannot be written ({error})", f"check {root}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return chosen


def _write(trajectories: Trajectories, name: str) -> None:
    """Write through Minari into the folder that is its root now."""
    minari = open_minari()
    box, actions = _spaces(trajectories)
    with warnings.catch_warnings():
        # Minari asks for an e-mail address and a link to code; both would be someone's, not the data's.
        warnings.filterwarnings("ignore", message=r"`(author|author_email|code_permalink|eval_env)` is set to None")
        warnings.filterwarnings("ignore", message=r"env_spec is None")
        written = minari.create_dataset_from_buffers(
            name,
            buffer=[_buffer(episode, number) for number, episode in enumerate(trajectories.episodes)],
            env=_spec(trajectories),
            observation_space=box,
            action_space=actions,
            algorithm_name=trajectories.policy,
            author="energy_gym",
            description=_description(trajectories),
        )
    written.storage.update_metadata({KEY: _card(trajectories)})


def _buffer(episode: Episode, number: int) -> Any:
    from minari.data_collector import EpisodeBuffer

    over = np.zeros(len(episode), dtype=np.bool_)
    over[-1] = True
    return EpisodeBuffer(
        id=number,
        seed=episode.seed,
        observations=episode.observations,
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=np.zeros(len(episode), dtype=np.bool_),
        truncations=over,
        infos={ADVICE: episode.advice},
    )


def _spaces(trajectories: Trajectories) -> tuple[gym.spaces.Box, gym.spaces.Space[Any]]:
    slots = (len(trajectories.layout),)
    box = gym.spaces.Box(-OBSERVATION_LIMIT, OBSERVATION_LIMIT, slots, np.float32)
    played = trajectories.episodes[0].actions.shape[1:]
    if trajectories.levels is None:
        return box, gym.spaces.Box(-1.0, 1.0, played, np.float32)
    count = len(trajectories.levels)
    return box, gym.spaces.MultiDiscrete([count] * played[0]) if played else gym.spaces.Discrete(count)


def _spec(trajectories: Trajectories) -> Any:
    """Return the specification that `minari.MinariDataset.recover_environment` reads; None where it could not."""
    if not is_plain(trajectories.keywords) or trajectories.id not in gym.registry:
        return None
    spec = copy.deepcopy(gym.spec(trajectories.id))
    spec.kwargs = dict(trajectories.keywords)
    return spec


def _description(trajectories: Trajectories) -> str:
    noise = f", {trajectories.noise:.0%} random actions" if trajectories.noise else ""
    return f"{trajectories.id} played by {trajectories.policy}{noise}; rewards as the environment returned them."


def _card(trajectories: Trajectories) -> dict[str, Any]:
    """Return all that is not an array."""
    tree = {"format": FORMAT, "id": trajectories.id}
    tree |= {"keywords": trajectories.keywords, "layout": [list(slot) for slot in trajectories.layout]}
    levels = None if trajectories.levels is None else list(trajectories.levels)
    tree |= {"levels": levels, "policy": trajectories.policy, "noise": trajectories.noise}
    return {**tree, "episodes": [_figures(episode) for episode in trajectories.episodes]}


def _figures(episode: Episode) -> dict[str, Any]:
    arrays = ("observations", "actions", "advice", "rewards")
    named = {field.name: getattr(episode, field.name) for field in dataclasses.fields(episode)}
    plain = {name: value for name, value in named.items() if name not in arrays}
    return {**plain, "steps": len(episode), "return": episode.return_, "sha256": _hash(episode)}


def _hash(episode: Episode) -> str:
    digest = hashlib.sha256()
    for values in (episode.observations, episode.actions, episode.advice, episode.rewards):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def read_trajectories(name: Any, env: Any = None) -> Trajectories:
    """Read trajectories that `write_trajectories` wrote.

    Args:
        name: Name of the Minari data set, or the data set as Minari has loaded it.
        env: Where given, the environment they must fit.

    Raises:
        UnknownIdError: There is no data set of that name.
        StorageError: It is not one of this package, or damaged.
        ConfigurationError: Other slots or actions than the environment's.
        MissingExtraError: Minari is not installed.
    """
    loaded = None if isinstance(name, str) else name
    place, name = (place_of(name), name) if loaded is None else _place_and_name(loaded)
    if not place.exists():
        raise UnknownIdError.of("expert data set", name, list_trajectories())
    card = read_card(place, name)
    try:
        stored = list((loaded or open_minari().load_dataset(name)).iterate_episodes())
        episodes = tuple(_episode(data, figures) for data, figures in zip(stored, card["episodes"], strict=True))
        trajectories = _assemble(card, episodes)
    except BROKEN as error:
        raise damaged(name, str(error)) from error
    for number, (episode, figures) in enumerate(zip(episodes, card["episodes"], strict=True)):
        if episode.return_ != figures.get("return") or _hash(episode) != figures.get("sha256"):
            raise damaged(name, f"episode {number} is not what was written")
    if env is not None:
        trajectories.check_matches(env)
    return trajectories


def is_minari(source: Any) -> bool:
    """Return whether something is a data set as Minari has loaded it; Minari is not imported for it."""
    return any(kind.__module__.split(".")[0] == "minari" for kind in type(source).__mro__)


def _place_and_name(loaded: Any) -> tuple[Path, str]:
    """Return folder and name of a data set that Minari has loaded."""
    return Path(loaded.storage.data_path).parent, str(loaded.spec.dataset_id)


def _episode(data: Any, figures: dict[str, Any]) -> Episode:
    known = {field.name for field in dataclasses.fields(Episode)}
    rest = {name: value for name, value in figures.items() if name in known}
    advice: Actions = data.infos[ADVICE]
    return Episode(observations=data.observations, actions=data.actions, advice=advice, rewards=data.rewards, **rest)


def _assemble(card: dict[str, Any], episodes: tuple[Episode, ...]) -> Trajectories:
    layout = tuple(Slot(*slot) for slot in card["layout"])
    levels = None if card["levels"] is None else tuple(card["levels"])
    return Trajectories(episodes, card["id"], card["keywords"], layout, levels, card["policy"], card["noise"])
