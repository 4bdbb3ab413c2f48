"""The pages that lead to others: of the reference, and of what was measured."""

from __future__ import annotations

from pathlib import Path

from making.llms import TITLE
from making.reference import MODULES

REFERENCE = """\
# Python

The public modules. What a page names keeps its meaning between releases as the [policy](../deprecation.md) says.

| module | what is there |
| --- | --- |
{rows}

```{{toctree}}
:hidden:

{names}
```
"""
MEASURED = """\
# Measured

Pages that programs of this repository wrote; each says by which command.

{rows}

```{{toctree}}
:hidden:
:glob:

*
search/*
```
"""


def pages(source: Path) -> dict[str, str]:
    """Return the path and the text of each index; the pages they lead to are in the folder already."""
    import importlib

    rows = []
    for name in MODULES:
        said = (importlib.import_module(name).__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        rows.append(f"| [`{name}`]({name}.md) | {said.removeprefix(f'{name}: ')} |")
    boards = [f"- {_titled(page, source)}" for page in sorted((source / "benchmarks").glob("**/*.md"))]
    return {
        "reference/index.md": REFERENCE.format(rows="\n".join(rows), names="\n".join(MODULES)),
        "benchmarks/index.md": MEASURED.format(rows="\n".join(boards)),
    }


def _titled(page: Path, source: Path) -> str:
    title = TITLE.search(page.read_text(encoding="utf-8"))
    address = page.relative_to(source / "benchmarks").as_posix()
    return f"[{title[1] if title else page.stem}]({address})"
