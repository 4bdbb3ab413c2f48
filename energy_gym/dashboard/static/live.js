// A site while it happens: what was metered, what is believed and planned, earlier plans, and what is amiss.

import { getJson, listen, query } from "./api.js";
import { draw, forget, timeChart } from "./charts.js";
import { ago, choice, figure, h, moment, number, put, share, table, words } from "./dom.js";
import { choose } from "./place.js";

const WINDOWS = [[6, "6 hours"], [24, "a day"], [72, "3 days"], [168, "a week"]];
const DRAWN_EVERY_MS = 400;
const seconds = (stamp) => Date.parse(stamp) / 1000;

// What the page knows of a site, in the order of time.
class Known {
  constructor(facts, hours) {
    this.facts = facts;
    this.hours = hours;
    this.step = 60 * facts.step_minutes;
    this.intervals = new Map();
    this.plans = new Map();
    this.prices = { buy: new Map(), sell: new Map(), until: -Infinity, since: Infinity };
    this.plan = null;
    this.outlook = {};
    this.state = null;
  }

  get now() {
    return this.plan ? seconds(this.plan.time) : this.state ? seconds(this.state.now) : 0;
  }

  get span() {
    const now = Math.floor(this.now / this.step) * this.step;
    return [now - 3600 * this.hours, now + this.step * Math.min(this.facts.horizon, 2 * 3600 * this.hours / this.step)];
  }

  addIntervals(rows) {
    for (const row of rows) this.intervals.set(seconds(row.time), row);
  }

  addPlan(plan) {
    this.plans.set(seconds(plan.time), plan);
    if (!this.plan || seconds(plan.time) >= seconds(this.plan.time)) this.plan = plan;
  }

  // Lets go of what is older than what is shown.
  trim() {
    const oldest = this.span[0] - this.step;
    for (const kept of [this.intervals, this.plans, this.prices.buy, this.prices.sell]) {
      for (const time of kept.keys()) if (time < oldest) kept.delete(time);
    }
  }
}

const path = (site) => `v1/sites/${encodeURIComponent(site)}`;
const stamps = (since, until) => query({ since: new Date(since * 1000).toISOString(), until: new Date(until * 1000).toISOString() });

async function pages(address, since, until, step, signal) {
  const rows = [];
  for (let from = since; from < until; from += 1000 * step) {
    rows.push(...await getJson(`${address}?${stamps(from, Math.min(from + 1000 * step, until))}`, signal));
  }
  return rows;
}

async function loadPrices(known, signal) {
  const [since, until] = known.span;
  // A price that comes with the data is believed anew with every plan.
  const told = known.facts.series.some((name) => name.endsWith("_per_mwh"));
  if (!told && until <= known.prices.until && since >= known.prices.since) return;
  const far = until + 6 * 3600;
  const found = await getJson(`${path(known.facts.site)}/prices?${stamps(since, far)}`, signal);
  found.times.forEach((stamp, at) => {
    known.prices.buy.set(seconds(stamp), found.buy_per_mwh[at]);
    known.prices.sell.set(seconds(stamp), found.sell_per_mwh[at]);
  });
  known.prices.since = since;
  known.prices.until = far;
}

async function load(known, signal) {
  const site = known.facts.site;
  known.state = await getJson(`${path(site)}/now`, signal);
  if (!known.state.last_plan) return;
  known.addPlan(await getJson(`${path(site)}/plans/${encodeURIComponent(known.state.last_plan)}`, signal));
  const [since] = known.span;
  const until = known.now + known.step;
  known.addIntervals(await pages(`${path(site)}/intervals`, since, until, known.step, signal));
  for (const plan of await pages(`${path(site)}/plans`, since, until, known.step, signal)) {
    if (!known.plans.has(seconds(plan.time))) known.addPlan(plan);
  }
  await loadPrices(known, signal);
}

// Series over the whole span, with null where nothing is known.
function laid(known, version) {
  const [since, until] = known.span;
  const times = [];
  for (let time = since; time <= until; time += known.step) times.push(time);
  const of = (name) => times.map((time) => known.intervals.get(time)?.[name] ?? null);
  const planned = (plan, name) => {
    const start = plan ? seconds(plan.time) : 0;
    return times.map((time) => plan?.schedule?.[name]?.[Math.round((time - start) / known.step)] ?? null);
  };
  const believed = (name) => {
    const start = known.plan ? seconds(known.plan.time) : 0;
    return times.map((time) => known.outlook[name]?.[Math.round((time - start) / known.step)] ?? null);
  };
  // The charge that a row holds was read when its interval ended.
  const charge = times.map((time) => known.intervals.get(time - known.step)?.soc ?? null);
  const percent = (values) => values.map((value) => (value === null ? null : 100 * value));
  return {
    times,
    buy: times.map((time) => known.prices.buy.get(time) ?? null),
    sell: times.map((time) => known.prices.sell.get(time) ?? null),
    metered: Object.fromEntries(["load_kw", "pv_kw", "grid_kw", "power_kw"].map((name) => [name, of(name)])),
    believed: Object.fromEntries(known.facts.series.map((name) => [name, believed(name)])),
    plan: { battery: planned(known.plan, "battery_kw"), grid: planned(known.plan, "grid_kw"), soc: percent(planned(known.plan, "soc")) },
    version: version ? { battery: planned(version, "battery_kw"), grid: planned(version, "grid_kw"), soc: percent(planned(version, "soc")) } : null,
    soc: percent(charge),
  };
}

const dashed = [6, 4];
const dotted = [2, 3];
const some = (values) => values.some((value) => value !== null);

function charts(known, version) {
  const { facts } = known;
  const all = laid(known, version);
  const shared = { times: all.times, now: known.now, zone: facts.zone, sync: "live" };
  const line = (label, values, colour, more = {}) => ({ label, values, colour, kind: "steps", ...more });
  const old = version ? `plan of ${moment(version.time, facts.zone)}` : "";
  const price = [line("buy", all.buy, "--price"), ...(all.sell.some((value, at) => value !== all.buy[at] && value) ? [line("sell", all.sell, "--price", { dash: dashed })] : [])];
  const use = [
    line("load", all.metered.load_kw, "--load"),
    line("load, believed", all.believed.load_kw ?? [], "--load", { dash: dashed }),
    line("solar", all.metered.pv_kw, "--solar"),
    line("solar, believed", all.believed.pv_kw ?? [], "--solar", { dash: dashed }),
  ].filter((one) => some(one.values));
  const power = [
    line("battery", all.metered.power_kw, "--battery", { fill: true }),
    line("battery, planned", all.plan.battery, "--battery", { dash: dashed, fill: true }),
    line("grid", all.metered.grid_kw, "--grid"),
    line("grid, planned", all.plan.grid, "--grid", { dash: dashed }),
    ...(version ? [line(`battery, ${old}`, all.version.battery, "--lost", { dash: dotted }), line(`grid, ${old}`, all.version.grid, "--lost", { dash: [1, 5] })] : []),
  ];
  const store = [
    { label: "read", values: all.soc, colour: "--battery" },
    { label: "planned", values: all.plan.soc, colour: "--battery", dash: dashed },
    ...(version ? [{ label: old, values: all.version.soc, colour: "--lost", dash: dotted }] : []),
  ];
  const row = known.intervals.get(known.now - known.step);
  return [
    some(all.buy) ? timeChart({ ...shared, title: "Price", unit: `${facts.currency}/MWh`, lines: price, range: [0, 0], height: 150, told: "What a MWh costs at the meter." }) : null,
    use.length ? timeChart({ ...shared, title: "Load and solar", unit: "kW", lines: use, range: [0, 0], told: `Load ${number(row?.load_kw)} kW, solar ${number(row?.pv_kw)} kW in the last interval.` }) : null,
    timeChart({ ...shared, title: "Battery and grid", unit: "kW", lines: power, range: [0, 0], told: `Battery ${number(known.plan?.battery_power_kw)} kW now; positive charges, imports.` }),
    timeChart({ ...shared, title: "State of charge", unit: "%", lines: store, range: [100 * facts.soc_min, 100 * facts.soc_max], height: 160, told: `${share(row?.soc)} read last; limits ${share(facts.soc_min)} and ${share(facts.soc_max)}.` }),
  ].filter(Boolean);
}

function tile(name, value, note, level) {
  return h("div", { class: "tile", "data-level": level }, h("dt", {}, name), h("dd", {}, h("b", {}, value), note ? h("small", {}, ` ${note}`) : null));
}

function tiles(known) {
  const { state, plan, facts } = known;
  const row = known.intervals.get(known.now - known.step);
  const power = plan?.battery_power_kw;
  const way = power > 0.05 ? "charges" : power < -0.05 ? "gives out" : "rests";
  const price = known.prices.buy.get(known.now) ?? undefined;
  const soc = plan?.schedule?.soc?.[0] ?? row?.soc;
  const list = [
    tile("Status", state.status, state.quality ? `forecasts ${state.quality}` : "", state.status === "optimal" ? "good" : "bad"),
    tile("Battery", `${number(power)} kW`, way),
    tile("State of charge", share(soc), `${number(soc * facts.capacity_kwh, 0)} of ${number(facts.capacity_kwh, 0)} kWh`),
    tile("Load", `${number(row?.load_kw)} kW`, row ? "last interval" : ""),
    facts.series.includes("pv_kw") ? tile("Solar", `${number(row?.pv_kw)} kW`, row ? "last interval" : "") : null,
    tile("Grid", `${number(row?.grid_kw)} kW`, row ? (row.grid_kw < 0 ? "exports" : "imports") : ""),
    price === undefined ? null : tile("Price", figure(price), `${facts.currency}/MWh`),
    tile("Plan", plan ? moment(plan.time, facts.zone, { day: undefined, month: undefined }) : "none", plan ? `made in ${number(plan.seconds, 2)} s by ${state.agent}` : ""),
    ...Object.entries(state.forecasts).map(([series, told]) =>
      tile(`Forecast of ${words(series)}`, told.quality, told.age_seconds === null ? "none has come" : `${ago(told.age_seconds)} old`, told.quality === "fresh" ? "good" : "bad")),
  ];
  return h("dl", { class: "tiles" }, list);
}

function alarms(state) {
  if (!state.alarms.length) return h("p", { class: "quiet", role: "status" }, "Nothing is amiss.");
  return h("ul", { class: "alarms", "aria-label": "Alarms" },
    state.alarms.map(({ level, what, why }) => h("li", { "data-level": level }, h("b", {}, `${level}: ${what}`), why ? `. ${why}` : "")));
}

// Plans that were no plain success, those with one reason in one row.
function troubles(known) {
  const rows = [];
  for (const plan of [...known.plans.values()].sort((one, other) => seconds(other.time) - seconds(one.time))) {
    if (plan.status === "optimal" && !plan.reason) continue;
    const last = rows.at(-1);
    if (last && last.status === plan.status && last.reason === plan.reason) Object.assign(last, { first: plan.time, count: last.count + 1 });
    else rows.push({ status: plan.status, reason: plan.reason, first: plan.time, last: plan.time, count: 1 });
  }
  if (!rows.length) return h("p", {}, "Every plan of this time was the agent's own, on fresh forecasts.");
  const when = ({ first, last, count }) => (count === 1 ? moment(last, known.facts.zone) : `${moment(first, known.facts.zone)} to ${moment(last, known.facts.zone)}`);
  return table("What was amiss", [{ name: "when" }, { name: "plans", numeric: true }, { name: "status" }, { name: "reason" }],
    rows.slice(0, 50).map((row) => ({ cells: [when(row), String(row.count), row.status, row.reason] })));
}

function schedule(known, plan) {
  if (!plan?.schedule) return h("p", {}, "No schedule.");
  const start = seconds(plan.time);
  const rows = plan.schedule.battery_kw.slice(0, 96).map((power, at) => ({
    cells: [moment((start + at * known.step) * 1000, known.facts.zone), number(power), number(plan.schedule.grid_kw[at]), share(plan.schedule.soc[at])],
  }));
  return table("Schedule", [{ name: "from" }, { name: "battery [kW]", numeric: true }, { name: "grid [kW]", numeric: true }, { name: "charge before", numeric: true }], rows);
}

function versions(known, version) {
  const times = [...known.plans.keys()].sort((one, other) => other - one);
  const options = [["", "none"], ...times.map((time) => [new Date(time * 1000).toISOString(), moment(time * 1000, known.facts.zone)])];
  const at = version ? times.indexOf(seconds(version.time)) : -1;
  const to = (place) => choose({ plan: place < 0 ? "" : new Date(times[place] * 1000).toISOString() });
  return h("span", { class: "row" },
    choice("Compare with the plan of", options, version ? new Date(seconds(version.time) * 1000).toISOString() : "", (value) => choose({ plan: value })),
    h("button", { id: "earlier", type: "button", disabled: at + 1 >= times.length, onclick: () => to(at + 1) }, "Earlier"),
    h("button", { id: "later", type: "button", disabled: at < 0, onclick: () => to(at - 1) }, "Later"));
}

export async function show(main, { chosen, offered, signal, connection }) {
  const site = offered.sites.includes(chosen.site) ? chosen.site : offered.sites[0];
  const hours = WINDOWS.some(([value]) => String(value) === chosen.hours) ? Number(chosen.hours) : 24;
  const known = new Known(await getJson(`${path(site)}/facts`, signal), hours);
  await load(known, signal);
  const version = chosen.plan ? await getJson(`${path(site)}/plans/${encodeURIComponent(chosen.plan)}`, signal).catch(() => null) : null;
  if (signal.aborted) return;
  const parts = Object.fromEntries(["alarms", "tiles", "versions", "charts", "troubles", "schedule"].map((name) => [name, h("div", { class: name })]));
  put(main,
    h("div", { class: "head" }, h("h1", {}, site),
      offered.sites.length > 1 ? choice("Site", offered.sites.map((name) => [name, name]), site, (value) => choose({ site: value, plan: "" })) : null,
      choice("Show the last", WINDOWS, hours, (value) => choose({ hours: value })),
      h("small", {}, `Times of ${known.facts.zone}`)),
    parts.alarms, parts.tiles, parts.versions, parts.charts,
    h("details", {}, h("summary", {}, "Plans that were not as they should be"), parts.troubles),
    h("details", {}, h("summary", {}, "The schedule in figures"), parts.schedule));
  let drawn = 0;
  let due = 0;
  const redraw = () => {
    due = 0;
    drawn = Date.now();
    if (signal.aborted) return;
    known.trim();
    put(parts.alarms, alarms(known.state));
    put(parts.tiles, tiles(known));
    if (!parts.versions.contains(document.activeElement)) put(parts.versions, versions(known, version));
    forget(parts.charts);
    put(parts.charts, ...charts(known, version));
    draw(parts.charts);
    put(parts.troubles, troubles(known));
    put(parts.schedule, schedule(known, version ?? known.plan));
  };
  const soon = () => {
    due ||= setTimeout(redraw, Math.max(0, drawn + DRAWN_EVERY_MS - Date.now()));
  };
  redraw();
  const heard = (kind, told) => {
    if (kind === "status") known.state = told;
    if (kind === "plan") {
      known.addPlan(told.plan);
      known.addIntervals(told.intervals);
      if (Object.keys(told.outlook).length) known.outlook = told.outlook;
      loadPrices(known, signal).then(soon, () => {});
    }
    soon();
  };
  listen(`${path(site)}/stream`, { heard, signal, state: connection });
}
