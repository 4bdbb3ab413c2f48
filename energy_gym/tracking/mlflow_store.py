"""Runs in MLflow, agents in its registry; `MLFLOW_TRACKING_URI` says where: a database, a folder, or a server.

One rule: a registered agent is its own folder, files and all, and needs no pickle to be read.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.errors import ConfigurationError
from energy_gym.tracking.protocol import CANDIDATE, CHAMPION, RECORD, Input, Model, Tracked

if TYPE_CHECKING:
    from collections.abc import Iterator

# Its makers are told of each use unless this is set; and its bars would stand between our lines.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
USUAL = "sqlite:///mlflow.db"
AGENT, MODEL = "agent", "model"
LOADER = "energy_gym.tracking.mlflow_model"
MOST_CHARACTERS, MOST_AT_ONCE, DIGEST = 6000, 500, 36


class MlflowTracker:
    """Keeps runs where `MLFLOW_TRACKING_URI` says; by default in the database ``mlflow.db`` of the working folder.

    Raises:
        ConfigurationError: Nothing can be kept there.
    """

    def __init__(self) -> None:
        uri = os.environ.get("MLFLOW_TRACKING_URI") or USUAL
        if _is_folder(uri):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.uri = uri
        with self._told():
            from mlflow.tracking import MlflowClient

            self._client = MlflowClient(uri)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise what MLflow raises as an error of this package, with where it was spoken to."""
        with _quietly():
            from mlflow.exceptions import MlflowException

        try:
            with _quietly():
                yield
        except (MlflowException, ImportError) as error:
            cause = " ".join(str(error).split())
            rule, remedy = f"cannot be used ({cause})", "set MLFLOW_TRACKING_URI to a database, a folder or a server"
            raise ConfigurationError(f"tracking at {self.uri}", rule, remedy) from error

    def log(self, run: Tracked) -> str:
        """See `energy_gym.tracking.protocol.Tracker.log`.

        Raises:
            ConfigurationError: MLflow cannot keep it.
        """
        with self._told():
            return self._log(run)

    def _log(self, run: Tracked) -> str:
        found = self._client.get_experiment_by_name(run.experiment)
        where = self._client.create_experiment(run.experiment) if found is None else found.experiment_id
        kept = self._client.create_run(where, run_name=run.name)
        id = str(kept.info.run_id)
        self._parameters(id, run.parameters)
        self._figures(id, run)
        self._inputs(id, run.inputs)
        self._files(id, run.contents())
        if run.error is not None:
            self._client.set_tag(id, "error", run.error)
        if run.model is not None:
            self._register(id, str(kept.info.artifact_uri), run.model)
        self._client.set_terminated(id, "FINISHED" if run.error is None else "FAILED")
        return id

    def record(self, run: str) -> dict[str, Any]:
        """See `energy_gym.tracking.protocol.Tracker.record`.

        Raises:
            ConfigurationError: No such run, or one that holds no record.
        """
        with self._told(), TemporaryDirectory() as folder:
            path = self._client.download_artifacts(run, RECORD, folder)
            return dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def fetch(self, model: str, alias: str, folder: Path) -> Path:
        """See `energy_gym.tracking.protocol.Tracker.fetch`.

        Raises:
            ConfigurationError: No such model, or no version of that alias.
        """
        with self._told():
            version = self._client.get_model_version_by_alias(model, alias)
            folder.mkdir(parents=True, exist_ok=True)
            found = self._client.download_artifacts(str(version.run_id), f"{MODEL}/{AGENT}", str(folder))
        return Path(found)

    def _parameters(self, id: str, parameters: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        kept = [Param(_key(name), str(value)[:MOST_CHARACTERS]) for name, value in parameters.items()]
        for start in range(0, len(kept), 100):
            self._client.log_batch(id, params=kept[start : start + 100])

    def _figures(self, id: str, run: Tracked) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        last = max((steps for steps, _, _ in run.curve), default=0)
        points = [*run.curve, *((last, name, value) for name, value in run.figures.items())]
        kept = [Metric(_key(name), float(value), now, int(step)) for step, name, value in points]
        kept = [metric for metric in kept if not math.isnan(metric.value)]
        for start in range(0, len(kept), MOST_AT_ONCE):
            self._client.log_batch(id, metrics=kept[start : start + MOST_AT_ONCE])

    def _inputs(self, id: str, inputs: Any) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        def stated(its: Input) -> Any:
            told = {"first": its.first, "last": its.last, "steps": its.steps, "sha256": its.digest}
            text = json.dumps(told)
            kept = Dataset(its.name[:500], its.digest[:DIGEST], "energy-gym", text, profile=text)
            return DatasetInput(kept, [InputTag("mlflow.data.context", its.split)])

        if inputs:
            self._client.log_inputs(id, [stated(its) for its in inputs])

    def _files(self, id: str, files: Mapping[str, bytes]) -> None:
        with TemporaryDirectory() as folder:
            _written(Path(folder), files)
            if files:
                self._client.log_artifacts(id, folder)

    def _register(self, id: str, place: str, model: Model) -> None:
        """Keep an agent as a model with its signature, and name the version the candidate, and the champion if best."""
        from mlflow.exceptions import MlflowException

        with TemporaryDirectory() as folder:
            _write_model(Path(folder), model)
            self._client.log_artifacts(id, folder, MODEL)
        try:
            self._client.create_registered_model(model.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {"score": repr(model.score), "task": model.task}
        version = self._client.create_model_version(model.name, f"{place}/{MODEL}", id, tags=tags).version
        self._client.set_registered_model_alias(model.name, CANDIDATE, version)
        if self._beats(model):
            self._client.set_registered_model_alias(model.name, CHAMPION, version)

    def _beats(self, model: Model) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            tags = self._client.get_model_version_by_alias(model.name, CHAMPION).tags
        except MlflowException:
            return True
        return tags.get("task") != model.task or not model.score <= float(tags.get("score", "-inf"))


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what MLflow's own modules say to those who write them, such as of types that they deprecate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _write_model(home: Path, model: Model) -> None:
    """Write MLflow's description of a model beside the agent's own folder."""
    from mlflow.models import Model as Description
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import add_to_model
    from mlflow.types import Schema, TensorSpec

    _written(home / AGENT, model.files)
    seen = Schema([TensorSpec(np.dtype(np.float32), (-1, model.slots), "observation")])
    kind, shape = (np.int64, (-1,)) if model.discrete and model.actions == 1 else (np.float32, (-1, model.actions))
    done = Schema([TensorSpec(np.dtype(kind), shape, "action")])
    described = Description(signature=ModelSignature(inputs=seen, outputs=done))
    add_to_model(described, loader_module=LOADER, data=AGENT)
    described.save(str(home / "MLmodel"))


def _written(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _is_folder(uri: str) -> bool:
    return uri.startswith("file:") or "://" not in uri


def _key(name: str) -> str:
    """Return a name as MLflow takes it."""
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)
