"""The trained network as it acts: a few dense layers in NumPy, whichever library trained them.

One rule: acting needs no deep-learning library, so a saved agent plays the same wherever NumPy is.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.errors import ConfigurationError

Array = npt.NDArray[np.float32]
ACTIVATIONS = ("relu", "tanh")
HEADS = ("argmax", "clip", "tanh")


@dataclass(frozen=True)
class Actor:
    """A multilayer perceptron from observations to actions.

    Args:
        layers: Pairs of a matrix, shape (outputs, inputs), and a bias, shape (outputs,), float32, first to last.
        activation: ``"relu"`` or ``"tanh"``, between the layers.
        head: What the last layer's figures mean: ``"argmax"`` over values or logits of discrete actions; ``"clip"`` or
            ``"tanh"`` of a share of rated power.

    Raises:
        ConfigurationError: Layers that do not fit each other, figures that are not finite, an unknown head or
            activation.

    Example:
        >>> import numpy as np
        >>> layer = (np.array([[1.0], [-1.0]], dtype=np.float32), np.zeros(2, dtype=np.float32))
        >>> Actor((layer,), "relu", "argmax")(np.array([[0.3], [-0.3]], dtype=np.float32)).tolist()
        [0, 1]
    """

    layers: tuple[tuple[Array, Array], ...]
    activation: str
    head: str

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS or self.head not in HEADS or not self.layers:
            raise ConfigurationError(
                f"activation={self.activation!r}, head={self.head!r}, {len(self.layers)} layers",
                f"must be one of {ACTIVATIONS} and {HEADS}, with at least one layer",
                "train the agent again",
            )
        widths = [self.layers[0][0].shape[1]]
        for matrix, bias in self.layers:
            if matrix.shape != (len(bias), widths[-1]) or not (np.isfinite(matrix).all() and np.isfinite(bias).all()):
                raise ConfigurationError(
                    f"a layer of shape {matrix.shape} on {widths[-1]} inputs",
                    "must fit the layer before it and hold finite figures",
                    "train the agent again, with a lower learning rate if figures are not finite",
                )
            widths.append(len(bias))

    @property
    def inputs(self) -> int:
        """Slots of the observation it reads."""
        return int(self.layers[0][0].shape[1])

    @property
    def outputs(self) -> int:
        """Figures it gives: one per discrete action, or one share of rated power."""
        return len(self.layers[-1][1])

    def figures(self, observations: Array) -> Array:
        """Return the last layer's figures, shape (n, outputs), for observations of shape (n, slots)."""
        signal = observations
        for matrix, bias in self.layers[:-1]:
            signal = signal @ matrix.T + bias
            signal = np.maximum(signal, np.float32(0.0)) if self.activation == "relu" else np.tanh(signal)
        matrix, bias = self.layers[-1]
        figures: Array = signal @ matrix.T + bias
        return figures

    def __call__(self, observations: Array) -> npt.NDArray[Any]:
        """Return actions: int64 of shape (n,), or float32 shares of rated power of shape (n, 1)."""
        figures = self.figures(observations)
        if self.head == "argmax":
            return np.argmax(figures, axis=1)
        return np.tanh(figures) if self.head == "tanh" else np.clip(figures, -1.0, 1.0)

    def to_bytes(self) -> bytes:
        """Return the layers as a NumPy archive."""
        stream = io.BytesIO()
        matrices = {f"w{place}": matrix for place, (matrix, _) in enumerate(self.layers)}
        biases = {f"b{place}": bias for place, (_, bias) in enumerate(self.layers)}
        np.savez(stream, **matrices, **biases)  # type: ignore[arg-type]  # names are w0, b0, ...
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, activation: str, head: str) -> Actor:
        """Read what `to_bytes` returned."""
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            layers = tuple((archive[f"w{place}"], archive[f"b{place}"]) for place in range(len(archive.files) // 2))
        return cls(layers, activation, head)

    @classmethod
    def from_torch(cls, linears: Sequence[Any], activation: str, head: str) -> Actor:
        """Copy the layers of ``torch.nn.Linear`` modules, first to last."""
        layers = [(layer.weight, layer.bias) for layer in linears]
        return cls(tuple((_copied(matrix), _copied(bias)) for matrix, bias in layers), activation, head)

    def into_torch(self, linears: Sequence[Any]) -> None:
        """Copy the layers into ``torch.nn.Linear`` modules, first to last.

        Raises:
            ConfigurationError: The shapes differ.
        """
        import torch

        theirs = [tuple(layer.weight.shape) for layer in linears]
        own = [matrix.shape for matrix, _ in self.layers]
        if theirs != own:
            raise ConfigurationError(
                f"layers of shapes {own}", f"do not fit a network of {theirs}", "use the same hidden layers"
            )
        with torch.no_grad():
            for module, (matrix, bias) in zip(linears, self.layers, strict=True):
                module.weight.copy_(torch.from_numpy(matrix.copy()))
                module.bias.copy_(torch.from_numpy(bias.copy()))


def _copied(parameter: Any) -> Array:
    return np.array(parameter.detach().cpu().numpy(), dtype=np.float32)


def read_actor(path: Path, activation: str, head: str, digest: str) -> Actor:
    """Read an actor from a file whose SHA-256 is known.

    Raises:
        ConfigurationError: The file is absent, truncated or not the one that was saved.
    """
    return Actor.from_bytes(read_hashed(path, digest), activation, head)


def read_hashed(path: Path, digest: str) -> bytes:
    """Return what a file holds whose SHA-256 is known.

    Raises:
        ConfigurationError: The file is absent, truncated or not the one that was saved.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}", f"cannot be read ({error})", "save the agent again") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ConfigurationError(
            f"{path}: sha256 {found[:16]}...", f"the agent was saved with {digest[:16]}...", "save the agent again"
        )
    return content
