"""What Stable-Baselines3 needs to go on where it stopped: all networks (critics and targets too) and the optimisers.

One rule: what is kept is numbers alone, read back without running any code that a file brings.
"""

from __future__ import annotations

import io
from typing import Any

from energy_gym.errors import ConfigurationError


def _optimisers(model: Any) -> dict[str, Any]:
    """Return the optimisers of an algorithm by name."""
    places = {"policy": model.policy, "actor": getattr(model, "actor", None), "critic": getattr(model, "critic", None)}
    found = {name: getattr(place, "optimizer", None) for name, place in places.items()}
    found["entropy"] = getattr(model, "ent_coef_optimizer", None)
    return {name: optimiser for name, optimiser in found.items() if optimiser is not None}


def training_state(model: Any) -> bytes:
    """Return the networks and optimisers of an algorithm."""
    import torch

    entropy = getattr(model, "log_ent_coef", None)
    tree = {
        "policy": model.policy.state_dict(),
        "optimisers": {name: optimiser.state_dict() for name, optimiser in _optimisers(model).items()},
        "entropy": None if entropy is None else entropy.detach().cpu(),
    }
    stream = io.BytesIO()
    torch.save(tree, stream)
    return stream.getvalue()


def restore_training(model: Any, content: bytes | None) -> None:
    """Put networks and optimisers back; None leaves an algorithm as it starts.

    Raises:
        ConfigurationError: They do not fit the algorithm.
    """
    if content is None:
        return
    import torch

    try:
        tree = torch.load(io.BytesIO(content), map_location=model.device, weights_only=True)
        model.policy.load_state_dict(tree["policy"])
        for name, optimiser in _optimisers(model).items():
            optimiser.load_state_dict(tree["optimisers"][name])
        if tree["entropy"] is not None:
            with torch.no_grad():
                model.log_ent_coef.copy_(tree["entropy"])
    except (RuntimeError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ConfigurationError(
            "what an earlier fit left", f"does not fit ({cause})", "use the same settings"
        ) from error


def going_on(algorithm: Any) -> Any:
    """Return an off-policy algorithm whose first steps, before it learns, are its policy's and not random."""

    class GoingOn(algorithm):  # type: ignore[misc]  # known when it runs
        """Fills its buffer by what it knows already."""

        def _sample_action(self, learning_starts: int, *others: Any, **named: Any) -> Any:
            return super()._sample_action(0, *others, **named)

    return GoingOn
