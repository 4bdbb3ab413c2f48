// Charts over time by uPlot, in the colours of the page; each has a sentence for who cannot see it.

import { figure, h, moment } from "./dom.js";

const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const watched = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const width = Math.floor(contentRect.width);
    // Not at once: what changes sizes while sizes are told would be told again.
    requestAnimationFrame(() => {
      if (target.isConnected && target.chart && width > 0 && width !== target.chart.width) {
        target.chart.setSize({ width, height: target.chart.height });
      }
    });
  }
});

// A line at a moment: what lies left of it has been, what lies right of it is planned.
const nowLine = (now) => ({
  hooks: {
    draw: (chart) => {
      if (!now) return;
      const x = Math.round(chart.valToPos(now, "x", true));
      const { ctx, bbox } = chart;
      if (x < bbox.left || x > bbox.left + bbox.width) return;
      ctx.save();
      ctx.strokeStyle = styled("--ink");
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.restore();
    },
  },
});

const paths = {
  line: () => uPlot.paths.linear(),
  steps: () => uPlot.paths.stepped({ align: 1 }),
  bars: () => uPlot.paths.bars({ size: [0.8, 60], align: 1 }),
};

function lineOf({ label, colour, kind = "line", dash, fill, width = 1.6, digits }) {
  const stroke = styled(colour);
  return {
    label,
    stroke,
    width,
    dash,
    fill: fill ? `${stroke}33` : undefined,
    paths: paths[kind](),
    points: { show: false },
    spanGaps: false,
    value: (_, value) => (value === null || value === undefined ? "" : digits === undefined ? figure(value) : value.toFixed(digits)),
  };
}

function axes(unit, zone) {
  const common = { stroke: styled("--soft"), grid: { stroke: styled("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const told = (_, splits, __, space, step) =>
    splits.map((split) => moment(split * 1000, zone, step >= 86400 ? { hour: undefined, minute: undefined } : { day: undefined, month: undefined }));
  const dated = (chart, splits, place, space, step) => {
    let before = "";
    return told(chart, splits, place, space, step).map((text, at) => {
      const day = moment(splits[at] * 1000, zone, { hour: undefined, minute: undefined });
      const shown = day === before || step >= 86400 ? text : `${text}\n${day}`;
      before = day;
      return shown;
    });
  };
  return [
    { ...common, space: 56, size: 40, values: dated },
    { ...common, size: 56, space: 28, values: (_, splits) => splits.map(figure) },
  ];
}

/* Draws lines over time.
   title, unit: what they are; told: a sentence; times: seconds; lines: {label, values, colour, kind, dash, fill};
   now: a moment to mark; range: lowest and highest figure to show; zone: of the times; sync: a name that cursors share. */
export function timeChart({ title, unit, told, times, lines, now, range, zone, sync, height = 190 }) {
  const drawn = h("div", { class: "chart", role: "img", "aria-label": `${title}. ${told ?? ""}` });
  const panel = h("section", { class: "panel" }, h("h3", {}, title, h("small", {}, ` [${unit}]`)), drawn);
  const options = {
    width: 300,
    height,
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), zone),
    cursor: { sync: sync ? { key: sync } : undefined, drag: { x: true, y: false }, points: { size: 6 } },
    legend: { live: true, markers: { width: 2, dash: (chart, at) => (chart.series[at].dash ? "dashed" : "solid") } },
    scales: { x: { time: true }, y: { range: range ? (_, low, high) => spread(low, high, range) : undefined } },
    series: [{ label: "time", value: (_, value) => (value ? moment(value * 1000, zone) : "") }, ...lines.map(lineOf)],
    axes: axes(unit, zone),
    plugins: [nowLine(now)],
  };
  // It is drawn once it has a width, which it has when it stands on the page.
  panel.draw = () => {
    drawn.chart = new uPlot({ ...options, width: Math.floor(drawn.clientWidth) || 300 }, [times, ...lines.map((line) => line.values)], drawn);
    watched.observe(drawn);
  };
  return panel;
}

function spread(low, high, [least, most]) {
  const [from, to] = [Math.min(low ?? least, least), Math.max(high ?? most, most)];
  const room = 0.05 * (to - from || 1);
  return [from - (from === 0 ? 0 : room), to + room];
}

// Draws all charts of a part of the page.
export function draw(root) {
  for (const panel of root.querySelectorAll(".panel")) panel.draw?.();
}

export function forget(root) {
  for (const element of root.querySelectorAll(".chart")) {
    watched.unobserve(element);
    element.chart?.destroy();
  }
}
