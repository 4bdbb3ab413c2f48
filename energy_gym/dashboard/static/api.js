// What the page asks of the server that it came from. A key goes into a header, never into an address.

const KEY = "energy-gym-key";
let asking = null;

export class Refused extends Error {
  constructor(code, problem) {
    super([problem.error, problem.rule, problem.remedy].filter(Boolean).join("; "));
    this.code = code;
  }
}

const headers = (more = {}) => {
  const key = sessionStorage.getItem(KEY);
  return key ? { ...more, "X-API-Key": key } : more;
};

async function problem(answer) {
  try {
    return await answer.json();
  } catch {
    return { error: `${answer.status} ${answer.statusText}` };
  }
}

// Asks for a key once, however many requests wait for it.
function askKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("ask");
    const field = document.getElementById("ask-key");
    field.value = "";
    dialog.addEventListener("close", () => {
      if (field.value) sessionStorage.setItem(KEY, field.value);
      field.value = "";
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

async function admitted(path, options) {
  for (;;) {
    const answer = await fetch(path, { ...options, headers: headers(options.headers), redirect: "error" });
    if (answer.status !== 401) return answer;
    sessionStorage.removeItem(KEY);
    await askKey();
    if (!sessionStorage.getItem(KEY)) return answer;
  }
}

export async function getJson(path, signal) {
  const answer = await admitted(path, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Refused(answer.status, await problem(answer));
  return answer.json();
}

export const query = (values) => new URLSearchParams(values).toString();

// Reads an answer of server-sent events. EventSource cannot send a header, and a key in an address would end in logs.
async function* eventsOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let found = {};
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (text + value).split("\n");
    text = lines.pop();
    for (const line of lines) {
      const [, name, told] = line.match(/^([a-z]+): ?(.*)$/) ?? [];
      if (name) found[name] = told;
      else if (line === "") {
        yield found;
        found = {};
      } else yield {};
    }
  }
}

// Listens until told to stop; after a break goes on with what came after the last event.
export async function listen(path, { heard, state, signal }) {
  let last = "";
  let wait = 3000;
  let silence = 0;
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort(), { once: true });
  while (!signal.aborted) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    stop.signal.addEventListener("abort", end, { once: true });
    try {
      const more = last ? { "Last-Event-ID": last } : {};
      const answer = await admitted(path, { signal: attempt.signal, headers: { Accept: "text/event-stream", ...more } });
      if (!answer.ok) throw new Refused(answer.status, await problem(answer));
      state("live");
      silence = setTimeout(end, 45000);
      for await (const event of eventsOf(answer)) {
        clearTimeout(silence);
        silence = setTimeout(end, 45000);
        if (event.retry) wait = Number(event.retry) || wait;
        if (event.data) heard(event.event, JSON.parse(event.data));
        if (event.id) last = event.id;
      }
    } catch (error) {
      if (error instanceof Refused && error.code === 422) last = "";
      if (error instanceof Refused && [401, 403, 404].includes(error.code)) {
        state("refused", error.message);
        return;
      }
    } finally {
      clearTimeout(silence);
      stop.signal.removeEventListener("abort", end);
    }
    if (signal.aborted) return;
    state("lost");
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
