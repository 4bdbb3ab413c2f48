"""What the source documents claim of learning from experts: one command each, reported whichever way it goes.

``python benchmarks/claims.py`` runs them all (two hours on two cores) and writes ``benchmarks/CLAIMS.md``; ``--only``
runs those whose title or command holds some words, and keeps what the page says of the others.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "benchmarks" / "CLAIMS.md"
HEAD = """# Claims, tested

Each is one run of the command that stands with it, played on the whole test split; made with
`python benchmarks/claims.py`. Intervals are 95 % bootstrap intervals over seeds."""
SPARSE = "finetune --dataset ercot-2021-2022 --steps 50000 --batches 2000"
CLAIMS = {
    "Cloning the expert beats DQN from scratch on sparse data: 1 month": f"{SPARSE} --months 1",
    "... 3 months": f"{SPARSE} --months 3",
    "... 12 months": f"{SPARSE} --months 12",
    "Offline CQL from MILP data beats DQN from scratch (EnCortex: +11 %)": (
        "offline --dataset ercot-2021-2022 --steps 50000 --batches 3000"
    ),
    "CQL beats the behaviour that generated its data: real markets, test year 2024": (
        "leaderboard markets --agents cql,energy_gym.agents.records.behaviour:Behaviour"
    ),
    "Pre-trained on one market, then fine-tuned, beats from scratch (EnCortex: +3 %)": (
        "pretrain --first de-lu --then caiso --before 100000 --steps 50000"
    ),
    "The same from three to five levels": "transfer --dataset ercot-2021-2022 --before 100000 --steps 50000",
}


def played(words: str, seeds: int, workers: int, out: str) -> str:
    """Return the table that a command ends with."""
    command = [sys.executable, "-c", "from energy_gym.cli import main; main()", *words.split()]
    command += ["--seeds", str(seeds), "--workers", str(workers)]
    command += ["--out", out] if words.startswith("leaderboard") else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(line for line in lines if not line.startswith("Written to"))


def kept() -> dict[str, str]:
    """Return what the page says of each claim."""
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:] if PAGE.is_file() else []
    return {title: body.strip() for title, _, body in (section.partition("\n") for section in sections)}


def write(sections: dict[str, str]) -> None:
    """Write the page, claims in their order."""
    pages = [HEAD, *(f"## {claim}\n\n{sections[claim]}" for claim in CLAIMS if claim in sections)]
    PAGE.write_text("\n\n".join(pages) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the commands behind the claims of the source documents.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="words that the title or the command holds")
    parser.add_argument("--out", default="claims", help="folder of the leaderboards; what it holds is not played again")
    asked = parser.parse_args()
    sections = kept()
    for claim, words in CLAIMS.items():
        if asked.only in f"{claim} {words}":
            told = played(words, asked.seeds, asked.workers, asked.out)
            sections[claim] = f"`energy-gym {words} --seeds {asked.seeds}`\n\n```text\n{told}\n```"
            write(sections)
            print(claim, told, sep="\n", flush=True)


if __name__ == "__main__":
    main()
