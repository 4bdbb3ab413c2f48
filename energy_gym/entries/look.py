"""How the pages of entries look, and the script that sorts their tables.

One rule: nothing is fetched from elsewhere; without the script the tables are there, only not to be sorted.
"""

from __future__ import annotations

from html import escape

STYLE = """\
:root{color-scheme:light dark;--paper:#fff;--ink:#1c1f23;--soft:#5b636d;--line:#d9dde2;--tint:#f4f6f8;
--link:#0b57a4;--own:#0b66b8;--best:#8a6100;--lost:#c2410c;--won:#0b66b8;--price:#6b4fa3}
@media(prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e6e9ec;--soft:#a3acb6;--line:#363c44;--tint:#1d2127;
--link:#8ec4ff;--own:#6cb6ff;--best:#e3b04b;--lost:#ff8f57;--won:#6cb6ff;--price:#bda6f5}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1180px;margin:0 auto;
padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .6rem}h2{font-size:1.25rem;margin:2.2rem 0 .4rem}
h3{font-size:1rem;margin:1.2rem 0 .2rem}h1,h2,p,dd{overflow-wrap:anywhere}
a{color:var(--link)}p{max-width:75ch}small,.soft{color:var(--soft)}
.scroll{overflow-x:auto;margin:.8rem 0;border:1px solid var(--line);border-radius:6px}
.scroll:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--own);outline-offset:1px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.figures{max-width:34rem}
th,td{padding:.4rem .7rem;border-top:1px solid var(--line);text-align:right;white-space:nowrap;vertical-align:baseline}
thead th{background:var(--tint);border-top:0;font-weight:600}
th:first-child,td:first-child,.text{text-align:left}.text{white-space:normal;min-width:9rem}
th[scope=row]{font-weight:600;white-space:normal;min-width:8rem}
th button{all:unset;cursor:pointer;font-weight:600;border-radius:3px}
th button::after{content:"\\2195";color:var(--soft);margin-left:.35em;font-size:.85em}
th[aria-sort=ascending] button::after{content:"\\2191"}th[aria-sort=descending] button::after{content:"\\2193"}
dl{display:grid;grid-template-columns:minmax(6rem,11rem) 1fr;gap:.15rem 1rem;margin:.8rem 0}
dt{color:var(--soft)}dd{margin:0}code{font-size:.9em}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:.4rem 2rem}
.panels>section{min-width:0}.key{margin:.2rem 0;color:var(--soft);font-size:.9rem}
.key b{display:inline-block;width:1.1em;height:.22em;vertical-align:middle;margin:0 .4em 0 0;border-radius:1px}
.key span{margin-right:1rem;white-space:nowrap}
svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif;fill:var(--soft)}
svg .title{font-weight:600}polyline{fill:none;stroke-width:1.7;stroke-linejoin:round}
.grid{stroke:var(--line);stroke-width:.7}.zero{stroke:var(--soft);stroke-width:.9}
polyline.own{stroke:var(--own)}polyline.best{stroke:var(--best);stroke-dasharray:4 2.5}
polyline.price{stroke:var(--price)}
rect.lost,path.lost{fill:var(--lost)}path.won{fill:var(--won)}
b.own{background:var(--own)}b.best{background:var(--best)}b.price{background:var(--price)}b.lost{background:var(--lost)}
b.won{background:var(--won)}
@media(max-width:520px){body{padding-top:1rem}dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
"""
SCRIPT = """\
// Sorts a table by the column whose heading is pressed, by mouse or by keyboard; what has no figure stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = head.dataset.first || "descending";
      const other = first === "descending" ? "ascending" : "descending";
      const way = now === first ? other : first;
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim().toLowerCase();
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const numbers = [Number(a), Number(b)];
        const order = numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1];
        return sign * order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
"""


def page(title: str, body: str, root: str = "") -> str:
    """Return a page.

    Args:
        title: Its title, as plain text.
        body: What stands on it, as HTML.
        root: What leads from it to the folder of all pages.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="{root}style.css">'
        f'<script src="{root}sort.js" defer></script></head><body><main>{body}</main></body></html>\n'
    )


def key(*lines: tuple[str, str]) -> str:
    """Return what colours mean: pairs of a kind and its words."""
    return f'<p class="key">{"".join(f"<span><b class={kind}></b>{escape(words)}</span>" for kind, words in lines)}</p>'
