"""What the source documents claim of learning from experts: one run of a recipe each, reported whichever way it goes.

``python benchmarks/claims.py`` runs them all (about half an hour on two cores) and writes ``benchmarks/CLAIMS.md``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPARSE = "finetune --dataset ercot-2021-2022 --steps 50000 --batches 2000"
CLAIMS = {
    "Cloning the expert beats DQN from scratch on sparse data: 1 month": f"{SPARSE} --months 1",
    "... 3 months": f"{SPARSE} --months 3",
    "... 12 months": f"{SPARSE} --months 12",
    "Offline CQL from MILP data beats DQN from scratch (EnCortex: +11 %)": (
        "offline --dataset ercot-2021-2022 --steps 50000 --batches 3000"
    ),
    "Pre-trained on one market, then fine-tuned, beats from scratch (EnCortex: +3 %)": (
        "pretrain --first de-lu --then caiso --before 100000 --steps 50000"
    ),
    "The same from three to five levels": "transfer --dataset ercot-2021-2022 --before 100000 --steps 50000",
}


def played(words: str, seeds: int, workers: int) -> str:
    """Return the table that a recipe ends with."""
    name, *options = words.split()
    command = [sys.executable, str(ROOT / "agents" / f"{name}.py"), *options]
    command += ["--seeds", str(seeds), "--workers", str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the recipes behind the claims of the source documents.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    pages = [
        "# Claims, tested",
        f"Each is one run of a recipe with {asked.seeds} seeds, played on the whole test split; made with "
        f"`python benchmarks/claims.py --seeds {asked.seeds}`.\nIntervals are 95 % bootstrap intervals over seeds.",
    ]
    for claim, words in CLAIMS.items():
        told = played(words, asked.seeds, asked.workers)
        pages += [f"## {claim}", f"`energy-gym {words} --seeds {asked.seeds}`", f"```text\n{told}\n```"]
        (ROOT / "benchmarks" / "CLAIMS.md").write_text("\n\n".join(pages) + "\n", encoding="utf-8")
        print(claim, told, sep="\n", flush=True)


if __name__ == "__main__":
    main()
