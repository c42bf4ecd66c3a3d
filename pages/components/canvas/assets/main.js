// Where Streamlit's component and the review session meet.

import { BandView } from "./bands.js";
import { Coach } from "./coach.js";
import { closeConnectionDialogs } from "./connection.js";
import { listenForKeys } from "./keys.js";
import { Marking } from "./marking.js";
import { mountOnce } from "./mounting.js";
import { readableOn } from "./palette.js";
import { BASIC_MODES } from "./panes.js";
import { PointCheck } from "./point_check.js";
import { Preferences } from "./preferences.js";
import { Server } from "./server.js";
import { Session } from "./session.js";
import { View } from "./view.js";
import { Why } from "./why_panel.js";

/** Called by Streamlit at first and again whenever data or theme change; returns the clean-up. */
export function mount(component) {
  const { data } = component;
  const identity = JSON.stringify([data.project.id, data.reviewer, data.query]);
  return mountOnce(component, identity, () => new App(component));
}

class App {
  constructor(component) {
    const { data } = component;
    this.component = component;
    this.preferences = new Preferences();
    this.server = new Server(new URL(data.api, window.location.href).href, data.token, () =>
      this.component.setTriggerValue("token", String(Date.now())),
    );
    this.coach = new Coach();
    this.view = new View(data, this.preferences, this.coach.watch(this.actions()));
    this.view.host.append(this.coach.root);
    component.parentElement.append(this.view.root);
    this.session = new Session(data, this.server, this.view);
    const parts = {
      data,
      server: this.server,
      session: this.session,
      view: this.view,
      preferences: this.preferences,
      stage: this.view.stage,
    };
    this.points = new PointCheck(parts);
    this.marking = new Marking(parts);
    this.bands = new BandView(parts);
    this.why = new Why(parts);
    this.view.adopt(this.points, this.marking, this.bands, this.why);
    this.stopKeys = listenForKeys(
      this.coach.watch(this.actions()),
      () => this.view.dialogs.open,
      (event, binding) => this.points.takes(event, binding) || this.marking.takes(event, binding) || this.why.takes(event),
    );
    this.stopClosing = closeConnectionDialogs(() => {
      this.session?.outbox.connectionLost();
      setTimeout(() => this.view.focusStage());
    });
    this.resized = () => this.view.fitHeight();
    this.hidden = () => document.visibilityState === "hidden" && this.preferences.write();
    window.addEventListener("resize", this.resized);
    document.addEventListener("visibilitychange", this.hidden);
    this.layout = new ResizeObserver(this.resized);
    this.layout.observe(document.body);
    this.expose();
    this.view.fitHeight();
    this.view.focusStage();
    this.session.start().then(() => this.coach.show(Boolean(this.session.candidate)));
  }

  update(component) {
    this.component = component;
    this.server.setToken(component.data.token);
    this.theme();
    this.view.fitHeight();
  }

  dispose() {
    this.preferences.write();
    this.stopKeys();
    this.stopClosing();
    window.removeEventListener("resize", this.resized);
    document.removeEventListener("visibilitychange", this.hidden);
    this.layout.disconnect();
    this.why.dispose();
    this.coach.dispose();
    this.session.dispose();
    this.view.dispose();
    if (window.__rsqa === this.exposed) delete window.__rsqa;
  }

  /** What CSS cannot work out: readable text on the main colour, and whether the ground is dark. */
  theme() {
    const { root } = this.view;
    const { accentColor, backgroundColor } = getComputedStyle(root);
    const [accent, ground] = [accentColor, backgroundColor].map((text) => (text.match(/[\d.]+/g) ?? []).map(Number));
    if (accent.length >= 3) root.style.setProperty("--on-accent", readableOn(accent));
    if (ground.length >= 3) root.style.colorScheme = readableOn(ground) === "#ffffff" ? "dark" : "light";
  }

  /** What keys and buttons do; the same functions for both. */
  actions() {
    const session = () => this.session;
    const preferences = this.preferences;
    const stage = () => this.view.stage;
    const changed = () => this.view.update(this.session);
    const setOpacity = (value) => {
      preferences.set("opacity", Math.min(1, Math.max(0, Math.round(value * 20) / 20)));
      stage().draw();
      changed();
    };
    const setMode = (mode) => {
      preferences.set("mode", mode);
      if (BASIC_MODES.includes(mode)) preferences.set("basic", mode);
      this.why.hideMap(); // another view was asked for
      session().paint(); // masks that came meanwhile may be wanted now
      session().loadAhead();
    };
    // A view with a key of its own comes and goes by that key.
    const toggleMode = (mode) => setMode(preferences.get("mode") === mode ? preferences.get("basic") : mode);
    return {
      confirm: (event) => (this.marking.active ? this.marking.enter(event) : session().confirm(false, event)),
      confirmAndStay: (event) => session().confirm(true, event),
      digit: (event) => this.type(event.key),
      slide: (value) => {
        session().entry.slideTo(value);
        changed();
      },
      leaveEntry: () => {
        session().entry.clear();
        changed();
      },
      skip: (event) => session().decideImage("skip", event),
      flag: (event) => session().decideImage("flag", event),
      noneAcceptable: (event) => session().decideImage("none_acceptable", event),
      undo: (event) => this.undo(event),
      blind: () => {
        preferences.set("blind", !preferences.get("blind"));
        session().show();
      },
      pointCheck: () => {
        this.marking.leave();
        this.why.hideMap(); // the mask is what is looked at
        return this.points.toggle();
      },
      markErrors: () => {
        if (this.points.active) this.points.leave();
        this.why.hideMap();
        return this.marking.toggle();
      },
      why: () => this.why.toggle(),
      showMarks: () => this.marking.toggleShown(),
      note: () => this.view.panel.note.focus(),
      writeNote: (text) => {
        session().notes.set(session().queue.currentId, text);
        changed();
      },
      saveNote: () => session().saveNote(),
      leaveNote: () => this.view.focusStage(),
      toCanvas: () => this.view.focusStage(),
      select: (id) => session().select(id),
      nextCandidate: () => session().selectCandidate(1),
      previousCandidate: () => session().selectCandidate(-1),
      nextItem: (event) => session().move(() => session().queue.step(1), event),
      previousItem: (event) => session().move(() => session().queue.step(-1), event),
      open: (id, event) => session().moveTo(id, event),
      hold: () => stage().hold(true),
      release: () => stage().hold(false),
      blink: () => stage().toggleBlink(),
      setOpacity,
      lessOpaque: () => setOpacity(preferences.get("opacity") - 0.1),
      moreOpaque: () => setOpacity(preferences.get("opacity") + 0.1),
      setMode,
      cycleMode: () => {
        const next = BASIC_MODES.indexOf(preferences.get("mode")) + 1; // from another view: the first
        setMode(BASIC_MODES[next % BASIC_MODES.length]);
      },
      swipe: () => toggleMode("swipe"),
      sideBySide: () => {
        const after = { two: "four", four: preferences.get("basic") };
        setMode(after[preferences.get("mode")] ?? "two");
      },
      dispute: () => toggleMode("dispute"),
      errors: () => toggleMode("errors"),
      bands: () => this.bands.next(),
      nextDisputed: () => this.visitDisputed(1),
      previousDisputed: () => this.visitDisputed(-1),
      zoomIn: () => stage().zoomBy(1.25),
      zoomOut: () => stage().zoomBy(0.8),
      fit: () => stage().fit(),
      oneToOne: () => stage().oneToOne(),
      help: () => this.view.dialogs.showKeys(),
      showRefused: () => this.view.dialogs.showRefused(session().outbox.refused()),
      dismiss: (id) => {
        session().outbox.dismiss(id);
        const left = session().outbox.refused();
        if (left.length > 0) this.view.dialogs.showRefused(left);
        else this.view.dialogs.close();
      },
      copyLink: () => this.copyLink(),
      viewChanged: changed,
      retryMedia: () => session().retryMedia(),
      reload: () => session().reload(),
      go: (page) => this.component.setTriggerValue("go", page),
      chooseOrder: (order) => this.component.setTriggerValue("order", order),
      goToOpen: () => session().move(() => session().queue.firstOpen()),
    };
  }

  type(digit) {
    const { session, view } = this;
    if (!session.candidate || !session.ready({ needsMask: true })) return;
    if (!session.entry.type(digit)) view.hint("A score has at most three digits: 0 to 100 %");
    view.update(session);
  }

  visitDisputed(by) {
    const { session, view } = this;
    if (!session.item) return;
    const at = view.stage.visitDisputed(by);
    if (at) view.hint(`Disputed region ${at.number} of ${at.count}`);
    else if (session.item.candidates.length < 2) view.hint("One candidate alone disagrees with nobody");
    else view.hint(view.stage.dispute() ? "The candidates agree everywhere" : "The masks are still loading");
  }

  undo(event) {
    const { session, view } = this;
    if (event?.key === "Backspace" && session.entry.active) {
      session.entry.erase();
      view.update(session);
    } else session.undo(event);
  }

  async copyLink() {
    const { session, view } = this;
    if (!session.item) return;
    const link = new URL(window.location.pathname, window.location.origin);
    link.searchParams.set("project", session.data.project.slug);
    link.searchParams.set("item", session.item.id);
    try {
      await navigator.clipboard.writeText(link.href);
      view.hint("Link copied");
    } catch {
      view.dialogs.showLink(link.href); // no clipboard without https or permission
    }
  }

  /** A window for tests and the curious: it can be read, not driven. */
  expose() {
    const app = this;
    this.exposed = Object.freeze({
      get imageId() {
        return app.session.queue.currentId;
      },
      get painted() {
        const { painted } = app.session;
        return painted && { imageId: painted.item.id, candidateId: painted.candidate?.id ?? null, maskShown: painted.maskShown };
      },
      get outbox() {
        return app.session.outbox.waiting().length;
      },
      get refused() {
        return app.session.outbox.refused().length;
      },
      get order() {
        return [...app.session.queue.order];
      },
      get ready() {
        const { queue, media } = app.session;
        const next = queue.upcoming(50).map((item) => app.session.look(item));
        const missing = next.findIndex((item) => !media.has(item.display) || (item.candidates[0] && !media.has(item.candidates[0].mask)));
        return missing < 0 ? next.length : missing;
      },
      get marked() {
        return app.view.stage.marks?.count ?? 0;
      },
      get zoom() {
        return { ...app.view.stage.transform() };
      },
      get view() {
        return { mode: app.preferences.get("mode"), opacity: app.preferences.get("opacity") };
      },
    });
    window.__rsqa = this.exposed;
  }
}
