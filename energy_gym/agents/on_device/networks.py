"""The library's networks and the small actor that is kept: one into the other, and how the first weights are drawn.

One rule: an actor is the dense layers that lead from observation to action, first to last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.actor import Actor

if TYPE_CHECKING:
    from energy_gym.agents.learner import Learner

# What the first weights of a layer are multiplied by: as Stable-Baselines3 does, so that a policy starts undecided.
HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2.0), 0.01, 1.0


def exported(parameters: Any, agent: Learner) -> Actor:
    """Return the actor that parameters of the library's networks are."""
    layers = [
        (np.array(layer["kernel"], dtype=np.float32).T, np.array(layer["bias"], dtype=np.float32))
        for layer in (_at(parameters, path) for path in _paths(parameters))
    ]
    return Actor(tuple(layers), agent.settings["activation"], agent.head)


def restarted(state: Any, trained: str, actor: Actor) -> Any:
    """Return a state of the library in which a part's networks are an actor that was there."""
    import jax
    import jax.numpy as jnp

    part = getattr(state, trained)
    parameters = jax.tree.map(lambda leaf: leaf, part.params)
    for path, (matrix, bias) in zip(_paths(parameters), actor.layers, strict=True):
        layer = _at(parameters, path)
        layer["kernel"], layer["bias"] = jnp.asarray(matrix.T), jnp.asarray(bias)
    targets = {"q_target_params": parameters} if trained == "q_ts" else {}
    return state.replace(**{trained: part.replace(params=parameters)}, **targets)


def orthogonal(parameters: Any, random: np.random.Generator) -> Any:
    """Return parameters of the same shapes whose matrices are orthogonal and whose biases are zero.

    Drawn here and not on the device, where compiling the draws takes longer than all else that starts a training.

    Source:
        Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks", ICLR 2014; the gains are those of Stable-Baselines3.
    """
    last = POLICY_GAIN if "features" in parameters["params"] else VALUE_GAIN
    paths = _paths(parameters)
    for path in paths:
        layer = _at(parameters, path)
        drawn = _orthogonal(layer["kernel"].shape, random) * (last if path == paths[-1] else HIDDEN_GAIN)
        layer["kernel"] = drawn.astype(np.float32)
    return parameters


def _orthogonal(shape: tuple[int, int], random: np.random.Generator) -> npt.NDArray[np.float64]:
    tall = random.standard_normal((max(shape), min(shape)))
    basis, upper = np.linalg.qr(tall)
    basis = basis * np.sign(np.diag(upper))  # uniform over all rotations, not those that the algorithm prefers
    return basis if shape[0] >= shape[1] else basis.T


def _paths(parameters: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return where the dense layers lie that lead from observation to action, first to last."""
    tree = parameters["params"]
    inner = ("params", "features") if "features" in tree else ("params",)
    names = [name for name in _at(parameters, inner) if name.startswith("Dense_")]
    ordered = sorted(names, key=lambda name: int(name.rpartition("_")[2]))
    heads = [("params", name) for name in ("action_logits", "action_mean") if name in tree]
    return [*((*inner, name) for name in ordered), *heads]


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree
