// The row above the image: what is shown and how large.

import { button, el, icon, setAttribute, setSlider, setText } from "./dom.js";

const MODE_NAMES = { overlay: "Overlay", mask: "Mask", image: "Image" };
const COMPARING = { side: "Split", swipe: "Swipe", two: "Two", four: "Four", dispute: "Disputed", errors: "Errors" };
const COMPARING_HELP = [
  "Split ({cycleMode}): image beside mask",
  "Swipe ({swipe}): a line between mask and image",
  "Two, four ({sideBySide}): candidates side by side",
  "Disputed ({dispute}): where candidates disagree",
  "Errors ({errors}): where this one is probably wrong",
];

export class Toolbar {
  constructor(actions) {
    this.modes = Object.entries(MODE_NAMES).map(([mode, name]) =>
      el("button", {
        type: "button",
        class: "segment",
        text: name,
        "data-title": "Next view: {cycleMode}",
        "data-mode": mode,
        on: { click: () => actions.setMode(mode) },
      }),
    );
    this.compare = el(
      "select",
      {
        class: "segment compare",
        "aria-label": "Compare",
        "data-title": COMPARING_HELP.join("\n"),
        on: { change: (event) => event.target.value && actions.setMode(event.target.value) },
      },
      el("option", { value: "", text: "Compare" }),
      ...Object.entries(COMPARING).map(([mode, text]) => el("option", { value: mode, text })),
    );
    this.compare.addEventListener("change", () => actions.toCanvas());
    this.opacity = el("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 5,
      class: "slider",
      "aria-label": "Mask opacity",
      "data-title": "Mask opacity ({lessOpaque} and {moreOpaque})",
      on: { input: (event) => actions.setOpacity(Number(event.target.value) / 100) },
    });
    this.opacityText = el("output", { class: "figure opacity-text" });
    this.hide = el("button", {
      type: "button",
      class: "button icon-only",
      title: "Hide the mask while pressed (Space)",
      "aria-label": "Hide the mask while pressed",
      "aria-keyshortcuts": "Space",
      on: {
        pointerdown: () => actions.hold(),
        pointerup: () => actions.release(),
        pointerleave: () => actions.release(),
        keydown: (event) => isPress(event) && actions.hold(),
        keyup: () => actions.release(),
        blur: () => actions.release(),
      },
    });
    this.hide.append(icon("hidden"));
    this.blink = button({ label: "Blink the mask", iconName: "blink", action: "blink", iconOnly: true, onClick: () => actions.blink() });
    this.zoomText = el("button", {
      type: "button",
      class: "figure zoom-text",
      "data-title": "One to one ({oneToOne})",
      "data-action": "oneToOne",
      on: { click: () => actions.oneToOne() },
    });
    this.root = el(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "View" },
      el("div", { class: "segments", role: "group", "data-title": "View ({cycleMode})" }, ...this.modes, this.compare),
      el("div", { class: "group" }, this.opacity, this.opacityText, this.hide, this.blink),
      el(
        "div",
        { class: "group" },
        button({ label: "Zoom out", iconName: "minus", action: "zoomOut", iconOnly: true, onClick: () => actions.zoomOut() }),
        this.zoomText,
        button({ label: "Zoom in", iconName: "plus", action: "zoomIn", iconOnly: true, onClick: () => actions.zoomIn() }),
        button({ label: "Fit the image", iconName: "fit", action: "fit", iconOnly: true, onClick: () => actions.fit() }),
      ),
      el(
        "div",
        { class: "group end" },
        button({ label: "Previous image", iconName: "back", action: "previousItem", iconOnly: true, onClick: (event) => actions.previousItem(event) }),
        button({ label: "Next image", iconName: "forward", action: "nextItem", iconOnly: true, onClick: (event) => actions.nextItem(event) }),
        button({ label: "Copy link to this item", iconName: "link", iconOnly: true, onClick: () => actions.copyLink() }),
        button({ label: "Keys and help", iconName: "help", action: "help", iconOnly: true, onClick: () => actions.help() }),
      ),
    );
  }

  update(preferences, stage) {
    const mode = preferences.get("mode");
    for (const segment of this.modes) {
      setAttribute(segment, "aria-pressed", segment.dataset.mode === mode);
    }
    const comparing = mode in COMPARING;
    if (this.compare.value !== (comparing ? mode : "")) this.compare.value = comparing ? mode : "";
    setAttribute(this.compare, "data-on", comparing);
    const opacity = Math.round(preferences.get("opacity") * 100);
    setSlider(this.opacity, opacity);
    setText(this.opacityText, `${opacity} %`);
    setAttribute(this.blink, "aria-pressed", stage.blinking);
    setAttribute(this.hide, "aria-pressed", stage.holding);
    setText(this.zoomText, stage.image ? `${Math.round(stage.transform().scale * 100)} %` : "–");
  }
}

function isPress(event) {
  return event.key === " " || event.key === "Enter";
}
