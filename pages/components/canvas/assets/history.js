// What can be taken back: the reviewer's own decisions, oldest first.
//
// The rule is the database's: a row holds while it was neither taken back nor replaced by a row
// that itself was not taken back. Undoing a replacement lets the row before it hold again.

const SHOWN = 10;
const KEPT = 300;

export class History {
  constructor() {
    this.rows = []; // verdicts, each with supersedes_id and taken_back
    this.index = null;
  }

  /** Start from the server's rows (newest first) and what the outbox still holds (oldest first). */
  load(serverRows, waiting) {
    this.rows = serverRows.toReversed();
    this.index = null;
    for (const verdict of waiting) this.record(verdict);
  }

  record(verdict) {
    if (verdict.kind === "undo") {
      this.setTakenBack(verdict.supersedes_id, true);
      return;
    }
    if (this.rows.some((row) => row.id === verdict.id)) return;
    const replaced =
      verdict.kind === "note" ? null : this.on(verdict.image_id, verdict.candidate_id ?? null);
    this.rows.push({ ...verdict, supersedes_id: replaced?.id ?? null, taken_back: false });
    if (this.rows.length > KEPT) this.rows.shift();
    this.index = null;
  }

  /** Forget a row, because the server refused it. */
  remove(id) {
    this.rows = this.rows.filter((row) => row.id !== id);
    this.index = null;
  }

  setTakenBack(id, takenBack) {
    const row = this.rows.find((one) => one.id === id);
    if (row) row.taken_back = takenBack;
    this.index = null;
  }

  /** The decision to take back next, or null. */
  get last() {
    return this.indexed().last;
  }

  /** The newest decision that holds on an image, or null. */
  of(imageId) {
    return this.indexed().byImage.get(imageId) ?? null;
  }

  /** The decision that holds on one candidate of an image, or on the image as a whole (null). */
  on(imageId, candidateId) {
    return this.indexed().byCandidate.get(`${imageId} ${candidateId}`) ?? null;
  }

  /** The images decided last, newest last, each once with its newest decision. */
  recent() {
    return [...this.indexed().byImage.values()].slice(-SHOWN);
  }

  // Built once per change: the canvas asks at every key, and the rows are hundreds.
  indexed() {
    if (this.index) return this.index;
    const replaced = new Set();
    for (const row of this.rows) {
      if (!row.taken_back && row.supersedes_id) replaced.add(row.supersedes_id);
    }
    this.index = { last: null, byImage: new Map(), byCandidate: new Map() };
    for (const row of this.rows) {
      if (row.taken_back || replaced.has(row.id)) continue;
      this.index.last = row;
      if (row.kind === "note") continue;
      this.index.byImage.delete(row.image_id); // so that the map's order is by the newest row
      this.index.byImage.set(row.image_id, row);
      this.index.byCandidate.set(`${row.image_id} ${row.candidate_id ?? null}`, row);
    }
    return this.index;
  }
}
