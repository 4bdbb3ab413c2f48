"""An entry in a process of its own: started afresh, asked with limits of time, ended with all that it started.

One rule: whatever the entry does, the answer here is an action or one `EntryError`.
"""

from __future__ import annotations

import json
import os
import pickle
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from energy_gym.data.fetching import cache_folder, mirror_folder
from energy_gym.entries.served import Order, Told
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import EntryError, ForesightError
from energy_gym.paths import resource

# What a fresh process inherits of this one's variables: none that names data, or holds what is secret.
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
LONGEST_ANSWER = 2**20
# Where the package lies, for a process that finds it by no other way.
PACKAGES = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Limits:
    """What an entry may take.

    Args:
        decision_s: Wall time of one decision [s].
        total_s: Wall time of a play, loading and learning included [s].
        memory_mb: Memory of its process [MB].

    Raises:
        EntryError: One of them is not above 0.
    """

    decision_s: float = 10.0
    total_s: float = 3600.0
    memory_mb: int = 4096

    def __post_init__(self) -> None:
        for name in ("decision_s", "total_s", "memory_mb"):
            value = getattr(self, name)
            if not value > 0:
                raise EntryError(f"{name}={value}", "must be above 0", "leave the default, or allow more")


class EntryProcess:
    """An entry that plays one environment, in a fresh process; use it as a context.

    Args:
        files: Folder of the entry; the process works in a copy of it.
        agent: What is to be loaded there; see `Order`.
        env: The environment as it really is.
        id: Its id.
        keywords: Keywords with which the entry's process makes its own, see `held_back`.
        limits: Of time and memory.
        log: File for what the entry prints.

    Raises:
        EntryError: This system cannot hold a process to limits.
    """

    def __init__(
        self,
        files: Path,
        agent: str,
        env: EnergyEnv,
        *,
        id: str,
        keywords: Mapping[str, Any],
        limits: Limits,
        log: Path,
        seed: int = 0,
    ) -> None:
        if os.name != "posix":
            raise EntryError(f"system {os.name!r}", "cannot hold a process to limits", "use Linux or macOS")
        closed = [resource("datasets"), cache_folder(), *filter(None, [mirror_folder()])]
        self.closed = [str(path) for path in closed]
        self.order = Order(agent, id, dict(keywords), seed, limits.memory_mb)
        self.files, self.env, self.limits, self.log = files, env, limits, log
        self.decisions = 0

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="energy-gym-entry-"))
        self._work = self._home / "entry"
        shutil.copytree(self.files, self._work, ignore=shutil.ignore_patterns("results", "__pycache__"))
        self._until = time.monotonic() + self.limits.total_s
        self._start()
        try:
            self._tell(self.order)
            self._heard("while it was loaded", self.limits.total_s)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        """End the process with all that it started, and take away its copy of the entry."""
        with suppress(OSError):
            self._asking.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._answers)
        shutil.rmtree(self._home, ignore_errors=True)

    def reset(self) -> None:
        """Begin an episode: the entry is told with the first observation."""
        self.decisions = 0

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """Ask for an action.

        Raises:
            EntryError: It does not answer in time, raises, takes too much memory, or answers something else.
            ForesightError: It opened what it is not shown.
        """
        self._tell(Told.of(self.env, observation, info))
        answer = self._heard(f"at decision {self.decisions + 1}", self.limits.decision_s)
        self.decisions += 1
        if "action" not in answer:
            raise EntryError("an answer without an action", "breaks the protocol", "print, and leave the pipes alone")
        action = answer["action"]
        return action if isinstance(action, int) else np.asarray(action)

    def _start(self) -> None:
        (their_ask, our_ask), (our_answers, their_answers) = os.pipe(), os.pipe()
        self._asking, self._answers, self._rest = os.fdopen(our_ask, "wb"), our_answers, b""
        variables = {name: os.environ[name] for name in KEPT if name in os.environ}
        variables |= {"HOME": str(self._home), "TMPDIR": str(self._home), "ENERGY_GYM_CACHE": str(self._home / "cache")}
        # The same figures each time: one order of sets, one thread that adds up.
        variables |= {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        # What was printed is in the log, however the process ends.
        variables["PYTHONUNBUFFERED"] = "1"
        variables["PYTHONPATH"] = str(PACKAGES)
        command = [sys.executable, "-m", "energy_gym.entries.host", str(their_ask), str(their_answers)]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self.closed],
                cwd=self._work,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(their_ask, their_answers),
                start_new_session=True,
            )
        os.close(their_ask)
        os.close(their_answers)

    def _tell(self, words: Any) -> None:
        # An entry that has ended is told by what it answers: nothing.
        with suppress(BrokenPipeError):
            pickle.dump(words, self._asking, protocol=pickle.HIGHEST_PROTOCOL)
            self._asking.flush()

    def _heard(self, when: str, seconds: float) -> dict[str, Any]:
        """Return the next answer, or raise what it means that there is none."""
        line = self._line(when, seconds)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise EntryError(f"an answer that is no JSON {when}", "breaks the protocol", "leave the pipes alone")
        if "refused" in answer:
            raise ForesightError(f"the entry {when}", str(answer["refused"]), "let it decide on what it observes")
        if "memory" in answer:
            self._out_of_memory(when)
        if "error" in answer:
            raise EntryError(
                f"the entry {when}", f"raised {answer['error']}", f"correct it; its log is {self.log.name}"
            )
        return answer

    def _line(self, when: str, seconds: float) -> bytes:
        until = min(time.monotonic() + seconds, self._until)
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if len(self._rest) > LONGEST_ANSWER:
                    raise EntryError(f"an answer of over 1 MB {when}", "is no action", "return one of the action space")
                if not selector.select(max(until - time.monotonic(), 0.0)):
                    self._too_slow(when, seconds)
                part = os.read(self._answers, 2**16)
                if not part:
                    self._ended(when)
                self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _too_slow(self, when: str, seconds: float) -> None:
        if time.monotonic() >= self._until:
            told, option = f"{self.limits.total_s:g} s in all", "--total"
        else:
            told, option = f"{seconds:g} s", "--decision"
        raise EntryError(
            f"the entry {when}", f"gave no answer within {told}", f"make it faster, or allow more ({option})"
        )

    def _out_of_memory(self, when: str) -> None:
        told = f"took more than {self.limits.memory_mb} MB of memory"
        raise EntryError(f"the entry {when}", told, "make it smaller, or allow more (--memory)")

    def _ended(self, when: str) -> None:
        code = self._process.wait()
        told = f"signal {-code}" if code < 0 else f"exit code {code}"
        remedy = f"let it answer to the last step; its log is {self.log.name}"
        raise EntryError(f"the entry {when}", f"ended without an answer ({told})", remedy)
