"""The process in which an entry is played: it loads the agent, hears what is known, answers actions.

One rule: what the entry prints goes to a log; questions and answers have pipes of their own. Answers are JSON, since
what comes out of an entry's process is not trusted. It cannot read what is to come, where the system keeps to that;
what is tried from Python is told.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from energy_gym.entries.confined import confine
from energy_gym.entries.served import Order, plain_action, serve
from energy_gym.errors import EnergyGymError, EntryError

LOG_BYTES = 64 * 2**20
NO_SERIES = "an entry gets no series but what it observes"
PLAIN = (".yaml", ".yml", ".md", ".py", ".pyc")


class Guard:
    """Refuses to open series, and connections, from Python; what it refused is told with the next answer."""

    def __init__(self, closed: tuple[str, ...]) -> None:
        self.closed = tuple(os.path.realpath(folder) + os.sep for folder in closed)
        self.refused: list[str] = []

    def __call__(self, event: str, words: tuple[Any, ...]) -> None:
        """Hear of an event of the interpreter; see ``sys.addaudithook``."""
        if event == "open" and isinstance(words[0], str | bytes | os.PathLike):
            path = os.path.realpath(os.fsdecode(words[0]))
            if not path.endswith(PLAIN) and path.startswith(self.closed):
                self._refuse(f"opens {Path(path).name}", NO_SERIES)
        elif event in ("socket.connect", "socket.getaddrinfo"):
            self._refuse("opens a connection", "an entry is played without a network")

    def hear(self, error: Exception) -> None:
        """Note an error of what was opened by another way than Python's, which the system refused."""
        if isinstance(error, PermissionError) and any(folder in str(error) for folder in self.closed):
            self.refused.append(f"opens a file of a data set: {NO_SERIES}")

    def _refuse(self, what: str, rule: str) -> None:
        self.refused.append(f"{what}: {rule}")
        raise EntryError(what, rule, "learn from env.unwrapped.variant(split='train'), and bring what was learnt")


def main() -> None:
    """Serve the questions of the pipe named first on the command line; answer into the second; keep out of the rest."""
    asking, answering = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb")
    closed = tuple(sys.argv[3:])
    # First of all: a thread that was begun before would not be held.
    confine(closed, PLAIN)
    order: Order = pickle.load(asking)
    _limit(order.memory_mb)
    guard = Guard(closed)
    sys.addaudithook(guard)
    try:
        agent, env = _made(order)
        _answer(answering, guard, {"ready": True})
        while _serve_one(agent, env, asking, answering, guard):
            pass
    except MemoryError:
        _answer(answering, guard, {"memory": True})
    except Exception as error:
        traceback.print_exc()
        guard.hear(error)
        _answer(answering, guard, {"error": _told(error)})


def _limit(memory_mb: int) -> None:
    """Bound the memory of this process and the files that it writes, for good."""
    import resource

    for kind, size in ((resource.RLIMIT_AS, memory_mb * 2**20), (resource.RLIMIT_FSIZE, LOG_BYTES)):
        hard = resource.getrlimit(kind)[1]
        bound = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(kind, (bound, bound))


def _made(order: Order) -> tuple[Any, Any]:
    """Return the agent, fitted if it can be, and its environment."""
    from energy_gym.agents.registry import agent_factory, make_agent

    sys.path.insert(0, str(Path.cwd()))
    env = serve(order.id, order.keywords)
    learns = agent_factory(order.agent).learns
    agent = make_agent(order.agent, env, order.seed)
    if hasattr(agent, "fit"):
        agent.fit(**({"seed": order.seed} if learns else {}))
    return agent, env.unwrapped


def _serve_one(agent: Any, env: Any, asking: BinaryIO, answering: BinaryIO, guard: Guard) -> bool:
    """Answer one question; return whether another may come."""
    try:
        told = pickle.load(asking)
    except EOFError:
        return False
    env.hear(told)
    if told.step == told.window[0]:
        agent.reset()
    action = agent.act(told.observation, told.info)
    env.note(action)
    _answer(answering, guard, {"action": plain_action(action)})
    return True


def _answer(answering: BinaryIO, guard: Guard, words: dict[str, Any]) -> None:
    refused = {"refused": guard.refused[0]} if guard.refused else {}
    answering.write(json.dumps({**words, **refused}).encode() + b"\n")
    answering.flush()


def _told(error: Exception) -> str:
    """Return an error on one line, with the line of the entry that raised it."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(Path.cwd()))
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return (text if isinstance(error, EnergyGymError) else f"{type(error).__name__}: {text}") + where


if __name__ == "__main__":
    main()
