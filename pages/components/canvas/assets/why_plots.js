// The small plots of "Why this score": what adds to the score, and how it falls without its places.

import { el, percent } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const NAMES = {
  semantic: "What the encoder sees",
  segmentation: "Segmenter’s confidence",
  disagreement: "Agreement with others",
  shape: "Shape, fit to the picture",
  habit: "Habit of this segmenter",
  labels: "Learnt from your labels",
};
const TOLD = 0.0005; // what would be shown as ± 0.0 points is left out
const ROOM = { width: 304, height: 76, left: 28, right: 4, top: 6, bottom: 16 };

export function points(value) {
  const rounded = Math.abs(value * 100).toFixed(1);
  return `${value < 0 ? "−" : "+"}${rounded}`;
}

/** Bars from what is said of a candidate of which nothing is known to the score, in points. */
export function waterfall({ base, score, shares }) {
  const steps = shares.filter(({ value }) => Math.abs(value) >= TOLD);
  let at = base;
  const bars = steps.map(({ key, value }) => {
    const from = at;
    at += value;
    return { name: NAMES[key] ?? key, value, from, to: at };
  });
  const ends = [base, score, ...bars.flatMap(({ from, to }) => [from, to])];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const pad = Math.max(0.01, (high - low) * 0.06);
  const place = (value) => ((value - low + pad) / (high - low + 2 * pad)) * 100;
  const bar = (from, to, kind) => {
    const node = el("i", { class: `why-bar ${kind}` });
    node.style.left = `${place(Math.min(from, to))}%`;
    node.style.width = `${Math.abs(place(to) - place(from))}%`;
    return node;
  };
  const row = (name, text, node, kind = "") =>
    el("li", { class: `why-row ${kind}` }, el("span", { class: "why-name", text: name }), el("span", { class: "why-track", "aria-hidden": "true" }, node), el("span", { class: "figure why-value", text }));
  return el(
    "ul",
    { class: "why-shares" },
    row("Nothing known", percent(base, 1), bar(base, base, "place")),
    ...bars.map(({ name, value, from, to }) => row(name, points(value), bar(from, to, value < 0 ? "takes" : "adds"))),
    row("Predicted quality", percent(score, 1), bar(score, score, "place"), "total"),
  );
}

/** How the score falls as cells are taken away, by the map and at random. */
export function deletionPlot({ by_map: byMap, by_chance: byChance, chance_low: low, chance_high: high }) {
  const values = [...byMap, ...low, ...high];
  const [least, most] = [Math.min(...values, 0), Math.max(...values, 0)];
  const span = Math.max(most - least, 1e-6);
  const x = (index) => ROOM.left + (index / (byMap.length - 1)) * (ROOM.width - ROOM.left - ROOM.right);
  const y = (fall) => ROOM.top + ((fall - least) / span) * (ROOM.height - ROOM.top - ROOM.bottom);
  const line = (list) => list.map((fall, index) => `${x(index).toFixed(1)},${y(fall).toFixed(1)}`).join(" ");
  const svg = make("svg", { viewBox: `0 0 ${ROOM.width} ${ROOM.height}`, class: "why-plot", role: "img", "aria-label": "Score by how many places are taken away: in the order of the map, and at random" });
  const backwards = [...high.keys()].reverse().map((index) => `${x(index).toFixed(1)},${y(high[index]).toFixed(1)}`);
  svg.append(
    make("line", { class: "why-zero", x1: ROOM.left, x2: ROOM.width - ROOM.right, y1: y(0), y2: y(0) }),
    make("polygon", { class: "why-band", points: `${line(low)} ${backwards.join(" ")}` }),
    make("polyline", { class: "why-chance", points: line(byChance) }),
    make("polyline", { class: "why-map", points: line(byMap) }),
  );
  const text = (content, left, top, anchor) => {
    const node = make("text", { x: left, y: top, "text-anchor": anchor });
    node.textContent = content;
    svg.append(node);
  };
  // Falls point down, as the score does.
  if (Math.abs(y(0) - y(most)) > 10) text(points(-most), ROOM.left - 4, y(most) + 4, "end");
  if (Math.abs(y(0) - y(least)) > 10) text(points(-least), ROOM.left - 4, y(least) + 4, "end");
  text("0", ROOM.left - 4, y(0) + 4, "end");
  text("taken away: none", ROOM.left, ROOM.height - 2, "start");
  text("all", ROOM.width - ROOM.right, ROOM.height - 2, "end");
  return svg;
}

function make(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
