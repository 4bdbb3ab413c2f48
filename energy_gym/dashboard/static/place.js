// Where one is: the view and all that is chosen on it stand in the address after "#", so that a link shows the same.

export function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: path, chosen: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

export function link(view, chosen = {}) {
  const kept = Object.entries(chosen).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

// Changes what is chosen; what is given as "" is left to its usual value.
export function choose(changes) {
  const { view, chosen } = place();
  location.hash = link(view, { ...chosen, ...changes });
}
