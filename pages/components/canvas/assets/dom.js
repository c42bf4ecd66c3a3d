// Building blocks of the canvas's DOM. Text enters through textContent alone: names of images,
// classes and reviewers are data and never markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: `options` may hold class, text, title, on (listeners); the rest are attributes. */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "on") {
      for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    } else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Change text only when it differs, so that live regions do not repeat themselves. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

// 24 x 24, stroked; kept to a handful so that they stay one family.
const ICONS = {
  check: ["M5 12.5 10 17.5 19 7"],
  pencil: ["M4 20h4L19 9l-4-4L4 16v4z", "M13.5 6.5l4 4"],
  skip: ["M6 5l9 7-9 7V5z", "M18 5v14"],
  flag: ["M6 21V4", "M6 4h12l-3 4.5L18 13H6"],
  cross: ["M6 6l12 12", "M18 6 6 18"],
  undo: ["M9 7 4 12l5 5", "M4 12h10a6 6 0 0 1 6 6"],
  note: ["M5 4h14v11l-5 5H5V4z", "M14 20v-5h5", "M8.5 9h7", "M8.5 12.5h4"],
  link: ["M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.6-5.6L12 7", "M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.6 5.6L12 17"],
  help: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7", "M12 16.8v.2"],
  eye: ["M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z", "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z"],
  hidden: ["M3 3l18 18", "M6.5 7C4 8.8 2.5 12 2.5 12S6 18.5 12 18.5c1.7 0 3.200-.5 4.500-1.200", "M10 5.700c.600-.100 1.300-.200 2-.200 6 0 9.500 6.500 9.500 6.500s-.800 1.500-2.300 3.100"],
  blink: ["M4 4h10v10H4z", "M10 17v3h10V10h-3"],
  plus: ["M12 5v14", "M5 12h14"],
  minus: ["M5 12h14"],
  fit: ["M4 9V4h5", "M15 4h5v5", "M20 15v5h-5", "M9 20H4v-5"],
  warning: ["M12 4 2.500 20h19L12 4z", "M12 10v5", "M12 17.500v.200"],
  star: ["M12 3.500l2.600 5.400 5.900.800-4.300 4.100 1 5.900-5.200-2.800-5.200 2.800 1-5.900-4.300-4.100 5.900-.800z"],
  target: ["M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M12 2v6", "M12 16v6", "M2 12h6", "M16 12h6"],
  why: ["M5 4v16", "M5 7h8", "M9 12h10", "M5 17h6"],
  back: ["M15 5l-7 7 7 7"],
  forward: ["M9 5l7 7-7 7"],
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

export function keyCap(text) {
  return el("kbd", { text, "aria-hidden": "true" });
}

/**
 * A button with icon and label. With the `action` of a key, labelKeys writes that key on it; `key`
 * is one that no reviewer can change.
 */
export function button({ label, iconName, key, action, onClick, kind = "", title, iconOnly = false }) {
  const name = key ? `${label} (${key})` : label;
  const node = el("button", {
    type: "button",
    class: `button ${kind} ${iconOnly ? "icon-only" : ""}`.trim(),
    title: title ?? (iconOnly ? name : undefined),
    "aria-label": iconOnly ? label : undefined,
    "data-action": action,
    "data-title": action && iconOnly ? `${label} ({${action}})` : undefined,
    "aria-keyshortcuts": key && KEY_NAMES[key] !== null ? (KEY_NAMES[key] ?? key) : undefined,
    on: { click: onClick },
  });
  if (iconName) node.append(icon(iconName));
  if (!iconOnly) {
    node.append(el("span", { class: "label", text: label }));
    if (key || action) node.append(keyCap(key ?? ""));
  }
  return node;
}

// aria-keyshortcuts wants the names of KeyboardEvent.key; null where a sign has none of its own.
const KEY_NAMES = { "⏎": "Enter", "⌫": "Backspace", "⇧⏎": "Shift+Enter" };

export function percent(value, digits = 0) {
  return `${(value * 100).toFixed(digits)} %`;
}

/** Move a slider and the filled part of its track. */
export function setSlider(slider, value) {
  if (Number(slider.value) !== value) slider.value = value;
  slider.style.setProperty("--fill", `${value}%`);
}
