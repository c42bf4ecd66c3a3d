// Marks that are there already: those not decided yet, and those of the decision that holds, which
// are fetched when they are to be seen.

import { button, setText } from "./dom.js";
import { Marks } from "./marks.js";

export class RecordedMarks {
  /** @param app {server, session, view, preferences} */
  constructor(app) {
    this.app = app;
    this.fetched = new Map(); // verdict id -> {size, counts}
    this.asked = new Set(); // verdict ids; asked again only when somebody wants to see them again
    this.drawn = null; // {found, mask, marks} shown last
    this.root = button({ label: "Marks", iconName: "pencil", action: "showMarks", kind: "small marks-toggle", onClick: () => this.toggle() });
    this.root.hidden = true;
  }

  /** Whether a candidate of the current item has marks. */
  exist(candidate) {
    return Boolean(candidate && (this.kept(candidate) ?? this.row(candidate)));
  }

  /** {size, counts} of a candidate, or null where nothing was marked. */
  async of(candidate) {
    const row = this.row(candidate);
    return this.kept(candidate) ?? row?.marks ?? (row && (await this.fetch(row)));
  }

  /** What the stage is to show of the current candidate; what has to be fetched is painted later. */
  shown() {
    const { preferences, session } = this.app;
    const { candidate } = session;
    const mask = candidate && preferences.get("marks") ? session.media.get(candidate.mask) : null;
    if (!mask) return null;
    const row = this.row(candidate);
    const found = this.kept(candidate) ?? row?.marks ?? this.fetched.get(row?.id);
    if (row && !found) this.load(row);
    if (!found) return null;
    if (this.drawn?.found !== found || this.drawn.mask !== mask) {
      this.drawn = { found, mask, marks: new Marks(mask) };
      this.drawn.marks.load(found);
    }
    return this.drawn.marks;
  }

  /** The button over the image is there where there are marks to show or to hide. */
  label(marking) {
    const { preferences, session } = this.app;
    this.root.hidden = marking || !this.exist(session.candidate);
    setText(this.root.querySelector(".label"), preferences.get("marks") ? "Hide marks" : "Show marks");
  }

  toggle() {
    const { preferences, session, view } = this.app;
    if (!this.exist(session.candidate)) return view.hint("You marked nothing in this mask");
    preferences.set("marks", !preferences.get("marks"));
    this.asked.clear();
    session.paint();
  }

  kept(candidate) {
    const found = this.app.session.marks.get(candidate.id);
    return found?.mask_sha256 === candidate.mask_sha256 ? found : null;
  }

  /** The decision that holds on a candidate, if it came from marks of this very mask. */
  row(candidate) {
    const row = this.app.session.ownVerdict(candidate);
    const marked = row?.marks ? row.mask_sha256 === candidate.mask_sha256 : row?.has_marks;
    return marked ? row : null;
  }

  async load(row) {
    if (this.asked.has(row.id)) return;
    this.asked.add(row.id);
    const { session, view } = this.app;
    try {
      await this.fetch(row);
    } catch (error) {
      view.hint(`Your marks could not be loaded: ${error.message}`);
      return;
    }
    if (!session.disposed) session.paint();
  }

  async fetch(row) {
    const found = this.fetched.get(row.id) ?? (await this.app.server.json(`verdicts/${row.id}/marks`));
    this.fetched.set(row.id, found);
    return found;
  }
}
