// A scenario as a graph in three layers: entities, the decision units that hold them, and the contracts that settle these.

import { getJson } from "./api.js";
import { choice, figure, h, put, svg, table, words } from "./dom.js";
import { choose, place } from "./place.js";

const [HIGH, GAP, UNIT_GAP, BAR] = [52, 14, 40, 30];

// A line of text cut to fit, whole in its title.
const short = (text, width, each = 7.4) => (text.length * each > width ? `${text.slice(0, Math.max(3, Math.floor(width / each) - 1))}…` : text);

// What tells most of a member in a line.
function gist({ figures }) {
  const first = ["capacity_kwh", "export_kw", "column", "price", "rate_per_kw", "prequalified_kw"].find((name) => ["number", "string"].includes(typeof figures[name]));
  if (first) return `${words(first)}: ${typeof figures[first] === "number" ? figure(figures[first]) : figures[first]}`;
  const count = Object.keys(figures).length;
  return count ? `${count} figures` : "";
}

function node(member, x, y, width, kind, chosen) {
  const pick = () => choose({ node: member.name === chosen ? "" : member.name });
  return svg("g", {
    id: `node-${member.name}`, class: `node ${kind}`, tabindex: "0", role: "button", transform: `translate(${x} ${y})`,
    "aria-pressed": String(member.name === chosen), "aria-label": `${member.name}, ${member.kind.replaceAll("_", " ")}`,
    onclick: pick,
    onkeydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pick();
    },
  },
  svg("title", {}, `${member.name} (${member.kind})`),
  svg("rect", { width, height: HIGH, rx: 8 }),
  svg("text", { x: 10, y: 21, class: "name" }, short(member.name, width - 20, 8.2)),
  svg("text", { x: 10, y: 39 }, short(gist(member) || member.kind.replaceAll("_", " "), width - 20, 6.4)));
}

const curve = (x, y, to, high) => svg("path", { class: "edge", d: `M${x} ${y}C${(x + to) / 2} ${y} ${(x + to) / 2} ${high} ${to} ${high}` });

function drawn(graph, chosen, width) {
  const box = Math.min(260, (width - BAR - 70) / 2);
  const [left, right, bar] = [2, width - box - 2, (width - BAR) / 2];
  const parts = [];
  let top = 26;
  for (const unit of graph.units) {
    const rows = Math.max(unit.entities.length, unit.contracts.length);
    const high = rows * (HIGH + GAP) - GAP;
    const layers = [[unit.entities, left, "entity"], [unit.contracts, right, "contract"]];
    for (const [members, x, kind] of layers) {
      const begin = top + (high - (members.length * (HIGH + GAP) - GAP)) / 2;
      members.forEach((member, at) => {
        const y = begin + at * (HIGH + GAP);
        const middle = y + HIGH / 2;
        const goal = top + ((at + 0.5) / members.length) * high;
        parts.push(kind === "entity" ? curve(x + box, middle, bar, goal) : curve(bar + BAR, goal, x, middle));
        parts.push(node(member, x, y, box, kind, chosen));
      });
    }
    const [x, y] = [bar + BAR / 2, top + high / 2];
    parts.push(svg("g", { class: "unit" },
      svg("title", {}, `decision unit ${unit.name}, ${unit.settled_by}`),
      svg("rect", { x: bar, y: top, width: BAR, height: high, rx: 8 }),
      svg("text", { x, y, transform: `rotate(-90 ${x} ${y})`, "text-anchor": "middle", "dominant-baseline": "central" }, short(unit.name, high - 10, 8))));
    top += high + UNIT_GAP;
  }
  const heads = [["entities", left + box / 2], ["unit", bar + BAR / 2], ["contracts", right + box / 2]];
  parts.unshift(...heads.map(([text, x]) => svg("text", { x, y: 14, "text-anchor": "middle", class: "head" }, text)));
  const high = top - UNIT_GAP + 4;
  return svg("svg", { class: "graph", viewBox: `0 0 ${width} ${high}`, width, height: high, role: "group", "aria-label": `Scenario ${graph.name}` }, parts);
}

// Figures as they are written: names and values, tables where a list has rows of the same names.
function told(value) {
  if (Array.isArray(value)) {
    const rows = value.length && value.every((row) => row && typeof row === "object" && !Array.isArray(row));
    if (!rows) return value.every((one) => Array.isArray(one)) ? value.map((one) => one.join(" to ")).join(", ") : value.map(String).join(", ");
    const names = [...new Set(value.flatMap((row) => Object.keys(row).filter((name) => row[name] !== null)))];
    return table("Rows", names.map((name) => ({ name: words(name) })), value.map((row) => ({ cells: names.map((name) => told(row[name] ?? "")) })));
  }
  if (value && typeof value === "object") return list(value);
  return typeof value === "number" ? figure(value) : String(value);
}

const list = (figures) => h("dl", { class: "figures" }, Object.entries(figures).filter(([, value]) => value !== null && value !== "" && value.length !== 0)
  .map(([name, value]) => [h("dt", {}, words(name)), h("dd", {}, told(value))]));

function details(graph, chosen) {
  for (const unit of graph.units) {
    const member = [...unit.entities, ...unit.contracts].find(({ name }) => name === chosen);
    if (!member) continue;
    const joins = member.parties.length ? h("p", { class: "soft" }, `Settles what ${member.parties.join(", ")} draw and give.`) : null;
    return [h("h2", {}, `${member.name} `, h("small", {}, member.kind.replaceAll("_", " "))), joins, list(member.figures)];
  }
  return [h("p", { class: "soft" }, "Choose an entity or a contract to see its figures.")];
}

async function sources(offered, signal) {
  const found = offered.sites.map((name) => ({ key: `site:${name}`, text: `${name}, live`, path: `v1/sites/${encodeURIComponent(name)}/facts`, of: (answer) => answer.scenario }));
  for (const name of offered.results) {
    const { tasks } = await getJson(`v1/results/${encodeURIComponent(name)}`, signal);
    for (const task of tasks) {
      found.push({ key: `task:${name}:${task.name}`, text: `${name}: ${task.name}`, path: `v1/results/${encodeURIComponent(name)}/scenario?${new URLSearchParams({ task: task.name })}`, of: (answer) => answer });
    }
  }
  return found;
}

export async function show(main, { chosen, offered, signal }) {
  const all = await sources(offered, signal);
  const source = all.find(({ key }) => key === chosen.of) ?? all[0];
  if (!source) {
    put(main, h("h1", {}, "Scenario"), h("p", {}, "There is no scenario to show."));
    return;
  }
  const graph = source.of(await getJson(source.path, signal));
  if (signal.aborted) return;
  const canvas = h("div", { class: "canvas" });
  const count = graph.units.length;
  put(main,
    h("div", { class: "head" }, h("h1", {}, graph.name),
      all.length > 1 ? choice("Scenario of", all.map(({ key, text }) => [key, text]), source.key, (value) => choose({ of: value, node: "" })) : null),
    h("p", { class: "soft" }, `${count === 1 ? "One decision unit" : `${count} decision units, decided on by themselves`}: ${graph.units.map((unit) => `${unit.name}, ${unit.settled_by}`).join("; ")}.`),
    canvas,
    h("section", { class: "chosen", "aria-live": "polite" }, details(graph, chosen.node)),
    h("details", {}, h("summary", {}, "Clock and objective"), list({ ...graph.clock, ...graph.objective })),
    h("details", {}, h("summary", {}, "As YAML"), h("pre", { tabindex: "0" }, graph.yaml)));
  let width = 0;
  const redraw = () => {
    const found = Math.floor(canvas.clientWidth);
    if (!found || found === width) return;
    width = found;
    const focused = document.activeElement?.id;
    put(canvas, drawn(graph, place().chosen.node, width));
    if (focused?.startsWith("node-")) document.getElementById(focused)?.focus();
  };
  const watch = new ResizeObserver(() => requestAnimationFrame(redraw));
  watch.observe(canvas);
  signal.addEventListener("abort", () => watch.disconnect(), { once: true });
  redraw();
}
