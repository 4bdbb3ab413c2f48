// Elements from plain values. Text is always set as text, so nothing that a server says can become markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Puts children in the place of what an element has; what is not there is left out.
export function put(element, ...children) {
  element.replaceChildren();
  return filled(element, {}, children);
}

export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

export function number(value, digits = 1) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const told = value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return /^-[0.,]*$/.test(told) ? told.slice(1) : told;
}

// A figure with about four digits that count, however large or small it is.
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  return value.toLocaleString("en-GB", { maximumSignificantDigits: Math.abs(value) >= 1000 ? 6 : 4 });
}

export const share = (value) => (Number.isFinite(value) ? `${number(100 * value, 0)} %` : "–");

export function moment(stamp, zone, options = {}) {
  const shown = { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hour12: false, ...options };
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...shown }).format(new Date(stamp));
}

export function ago(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "never";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${number(seconds / 3600)} h` : `${number(seconds / 86400)} days`;
}

const UNITS = { mwh: "MWh", kwh: "kWh", kw: "kW" };

// A name as people write it, its unit in brackets.
export const words = (name) => name
  .replace(/_per_(mwh|kwh|kw)$/, (_, unit) => ` [per ${UNITS[unit]}]`)
  .replace(/_(mwh|kwh|kw)$/, (_, unit) => ` [${UNITS[unit]}]`)
  .replaceAll("_", " ");

// A table in a region that scrolls by itself; columns: {name, text?, numeric?}, rows: arrays of values or elements.
export function table(label, columns, rows, attributes = {}) {
  const head = columns.map((column) => h("th", { scope: "col", class: column.numeric ? null : "text" }, column.name));
  const body = rows.map((row) =>
    h("tr", row.attributes, row.cells.map((cell, place) =>
      h(place === 0 ? "th" : "td", { scope: place === 0 ? "row" : null, class: columns[place].numeric ? null : "text" }, cell))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label, ...attributes },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

export function choice(label, options, chosen, changed) {
  const id = `choice-${label.toLowerCase().replaceAll(" ", "-")}`;
  const select = h("select", { id, onchange: (event) => changed(event.target.value) },
    options.map(([value, text]) => h("option", { value, selected: String(value) === String(chosen) }, text)));
  return h("label", { class: "choice" }, h("span", {}, label), select);
}
