// Draws each <figure data-chart="ID"> from the table of that id, whose rows say x (a day) and y; colours are the page's own.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(figure) {
  const rows = [...document.querySelectorAll(`#${CSS.escape(figure.dataset.chart)} tr[data-x]`)];
  const ys = rows.map((row) => (row.dataset.y === "" ? null : Number(row.dataset.y)));
  if (!ys.some((y) => y !== null)) return;
  const xs = rows.map((row) => Date.parse(row.dataset.x) / 1000);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--faint"), width: 1 }, ticks: { stroke: colour("--faint") }, font: "12px system-ui, sans-serif" };
  const whole = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 0 });
  figure.replaceChildren();
  figure.hidden = false;
  new uPlot(
    {
      width: Math.max(figure.clientWidth - 24, 200),
      height: 220,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (plot, low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [
        { ...axis, values: (plot, ticks) => ticks.map((at) => new Date(at * 1e3).toISOString().slice(5, 10)) },
        { ...axis, size: 64, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6], values: (plot, ticks) => ticks.map((tick) => whole.format(tick)) },
      ],
      series: [{}, { stroke: colour("--s0"), width: 2, fill: `color-mix(in srgb, ${colour("--s0")} 12%, transparent)`, points: { show: ys.filter((y) => y !== null).length < 3 } }],
    },
    [xs, ys],
    figure,
  );
}

const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("resize", drawAll);
