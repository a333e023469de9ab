// Draws each <figure data-chart="ID"> from the table of that id, whose rows say x (a day) and y, and perhaps low and high, the
// bounds of y (percent); colours are the page's own.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const numbers = (rows, name) => rows.map((row) => (row.dataset[name] ? Number(row.dataset[name]) : null));
const known = (values) => values.filter((each) => each !== null);

// As wide as the last bounds make sensible: the first ones may be of any height.
function within(bounds) {
  const last = bounds.map((each) => known(each).at(-1) ?? 0);
  const most = Math.max(...last.map(Math.abs), 1);
  return [-3 * most, 3 * most].map((edge, n) => (n ? Math.min(edge, Math.max(...known(bounds.flat()), 1) * 1.1) : Math.max(edge, Math.min(...known(bounds.flat()), 0) * 1.1)));
}

function draw(figure) {
  const rows = [...document.querySelectorAll(`#${CSS.escape(figure.dataset.chart)} tr[data-x]`)];
  const ys = numbers(rows, "y");
  if (!known(ys).length) return;
  const bounds = rows[0].dataset.low === undefined ? [] : [numbers(rows, "low"), numbers(rows, "high")];
  const xs = rows.map((row) => Date.parse(row.dataset.x) / 1000);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--faint"), width: 1 }, ticks: { stroke: colour("--faint") }, font: "12px system-ui, sans-serif" };
  const written = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: bounds.length ? 1 : 0 });
  const faint = `color-mix(in srgb, ${colour("--s0")} ${bounds.length ? 22 : 12}%, transparent)`;
  const edge = { stroke: colour("--s0"), width: 0.5, points: { show: false } };
  const points = { show: known(ys).length < 3 };
  figure.replaceChildren();
  figure.hidden = false;
  new uPlot(
    {
      width: Math.max(figure.clientWidth - 24, 200),
      height: 220,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: bounds.length ? () => within(bounds) : (plot, low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [
        { ...axis, values: (plot, ticks) => ticks.map((at) => new Date(at * 1e3).toISOString().slice(5, 10)) },
        { ...axis, size: 64, ...(bounds.length ? {} : { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6] }), values: (plot, ticks) => ticks.map((tick) => written.format(tick) + (bounds.length ? " %" : "")) },
      ],
      series: [{}, { stroke: colour("--s0"), width: 2, fill: bounds.length ? undefined : faint, points }, ...bounds.map(() => edge)],
      bands: bounds.length ? [{ series: [3, 2], fill: faint }] : [],
    },
    [xs, ys, ...bounds],
    figure,
  );
}

const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("resize", drawAll);
