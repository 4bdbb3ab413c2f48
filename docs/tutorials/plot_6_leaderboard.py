"""
Enter the leaderboard
=====================

*How does an agent of mine get a figure that others can trust?*

An entry is a folder with an ``agent.yaml`` and the agent's code. It is played on held-out prices in a process of its
own that never holds them, three times, and its results are signed. The one of the documentation goes by the clock.
"""

import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import energy_gym
from energy_gym.entries import submit, write_site

folder = Path(tempfile.mkdtemp()) / "mine"
places = (Path(energy_gym.__file__).parents[1], Path.cwd())
home = next(place for place in places if (place / "docs" / "entry").is_dir())
shutil.copytree(home / "docs" / "entry", folder, ignore=shutil.ignore_patterns("results"))
print((folder / "agent.yaml").read_text(encoding="utf-8"))

# %%
# ``energy-gym submit FOLDER`` on the command line does the same. Half a year of ERCOT's prices is played.

found = submit(folder)
(row,) = found["tasks"]
figures = row["figures"]
print(f"{row['task']}: score {figures['score']:.3f}, regret {figures['regret']:.2f} {row['unit']}")
print(f"signed: sha256 {found['sha256'][:16]}...")

# %%
# ``energy-gym board`` makes pages of any number of entries, for any static host:

pages = write_site([folder], folder.parent / "site")
print(f"{pages} entry on {folder.parent.name}/site/index.html")

# %%
# What half a year came to:

earned, best = figures["return"], figures["return"] + figures["regret"]
figure, axes = plt.subplots(figsize=(7, 2.2), layout="constrained")
axes.barh(["by the clock", "optimum"], [earned, best], color=["#0b6e4f", "#d9a441"])
axes.set_xlabel(f"earned in half a year [{row['unit']}]")
plt.show()

print(f"left on the table by the clock: {figures['regret']:.2f} USD in half a year")
