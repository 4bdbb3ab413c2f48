// The frame of the page: its views, which of them is shown, and what is said where something cannot be shown.

import { getJson, Refused } from "./api.js";
import { h, put } from "./dom.js";
import { link, place } from "./place.js";
import * as data from "./data.js";
import * as live from "./live.js";
import * as results from "./results.js";
import * as scenario from "./scenario.js";

const VIEWS = { live, scenario, results, data };
const TITLES = { live: "Live site", scenario: "Scenario", results: "Results", data: "Data" };
const main = document.getElementById("main");
let offered = null;
let leaving = null;
let shown = "";

function views() {
  return Object.keys(VIEWS).filter((name) => name !== "live" || offered.live);
}

function navigate(view) {
  put(document.getElementById("views"), ...views().map((name) =>
    h("a", { href: link(name), "aria-current": name === view ? "page" : null }, TITLES[name])));
  document.title = `${TITLES[view]}: energy-gym`;
}

export function connection(state) {
  const told = { live: "live", lost: "connection lost, trying again", refused: "refused", "": "" }[state];
  const element = document.getElementById("connection");
  element.dataset.state = state;
  if (element.textContent !== told) element.textContent = told;
}

function failed(error) {
  const code = error instanceof Refused ? ` (${error.code})` : "";
  put(main, h("h1", {}, "This cannot be shown"), h("p", { role: "alert" }, `${error.message}${code}`));
}

async function show() {
  const at = place();
  const view = views().includes(at.view) ? at.view : views()[0];
  leaving?.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  if (view !== at.view) history.replaceState(null, "", link(view, at.chosen));
  navigate(view);
  connection("");
  const moved = view !== shown;
  const focused = document.activeElement?.id;
  shown = view;
  if (moved) put(main, h("p", {}, "Loading."));
  try {
    await VIEWS[view].show(main, { chosen: at.chosen, offered, signal, connection });
    // What was changed by the keyboard is made anew: who changed it stays there.
    if (!moved && focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  } catch (error) {
    if (!signal.aborted) failed(error);
  }
}

document.getElementById("skip").addEventListener("click", () => main.focus());
try {
  offered = await getJson("v1/dashboard");
  window.addEventListener("hashchange", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  await show();
} catch (error) {
  failed(error);
}
