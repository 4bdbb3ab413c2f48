"""Runs in Weights & Biases; `WANDB_MODE` says how: ``offline`` unless it is set, into the folder ``wandb``.

One rule: nothing leaves this machine unless `WANDB_MODE` is set to ``online``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from energy_gym.errors import ConfigurationError
from energy_gym.tracking.protocol import CANDIDATE, RECORD, Model, Tracked, finite

ONLINE = "online"


class WandbTracker:
    """Keeps runs as `wandb` does; a project for each experiment."""

    def __init__(self) -> None:
        os.environ.setdefault("WANDB_MODE", "offline")
        os.environ.setdefault("WANDB_SILENT", "true")

    def log(self, run: Tracked) -> str:
        """See `energy_gym.tracking.protocol.Tracker.log`."""
        import wandb

        inputs = {its.split: vars(its) for its in run.inputs}
        told = {**run.parameters, "inputs": inputs, **({} if run.error is None else {"error": run.error})}
        project = run.experiment.replace("/", "-")
        kept = wandb.init(project=project, name=run.name, config=told, reinit="create_new")
        for step, figures in sorted(_by_step(run).items()):
            kept.log(figures, step=step)
        kept.summary.update(finite(run.figures))
        for name, content in run.contents().items():
            (Path(kept.dir) / name).write_bytes(content)
        if run.model is not None:
            kept.log_artifact(_artifact(run.model), aliases=[CANDIDATE])
        kept.finish(exit_code=0 if run.error is None else 1)
        return str(kept.id)

    def record(self, run: str) -> dict[str, Any]:
        """See `energy_gym.tracking.protocol.Tracker.record`; a run of this machine's folder, or ``ENTITY/PROJECT/ID``.

        Raises:
            ConfigurationError: No such run, or one that holds no record.
        """
        home = Path(os.environ.get("WANDB_DIR") or ".") / "wandb"
        for path in home.glob(f"*run-*-{run}/files/{RECORD}"):
            return dict(json.loads(path.read_text(encoding="utf-8")))
        with _Asking(f"run {run!r}") as (api, folder):
            api.run(run).file(RECORD).download(root=folder)
            return dict(json.loads((Path(folder) / RECORD).read_text(encoding="utf-8")))

    def fetch(self, model: str, alias: str, folder: Path) -> Path:
        """See `energy_gym.tracking.protocol.Tracker.fetch`; the model as ``ENTITY/PROJECT/NAME``.

        Raises:
            ConfigurationError: Runs are kept offline, where there is no registry, or there is no such model.
        """
        with _Asking(f"model {model!r}") as (api, _):
            return Path(api.artifact(f"{model}:{alias}", type="model").download(str(folder)))


class _Asking:
    """Asks the server; where there is none, or it says no, with an error of this package."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._folder = TemporaryDirectory()

    def __enter__(self) -> tuple[Any, str]:
        if os.environ["WANDB_MODE"] != ONLINE:
            self._folder.cleanup()
            rule = f"is not in the folder {os.environ.get('WANDB_DIR') or 'wandb'}, and WANDB_MODE is not online"
            raise ConfigurationError(self.what, rule, "set WANDB_MODE=online to ask the server")
        import wandb

        return wandb.Api(), self._folder.name

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        import wandb

        with suppress(OSError):
            self._folder.cleanup()
        if error is not None and isinstance(error, wandb.Error | ValueError):
            raise ConfigurationError(self.what, f"cannot be had ({error})", "check its name and the login") from error


def _by_step(run: Tracked) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for step, name, value in run.curve:
        found.setdefault(int(step), {})[name] = float(value)
    return found


def _artifact(model: Model) -> Any:
    import wandb

    told: Mapping[str, Any] = {"score": model.score, "task": model.task, "slots": model.slots, "actions": model.actions}
    made = wandb.Artifact(model.name, type="model", metadata=dict(told))
    for name, content in model.files.items():
        with made.new_file(name, mode="wb") as stream:
            stream.write(content)
    return made
