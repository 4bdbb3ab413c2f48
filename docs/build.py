"""Builds the documentation site: ``python docs/build.py [--out FOLDER]``; every warning is an error.

One rule: the site is made anew from the repository each time; nothing it is made from is kept in the repository twice.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from making import commands, environments, indexes, links, llms, reference, staging  # noqa: E402


def main() -> int:
    """Gather the pages, build them, check the links between them; return an exit status."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--out", type=Path, default=HERE.parent / "build" / "site", help="folder of the built site")
    asked.add_argument("--jobs", default="1", help="processes of Sphinx")
    asked.add_argument("--no-tutorials", action="store_true", help="show the tutorials without running them")
    options = asked.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        gather(source)
        print(f"pages gathered ({time.perf_counter() - begun:.0f} s)")
        made = Path(folder) / "made"
        status = sphinx(source, made, options.jobs, not options.no_tutorials)
        (made / "llms.txt").write_text(llms.text(source), encoding="utf-8")
        broken = [] if status else links.broken(made)
        for line in broken:
            print(line, file=sys.stderr)
        if status or broken:
            return 1
        shutil.rmtree(options.out, ignore_errors=True)
        shutil.copytree(made, options.out, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo*", "objects.inv"))
    count = len(list(options.out.rglob("*.html")))
    print(f"{count} pages in {options.out} ({time.perf_counter() - begun:.0f} s)")
    return 0


def gather(source: Path) -> None:
    """Write all pages into a folder: those written by hand, and those made from the code."""
    staging.stage(source)
    made = {**environments.pages(source), "reference/commands.md": commands.page(), **dict(reference.pages())}
    made |= indexes.pages(source)
    for name, text in made.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")


def sphinx(source: Path, made: Path, jobs: str, tutorials: bool) -> int:
    """Run Sphinx on the pages; warnings are errors, all of them are shown."""
    from sphinx.cmd.build import build_main

    os.environ["ENERGY_GYM_ROOT"] = str(HERE.parent)
    os.environ.setdefault("MPLBACKEND", "Agg")
    told = [] if tutorials else ["-D", "plot_gallery=0"]
    strict = ["-W", "--keep-going", "-q", "-j", jobs]
    return build_main([*strict, *told, "-c", str(HERE), "-d", str(made / ".doctrees"), str(source), str(made)])


if __name__ == "__main__":
    raise SystemExit(main())
