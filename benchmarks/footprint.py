"""What the package costs before anything is played, in the speed script: seconds of its import, memory of a batch.

One rule: each figure is of a fresh process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measuring import Row, Sizes, take_turns

HEAVY = ("torch", "pandas", "pyomo", "scipy", "matplotlib", "sqlalchemy")
IMPORT = "import time; t = time.perf_counter(); import {names}; print(time.perf_counter() - t)"
LOADED = "import sys, energy_gym; print(*[name for name in {names} if name in sys.modules])"
PEAK = """
import gymnasium, numpy
def peak(): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
import energy_gym
envs = energy_gym.make_vec("energy_gym/Arbitrage-v1", num_envs={size})
envs.reset(seed=0)
actions = numpy.zeros(({size}, 1), dtype=numpy.float32)
for _ in range({steps}): envs.step(actions)
print((peak() - before) / 1024.0)
"""


def fresh(code: str) -> str:
    """Return what a fresh process of this Python prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def importing(sizes: Sizes) -> Iterator[Row]:
    """``import energy_gym`` in a fresh process, against its two light dependencies; and what it loads."""
    own, other = take_turns(
        sizes.repeats,
        lambda: float(fresh(IMPORT.format(names="energy_gym"))),
        lambda: float(fresh(IMPORT.format(names="gymnasium, numpy"))),
    )
    heavy = fresh(LOADED.format(names=HEAVY))
    note = f"loads {heavy}" if heavy else f"loads none of {', '.join(HEAVY)}"
    target = "< 0.7 s, nothing heavy"
    yield Row("import", own, "s", other, "gymnasium, numpy", other / own, target, own < 0.7 and not heavy, note)


def memory(sizes: Sizes) -> Iterator[Row]:
    """Peak memory of a batch in a fresh process, over what Gymnasium and NumPy take."""
    if not Path("/proc/self/status").is_file():
        return
    grown = float(fresh(PEAK.format(size=sizes.batch, steps=sizes.batch_steps)))
    note = "all of energy_gym, pandas and the data included"
    yield Row(
        f"memory, batch of {sizes.batch}", grown, "MiB", target="< 300 MB", met=grown * 1.048576 < 300.0, note=note
    )
