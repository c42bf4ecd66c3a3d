// Area surveys: point after point of the map, whose class the reviewer looks up by key. The map's
// own class is never shown, for whoever knows it is led by it.

import { button, el, keyCap, setText } from "./dom.js";
import { isTyping, keepsKey } from "./keys.js";
import { MediaCache } from "./media.js";
import { Outbox } from "./outbox.js";
import { mountOnce } from "./mounting.js";
import { cssColour } from "./palette.js";
import { Server } from "./server.js";
import { SurveyPicture } from "./survey_picture.js";

const AHEAD = 12; // points whose image is loaded before they are asked for
const TELL_AFTER_MS = 2500; // of rest, before the page draws its figures anew
const LONGEST_LOOK_S = 1800;
const KEYED = 9;

/** Called by Streamlit at first and again whenever data or theme change; returns the clean-up. */
export function mount(component) {
  const { data } = component;
  return mountOnce(component, JSON.stringify([data.survey, data.reviewer]), () => new SurveyApp(component));
}

class SurveyApp {
  constructor(component) {
    const { data } = component;
    this.component = component;
    this.data = data;
    this.points = [];
    this.images = {};
    this.answers = new Map(); // number -> class id, or null where nobody can tell
    this.at = 0;
    this.since = performance.now();
    this.problem = "";
    this.server = new Server(new URL(data.api, window.location.href).href, data.token, () =>
      this.component.setTriggerValue("token", String(Date.now())),
    );
    this.media = new MediaCache(this.server, {
      budgetBytes: 96 * 2 ** 20,
      onLoaded: () => this.refresh(),
      onFailed: () => this.refresh(),
    });
    this.outbox = new Outbox(`survey-${data.survey}`, data.reviewer, this.server, {
      changed: () => this.refresh(),
      saved: () => this.tellSoon(),
      refused: (answer, message) => this.refused(answer, message),
      answered: () => {},
    }, `surveys/${data.survey}/answers`);
    this.build();
    component.parentElement.append(this.root);
    this.keys = (event) => this.key(event);
    window.addEventListener("keydown", this.keys, true);
    this.online = () => this.media.retryAll();
    window.addEventListener("online", this.online);
    this.load();
  }

  /** Streamlit has new data or another theme. */
  update(component) {
    this.component = component;
    this.server.setToken(component.data.token);
    this.picture.draw();
  }

  dispose() {
    this.disposed = true;
    clearTimeout(this.telling);
    window.removeEventListener("keydown", this.keys, true);
    window.removeEventListener("online", this.online);
    this.outbox.dispose();
    this.media.dispose();
    this.picture.dispose();
    this.root.remove();
  }

  build() {
    this.picture = new SurveyPicture();
    this.question = el("h2", { text: "What is at the cross?" });
    this.where = el("p", { class: "muted small" });
    this.choices = this.data.classes.map((entry, place) => this.choice(entry, place));
    this.unsure = button({ label: "Cannot tell", key: "0", onClick: () => this.say(null) });
    this.back = button({ label: "Back", key: "⌫", iconName: "undo", onClick: () => this.go(this.at - 1) });
    this.next = button({ label: "Next open", key: "⏎", iconName: "forward", onClick: () => this.go(this.firstOpen()) });
    this.bar = el("progress", { class: "survey-bar", "aria-label": "Points answered" });
    this.count = el("span", { class: "figure", role: "status" });
    this.state = el("span", { class: "muted small", role: "status" });
    this.root = el(
      "div",
      { class: "rsqa survey" },
      this.picture.root,
      el(
        "section",
        { class: "survey-side", "aria-label": "Class of the point" },
        this.question,
        this.where,
        el("div", { class: "survey-classes" }, ...this.choices, this.unsure),
        el("div", { class: "survey-moves" }, this.back, this.next),
        this.bar,
        el("div", { class: "survey-count" }, this.count, this.state),
        el("p", { class: "muted small", text: "Wheel or + and − zoom, drag moves, F fits, Space hides the cross." }),
      ),
    );
  }

  choice(entry, place) {
    const node = el(
      "button",
      {
        type: "button",
        class: "button survey-class",
        "aria-pressed": "false",
        "aria-keyshortcuts": place < KEYED ? String(place + 1) : undefined,
        on: { click: () => this.say(entry.id) },
      },
      el("i", { class: "swatch", style: `background: ${cssColour(entry.color)}`, "aria-hidden": "true" }),
      el("span", { class: "label", text: entry.name }),
    );
    if (place < KEYED) node.append(keyCap(String(place + 1)));
    return node;
  }

  async load() {
    try {
      const found = await this.server.json(`surveys/${this.data.survey}`);
      if (this.disposed) return;
      this.images = found.images;
      this.points = found.points;
      for (const [number, said] of Object.entries(found.answers)) this.answers.set(Number(number), said);
      for (const [, { verdict }] of this.outbox.waiting()) this.answers.set(verdict.number, verdict.class_id);
      this.problem = "";
      this.outbox.soon(0);
      this.go(this.firstOpen());
    } catch (error) {
      this.problem = `The points could not be loaded: ${error.message}`;
      this.refresh();
      if (!this.disposed) setTimeout(() => this.disposed || this.load(), 4000);
    }
  }

  get point() {
    return this.points[this.at] ?? null;
  }

  /** Place of the first point without an answer, looking on from here and then from the start. */
  firstOpen() {
    const { points } = this;
    for (let step = 0; step < points.length; step++) {
      const place = (this.at + step) % points.length;
      if (!this.answers.has(points[place].number)) return place;
    }
    return this.at;
  }

  go(place) {
    this.at = Math.max(0, Math.min(place, this.points.length - 1));
    this.since = performance.now();
    this.picture.reset();
    this.refresh();
  }

  say(classId) {
    const { point } = this;
    if (!point) return;
    if (!this.shown()) {
      this.problem = "Still loading – nothing was recorded";
      this.refresh();
      return;
    }
    this.problem = "";
    this.answers.set(point.number, classId);
    this.outbox.add({
      id: crypto.randomUUID(),
      number: point.number,
      class_id: classId,
      time_spent_s: Math.min(LONGEST_LOOK_S, Math.round(performance.now() - this.since) / 1000),
    });
    this.go(this.firstOpen());
  }

  refused(answer, message) {
    if (this.answers.get(answer.number) === answer.class_id) this.answers.delete(answer.number);
    this.problem = `Not accepted: ${message}`;
    this.outbox.dismiss(answer.id);
    this.refresh();
  }

  key(event) {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.inSight()) return;
    const target = event.composedPath()[0];
    if (isTyping(target) || keepsKey(target, event.key)) return;
    const classes = this.data.classes;
    const place = "123456789".indexOf(event.key);
    let act = null;
    if (event.key.length === 1 && place >= 0 && place < classes.length) act = () => this.say(classes[place].id);
    else if (event.key === "0") act = () => this.say(null);
    else if (event.key === "Backspace") act = () => this.go(this.at - 1);
    else if (event.key === "Enter") act = () => this.go(this.firstOpen());
    else if (event.key === "+" || event.key === "=") act = () => this.picture.zoomBy(1.5);
    else if (event.key === "-") act = () => this.picture.zoomBy(1 / 1.5);
    else if (event.key === "f") act = () => this.picture.fit();
    else if (event.key === " ") act = () => this.picture.toggleCross();
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) act();
  }

  /** Whether the reviewer looks at the points: not at the figures, nor at a dialog over them. */
  inSight() {
    return this.root.getClientRects().length > 0 && !document.querySelector("[role='dialog']");
  }

  shown() {
    const { point } = this;
    return point && this.media.has(this.images[point.image_id].display);
  }

  refresh() {
    if (this.disposed || !this.root) return;
    const { point, points, answers } = this;
    const wanted = points.slice(this.at, this.at + AHEAD).map((one) => this.images[one.image_id].display);
    this.media.want([...new Set(wanted)].map((address) => ({ address, kind: "image" })), wanted);
    const missing = wanted.findIndex((address) => !this.media.has(address));
    this.root.dataset.ready = missing < 0 ? wanted.length : missing; // points that can be answered at once
    const image = point ? this.images[point.image_id] : null;
    const file = image ? this.media.get(image.display) : null;
    this.picture.show(file, point, image, image ? this.media.failure(image.display) : null);
    setText(this.where, point ? `Point ${point.number} of ${points.length} · ${image.name}` : "");
    const said = point ? answers.get(point.number) : undefined;
    for (const [place, node] of this.choices.entries()) {
      node.setAttribute("aria-pressed", String(said === this.data.classes[place].id));
      node.disabled = !file;
    }
    this.unsure.setAttribute("aria-pressed", String(said === null));
    this.unsure.disabled = !file;
    this.back.disabled = this.at === 0;
    this.bar.max = Math.max(points.length, 1);
    this.bar.value = answers.size;
    const left = points.length - answers.size;
    const done = points.length > 0 && left === 0;
    setText(this.count, points.length === 0 ? "Loading the points…" : done ? "All points are answered" : `${answers.size} answered, ${left} to go`);
    this.next.disabled = done;
    setText(this.state, this.problem || this.saving());
  }

  saving() {
    const waiting = this.outbox.waiting().length;
    if (waiting === 0) return this.answers.size > 0 ? "Saved" : "";
    return this.outbox.offline ? `Offline: ${waiting} kept in this browser` : "Saving…";
  }

  /** Let the page draw its figures anew, once the reviewer rests. */
  tellSoon() {
    this.problem = "";
    clearTimeout(this.telling);
    const delay = this.answers.size === this.points.length ? 0 : TELL_AFTER_MS;
    this.telling = setTimeout(() => this.component.setTriggerValue("answered", this.answers.size), delay);
  }
}
