// Agents side by side over a period: money, regret by day, what rewards are made of, and what was done by the hour.

import { getJson, query } from "./api.js";
import { draw, forget, timeChart } from "./charts.js";
import { choice, figure, h, number, put, table, words } from "./dom.js";
import { choose } from "./place.js";

const COLOURS = ["--one", "--two", "--three", "--four", "--five", "--six", "--seven", "--eight"];
const DASHES = [undefined, [8, 4], [2, 3], [10, 3, 2, 3]];
// What a night finds of a day: the whole, then what it is made of.
const REGRET = ["regret", "forecast", "control", "execution"];
const PARTS = ["energy_cost", "demand_charge", "wear", "penalty", "carbon_kg", "cost"];
const CALLED = { energy_cost: "energy cost", demand_charge: "demand charge", wear: "wear cost", penalty: "penalties", carbon_kg: "carbon [kg]", cost: "refused [kWh]" };
const DAY = 86400;
const midnight = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
const iso = (time) => new Date(time * 1000).toISOString().slice(0, 10);
const sum = (values) => values.reduce((whole, value) => whole + (value ?? 0), 0);

// One that played: its days in the period, figure by figure.
class Player {
  constructor(name, unit, days) {
    this.name = name;
    this.unit = unit;
    this.days = days;
  }

  within(since, until) {
    const kept = this.days.day.map((day, at) => [day, at]).filter(([day]) => day >= since && day <= until).map(([, at]) => at);
    const days = Object.fromEntries(Object.entries(this.days).map(([name, values]) => [name, kept.map((at) => values[at])]));
    return new Player(this.name, this.unit, days);
  }

  has(name) {
    return this.days[name]?.some((value) => value !== null && value !== undefined) ?? false;
  }

  total(name) {
    return this.has(name) ? sum(this.days[name]) : null;
  }

  on(days, name) {
    const at = new Map(this.days.day.map((day, place) => [day, this.days[name]?.[place] ?? null]));
    return days.map((day) => at.get(day) ?? null);
  }
}

// Runs of one agent with several seeds are shown by their mean.
function merged(name, runs) {
  const [{ unit, days }] = runs;
  if (runs.length === 1) return new Player(name, unit, days);
  const mean = (rows) => (Array.isArray(rows[0]) ? rows[0].map((_, at) => mean(rows.map((row) => row[at]))) : rows.some((row) => row === null || row === undefined) ? null : sum(rows) / rows.length);
  const found = Object.fromEntries(Object.keys(days).map((key) =>
    [key, key === "day" ? days.day : days.day.map((_, at) => mean(runs.map((run) => run.days[key]?.[at])))]));
  return new Player(`${name} (mean of ${runs.length} seeds)`, unit, found);
}

function legend(players) {
  return h("p", { class: "key" }, players.map((player, at) => h("span", {},
    h("b", { class: `swatch c${at % COLOURS.length}` }), player.name)));
}

function charts(players, days) {
  if (days.length < 2) return [];
  const times = days.map(midnight);
  const lines = (of, more = {}) => players.map((player, at) => ({
    label: player.name, values: of(player), colour: COLOURS[at % COLOURS.length], dash: DASHES[Math.floor(at / COLOURS.length) % DASHES.length], ...more,
  }));
  const running = (values) => {
    let whole = 0;
    return values.map((value) => (value === null ? null : (whole += value)));
  };
  const shared = { times, zone: "UTC", sync: "results" };
  const unit = players[0].unit;
  const with_ = (name) => players.filter((player) => player.has(name));
  const each = (title, name, of, shownUnit, told) => (with_(name).length
    ? timeChart({ ...shared, title, unit: shownUnit, range: [0, 0], told, lines: lines((player) => of(player.on(days, name))).filter((_, at) => players[at].has(name)) })
    : null);
  return [
    each("Money over time", "reward", running, unit, "Rewards added up, day by day."),
    each("Regret by day", "regret", (values) => values, unit, "What the best plan earned more on the day."),
    each("Carbon over time", "carbon_kg", running, "kg CO2", "Carbon caused, added up."),
    each("Highest import", "peak_kw", (values) => values, "kW", "The highest import of each day."),
  ].filter(Boolean);
}

function bar(value, most, colour) {
  const width = most > 0 ? Math.round((100 * Math.abs(value)) / most) : 0;
  const meter = h("span", { class: `bar w${Math.min(100, Math.max(width, value ? 1 : 0))}${value < 0 ? " back" : ""} ${colour}`, "aria-hidden": "true" });
  return [h("span", { class: "number" }, figure(value)), meter];
}

function parts(players) {
  const names = PARTS.filter((name) => players.some((player) => player.total(name)));
  if (!names.length) return h("p", { class: "soft" }, "These results were kept without the parts of their rewards: play the suite again to see them.");
  const most = Object.fromEntries(names.map((name) => [name, Math.max(...players.map((player) => Math.abs(player.total(name) ?? 0)))]));
  const columns = [{ name: "agent" }, ...names.map((name) => ({ name: CALLED[name] ?? words(name), numeric: true }))];
  return table("What rewards are made of", columns, players.map((player, at) => ({
    cells: [player.name, ...names.map((name) => (player.total(name) === null ? "–" : bar(player.total(name), most[name], `c${at % COLOURS.length}`)))],
  })));
}

// Mean power into the stores by hour of the day, deeper where it is more.
function actions(players) {
  const rows = players.filter((player) => player.has("stored_kw")).map((player) => {
    const hours = Array.from({ length: 24 }, (_, hour) => {
      const found = player.days.stored_kw.map((day) => day?.[hour]).filter((value) => value !== null && value !== undefined);
      return found.length ? sum(found) / found.length : null;
    });
    return { player, hours };
  });
  if (!rows.length) return h("p", { class: "soft" }, "These results were kept without what was done by the hour: play the suite again to see it.");
  const most = Math.max(...rows.flatMap(({ hours }) => hours.map((value) => Math.abs(value ?? 0)))) || 1;
  const cell = (value) => {
    if (value === null) return "–";
    const depth = Math.ceil(8 * Math.sqrt(Math.abs(value) / most));
    return h("span", { class: `heat ${value < 0 ? "out" : "in"}${depth}` }, number(value, Math.abs(most) < 10 ? 1 : 0));
  };
  const columns = [{ name: "agent" }, ...Array.from({ length: 24 }, (_, hour) => ({ name: String(hour), numeric: true }))];
  return table("Mean power into the stores by hour of the day", columns, rows.map(({ player, hours }) => ({ cells: [player.name, ...hours.map(cell)] })), { class: "scroll hours" });
}

function summary(players) {
  const columns = [{ name: "agent" }, ...[`earned [${players[0].unit}]`, "regret", "regret a day", "carbon [kg]", "highest import [kW]", "days"].map((name) => ({ name, numeric: true }))];
  const rows = players.map((player) => {
    const days = player.days.day.length;
    const regret = player.total("regret");
    const known = player.days.regret?.filter((value) => value !== null && value !== undefined).length;
    const peak = player.has("peak_kw") ? Math.max(...player.days.peak_kw) : null;
    return { cells: [player.name, figure(player.total("reward")), figure(regret), regret === null ? "–" : figure(regret / known), figure(player.total("carbon_kg")), figure(peak), String(days)] };
  });
  return table("Agents over the period", columns, rows);
}

// Where regret comes from, of what nights have worked out.
function causes(players) {
  const known = players.filter((player) => player.has("forecast"));
  if (!known.length) return null;
  const columns = [{ name: "agent" }, ...REGRET.slice(1).map((name) => ({ name, numeric: true }))];
  return [h("h2", {}, "Where regret comes from"), table("Where regret comes from", columns, known.map((player) => ({
    cells: [player.name, ...REGRET.slice(1).map((name) => figure(player.total(name)))],
  })))];
}

function ranking(page, task) {
  const rows = page.runs.filter((run) => run.task === task);
  const columns = [{ name: "agent" }, ...["score", "regret", "return", "seed", "ms a decision"].map((name) => ({ name, numeric: true }))];
  return table("The whole episode", columns, rows.map((run) => ({
    cells: [run.agent, number(run.score, 4), figure(run.regret), figure(run.return), String(run.seed ?? "–"), number(1000 * run.seconds_per_decision, 3)],
  })));
}

function without(page, task) {
  const rows = [...page.failed.map((row) => [row.task, row.agent, row.error]), ...page.misfits.map((row) => [row.task, row.agent, row.why])]
    .filter(([of]) => !of || of === task);
  return rows.length ? h("details", {}, h("summary", {}, `${rows.length} without a result`),
    table("Without a result", [{ name: "agent" }, { name: "why" }], rows.map(([, agent, why]) => ({ cells: [agent, why] })))) : null;
}

function dates(first, last, since, until) {
  const field = (label, id, value, name) => h("label", { class: "choice" }, h("span", {}, label),
    h("input", { id, type: "date", value, min: first, max: last, onchange: (event) => choose({ [name]: event.target.value }) }));
  return [field("From", "since", since, "since"), field("Up to and with", "until", until, "until")];
}

function agents(players, chosen) {
  return h("fieldset", { class: "agents" }, h("legend", {}, "Agents"), players.map((player, at) => h("label", {},
    h("input", {
      id: `agent-${at}`, type: "checkbox", checked: chosen.has(player.name), onchange: (event) => {
        const kept = players.map(({ name }) => name).filter((name) => (name === player.name ? event.target.checked : chosen.has(name)));
        choose({ agents: kept.length === players.length ? "" : kept.join("|") || "-" });
      },
    }), player.name)));
}

async function fromFolder(name, chosen, signal) {
  const page = await getJson(`v1/results/${encodeURIComponent(name)}`, signal);
  const names = page.tasks.map((task) => task.name);
  const task = names.includes(chosen.task) ? chosen.task : names[0];
  const runs = await getJson(`v1/results/${encodeURIComponent(name)}/days?${query({ task })}`, signal);
  const by = Map.groupBy ? Map.groupBy(runs, ({ agent }) => agent) : runs.reduce((map, run) => map.set(run.agent, [...(map.get(run.agent) ?? []), run]), new Map());
  const players = [...by].map(([agent, list]) => merged(agent, list));
  return { title: page.title, players, page, task, names, note: page.description };
}

async function fromService(offered, chosen, signal) {
  const players = [];
  let note = "";
  for (const site of offered.sites) {
    const path = `v1/sites/${encodeURIComponent(site)}`;
    const { now } = await getJson(`${path}/now`, signal);
    const until = Date.parse(now) / 1000 + DAY;
    const answer = await getJson(`${path}/played?${query({ since: iso(until - 31 * DAY) + "T00:00:00Z", until: iso(until) + "T00:00:00Z" })}`, signal);
    const name = offered.sites.length > 1 ? `${site}: ${answer.agent}` : answer.agent;
    players.push(Object.assign(new Player(name, answer.unit, answer.days), { path }));
    note = "What the meter has shown of the last month; regret as the nights have worked it out, and of the last days now.";
  }
  return { title: "Sites of the service", players, note, path: "service" };
}

// Takes the regret that was worked out in the night.
async function addReviews(player, signal) {
  const { day: days } = player.days;
  for (const name of REGRET) player.days[name] = days.map(() => null);
  if (!days.length) return;
  const found = await getJson(`${player.path}/days?${query({ since: days[0], until: iso(midnight(days.at(-1)) + DAY) })}`, signal);
  for (const review of found) {
    const at = days.indexOf(review.day);
    if (at >= 0) for (const name of REGRET) player.days[name][at] = review[name];
  }
}

// Asks for the regret of days that no night has worked out, one after the other, the last ones first; a day with a gap
// has none.
async function addRegret(players, signal, redraw) {
  for (const player of players) {
    await addReviews(player, signal);
    redraw();
    const last = player.days.day.length - 1;
    for (let at = last - 1; at >= Math.max(0, last - 7); at -= 1) {
      if (player.days.regret[at] !== null) continue;
      const found = await getJson(`${player.path}/played/${player.days.day[at]}`, signal).catch(() => null);
      if (signal.aborted) return;
      player.days.regret[at] = found?.regret ?? null;
      redraw();
    }
  }
}

export async function show(main, { chosen, offered, signal }) {
  const sources = [...(offered.sites.length ? [["service", "the service's sites"]] : []), ...offered.results.map((name) => [`folder:${name}`, name])];
  const source = sources.map(([key]) => key).includes(chosen.from) ? chosen.from : sources[0]?.[0];
  if (!source) {
    put(main, h("h1", {}, "Results"), h("p", {}, "There are no results to show."));
    return;
  }
  const found = source === "service" ? await fromService(offered, chosen, signal) : await fromFolder(source.slice(7), chosen, signal);
  if (signal.aborted) return;
  const days = [...new Set(found.players.flatMap((player) => player.days.day))].sort();
  const since = chosen.since >= days[0] && chosen.since <= days.at(-1) ? chosen.since : days[0];
  const until = chosen.until >= since && chosen.until <= days.at(-1) ? chosen.until : days.at(-1);
  const asked = new Set((chosen.agents ?? "").split("|").filter(Boolean));
  const names = new Set(found.players.map(({ name }) => name).filter((name) => !asked.size || asked.has(name)));
  const body = h("div", {});
  put(main,
    h("div", { class: "head" }, h("h1", {}, found.title),
      sources.length > 1 ? choice("Results of", sources, source, (value) => choose({ from: value, task: "", agents: "", since: "", until: "" })) : null,
      found.names?.length > 1 ? choice("Task", found.names.map((name) => [name, name]), found.task, (value) => choose({ task: value, since: "", until: "" })) : null,
      days.length ? dates(days[0], days.at(-1), since, until) : null),
    found.note ? h("p", { class: "soft" }, found.note) : null,
    found.players.length > 1 ? agents(found.players, names) : null,
    body,
    found.page ? [h("h2", {}, "The whole episode"), ranking(found.page, found.task), without(found.page, found.task)].filter(Boolean) : "");
  const redraw = () => {
    if (signal.aborted) return;
    const players = found.players.filter(({ name }) => names.has(name)).map((player) => player.within(since, until));
    forget(body);
    if (!days.length || !players.length) {
      put(body, h("p", {}, days.length ? "Choose an agent." : "No day has been kept yet."));
      return;
    }
    const shownDays = days.filter((day) => day >= since && day <= until);
    const drawn = charts(players, shownDays);
    put(body,
      h("h2", {}, `${since} to ${until}`), summary(players),
      drawn.length ? h("div", { class: "charts" }, drawn) : h("p", { class: "soft" }, "Charts need two days or more."),
      causes(players),
      h("h2", {}, "What rewards are made of"), h("p", { class: "soft" }, `Money spent [${players[0].unit}]; below zero it was earned.`), parts(players),
      h("h2", {}, "What was done"), h("p", { class: "soft" }, "Mean power into the stores by hour of the local day [kW]; below zero they give out."), actions(players));
    draw(body);
  };
  redraw();
  if (source === "service") addRegret(found.players, signal, redraw).catch(() => {});
}
