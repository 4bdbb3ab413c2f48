// Data sets: their cards, and what a check of their series finds.

import { getJson } from "./api.js";
import { choice, figure, h, put, table, words } from "./dom.js";
import { choose } from "./place.js";

const path = (id) => `v1/data/${encodeURIComponent(id)}`;

function facts(card) {
  const rows = Object.entries(card.facts).filter(([name]) => !["title", "description"].includes(name));
  const splits = Object.entries(card.splits).map(([name, [first, stop]]) => [`split ${name}`, `${first} up to, not including, ${stop}`]);
  return h("dl", { class: "figures" }, [...rows, ...splits].map(([name, value]) => [h("dt", {}, words(name)), h("dd", {}, value)]));
}

function columns(card) {
  if (!card.columns.length) return null;
  const names = [{ name: "column" }, { name: "unit" }, { name: "published" }, { name: "filled" }, ...["mean", "offset", "scale"].map((name) => ({ name, numeric: true })), { name: "what it is" }];
  return table("Columns", names, card.columns.map((column) => ({
    cells: [column.name, column.unit, column.published, column.fill, ...["mean", "offset", "scale"].map((name) => figure(column.statistics[name])), column.title],
  })));
}

function found(report) {
  const findings = report.findings.length
    ? table("Findings", [{ name: "severity" }, { name: "column" }, { name: "kind" }, { name: "steps", numeric: true }, { name: "what was found" }],
      report.findings.map((row) => ({ attributes: { "data-level": row.severity }, cells: [row.severity, row.column, row.kind, String(row.steps), row.text] })))
    : h("p", {}, "No gap, no duplicate, nothing frozen.");
  const phases = report.phases.length
    ? table("Clocks", [{ name: "column" }, { name: "clock" }, { name: "held against" }, { name: "largest shift [h]", numeric: true }, { name: "allowed [h]", numeric: true }],
      report.phases.map((row) => ({ cells: [row.column, row.steady ? "steady" : `shifted ${row.when}`, row.method, figure(row.shift_h), figure(row.limit_h)] })))
    : null;
  const files = report.files.length
    ? table("Files", [{ name: "file" }, { name: "hash" }], report.files.map((row) => ({ cells: [row.file, row.state] })))
    : null;
  const verdict = h("p", { class: "verdict", "data-level": report.passed ? "good" : "bad", role: "status" }, report.passed ? "Passed." : "Failed.");
  return [verdict, findings, phases, files, ...report.notes.map((note) => h("p", { class: "soft" }, note))].filter(Boolean);
}

async function check(id, place, signal) {
  put(place, h("p", { role: "status" }, "Checking."));
  try {
    const report = await getJson(`${path(id)}/checks`, signal);
    put(place, ...found(report));
  } catch (error) {
    if (!signal.aborted) put(place, h("p", { role: "alert" }, error.message));
  }
}

export async function show(main, { chosen, signal }) {
  const sets = await getJson("v1/data", signal);
  if (!sets.length) {
    put(main, h("h1", {}, "Data"), h("p", {}, "There is no data set to show."));
    return;
  }
  const id = sets.some((set) => set.id === chosen.set) ? chosen.set : sets[0].id;
  const card = await getJson(path(id), signal);
  if (signal.aborted) return;
  const checks = h("div", { class: "checks" });
  const text = ({ id: name, title, at_hand: here }) => `${name}: ${title}${here ? "" : " (not at hand)"}`;
  put(main,
    h("div", { class: "head" }, h("h1", {}, card.id), sets.length > 1 ? choice("Data set", sets.map((set) => [set.id, text(set)]), id, (value) => choose({ set: value, checks: "" })) : null),
    h("p", {}, h("b", {}, card.facts.title)), card.facts.description ? h("p", {}, card.facts.description) : "",
    facts(card), columns(card) ?? "",
    card.defects.length ? h("ul", { class: "alarms", "aria-label": "Known defects" }, card.defects.map((text) => h("li", {}, h("b", {}, "known defect: "), text))) : "",
    h("h2", {}, "Checks"),
    card.at_hand
      ? h("button", { id: "check", type: "button", onclick: () => choose({ set: id, checks: "1" }) }, "Check series and files")
      : h("p", { class: "soft" }, `Its files are not at hand: energy-gym data fetch ${id}`),
    checks);
  if (chosen.checks && card.at_hand) check(id, checks, signal);
}
