// Decisions on their way to the database. Each is written to localStorage before anything else
// happens and removed only when the server has said that the row is there, so neither a reload nor
// a crash on either side loses one; its id makes sending it twice harmless.

import { OfflineError, ServerError } from "./server.js";

const BATCH_BYTES = 48 * 1024; // a keepalive request may carry 64 KiB
const BATCH_SIZE = 50;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 8000;
const MEASURES_KEPT = 2000;

export class Outbox {
  /**
   * One storage key per decision: two tabs of one reviewer then never overwrite each other.
   * `events` may hold changed(), saved(verdict), refused(verdict, message), answered(document).
   * `path` is where entries are posted, under its last part as their name.
   */
  constructor(projectId, reviewer, server, events, path = "verdicts") {
    this.prefix = `rsqa.outbox.${projectId}.${encodeURIComponent(reviewer)}.`;
    this.path = path;
    this.server = server;
    this.events = events;
    this.entries = new Map(); // storage key -> {verdict, message: string|null, kept: boolean}
    this.sequence = 0;
    this.offline = false;
    this.sending = false;
    this.retryMs = FIRST_RETRY_MS;
    this.timer = null;
    this.readStored();
    this.onStorage = (event) => {
      if (event.key === null || event.key.startsWith(this.prefix)) {
        this.readStored();
        this.events.changed();
      }
    };
    this.onOnline = () => this.soon(0);
    this.onPageHide = () => this.flushNow();
    window.addEventListener("storage", this.onStorage);
    window.addEventListener("online", this.onOnline);
    window.addEventListener("pagehide", this.onPageHide);
  }

  dispose() {
    this.disposed = true;
    clearTimeout(this.timer);
    window.removeEventListener("storage", this.onStorage);
    window.removeEventListener("online", this.onOnline);
    window.removeEventListener("pagehide", this.onPageHide);
    this.flushNow();
  }

  add(verdict) {
    const order = `${String(Date.now()).padStart(15, "0")}-${String(this.sequence++).padStart(6, "0")}`;
    const key = `${this.prefix}${order}.${verdict.id}`;
    const entry = { verdict, message: null, kept: true, madeAt: performance.now() };
    try {
      localStorage.setItem(key, JSON.stringify({ verdict, message: null }));
    } catch {
      entry.kept = false; // storage is full or forbidden: it lives in memory, and we say so
    }
    this.entries.set(key, entry);
    this.events.changed();
    this.soon(0);
  }

  /** Decisions not yet saved, oldest first. */
  waiting() {
    return this.sorted().filter(([, entry]) => entry.message === null);
  }

  /** Decisions that the server refused, oldest first: [{id, verdict, message}]. */
  refused() {
    return this.sorted()
      .filter(([, entry]) => entry.message !== null)
      .map(([, entry]) => ({ id: entry.verdict.id, verdict: entry.verdict, message: entry.message }));
  }

  get allKept() {
    return [...this.entries.values()].every((entry) => entry.kept);
  }

  dismiss(id) {
    for (const [key, entry] of [...this.entries]) {
      if (entry.verdict.id === id && entry.message !== null) this.remove(key);
    }
    this.events.changed();
  }

  /** Try to send after `delayMs`; an earlier appointment is kept. */
  soon(delayMs) {
    if (this.disposed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), delayMs);
  }

  async send() {
    if (this.sending || this.disposed) return;
    const batch = this.nextBatch();
    if (batch.length === 0 && !this.offline) return;
    this.sending = true;
    let pauseMs = 0;
    try {
      if (batch.length > 0) await this.deliver(batch);
      else await this.server.json("history?limit=1"); // only to see whether the server is back
      this.offline = false;
      this.retryMs = FIRST_RETRY_MS;
    } catch (error) {
      if (!(error instanceof OfflineError) && !(error instanceof ServerError)) throw error;
      this.offline = true;
      // Jitter, so that a room full of reviewers does not come back in step after a restart.
      pauseMs = this.retryMs * (0.75 + Math.random() * 0.5);
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    } finally {
      this.sending = false;
      this.events.changed();
    }
    if (this.offline || this.nextBatch().length > 0) this.soon(pauseMs);
  }

  /** The page has lost its server: say so, and look for it until it is back. */
  connectionLost() {
    if (this.offline || this.disposed) return;
    this.offline = true;
    this.events.changed();
    this.soon(this.retryMs);
  }

  async deliver(batch) {
    let document;
    try {
      document = await this.server.post(this.path, this.parcel(batch));
    } catch (error) {
      if (!(error instanceof ServerError) || error.temporary) throw error;
      // The request as a whole was refused. Alone, each entry gets an answer of its own.
      if (batch.length > 1) {
        for (const one of batch) await this.deliver([one]);
      } else this.markRefused(batch[0][0], error.message);
      return;
    }
    const answers = new Map(document.results.map((result) => [result.id, result]));
    for (const [key, entry] of batch) {
      const answer = answers.get(entry.verdict.id);
      if (!answer) continue; // stays and goes with the next batch
      if (answer.status === "refused") this.markRefused(key, answer.message);
      else {
        this.remove(key);
        if (entry.madeAt) measureSaved(entry.madeAt);
        this.events.saved(entry.verdict);
      }
    }
    this.events.answered(document);
  }

  /** Send what waits without waiting for the answer: the page is about to go. */
  flushNow() {
    const batch = this.nextBatch();
    if (batch.length === 0) return;
    this.server
      .post(this.path, this.parcel(batch), { keepalive: true })
      .catch(() => {}); // everything is still stored and goes again at the next visit
  }

  parcel(batch) {
    return { [this.path.split("/").at(-1)]: batch.map(([, entry]) => entry.verdict) };
  }

  nextBatch() {
    const batch = [];
    let bytes = 0;
    for (const pair of this.waiting()) {
      bytes += new TextEncoder().encode(JSON.stringify(pair[1].verdict)).length;
      if (batch.length > 0 && (bytes > BATCH_BYTES || batch.length >= BATCH_SIZE)) break;
      batch.push(pair);
    }
    return batch;
  }

  markRefused(key, message) {
    const entry = this.entries.get(key);
    if (!entry) return;
    entry.message = message || "The server gave no reason.";
    try {
      localStorage.setItem(key, JSON.stringify({ verdict: entry.verdict, message: entry.message }));
    } catch {
      entry.kept = false;
    }
    this.events.refused(entry.verdict, entry.message);
  }

  remove(key) {
    this.entries.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // Nothing was stored then either.
    }
  }

  sorted() {
    return [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  readStored() {
    const stored = new Map([...this.entries].filter(([, entry]) => !entry.kept));
    try {
      for (let index = 0; index < localStorage.length; index++) {
        const key = localStorage.key(index);
        if (!key?.startsWith(this.prefix)) continue;
        const entry = parseEntry(localStorage.getItem(key));
        if (entry) stored.set(key, entry);
      }
    } catch {
      // Storage is forbidden: the outbox lives in memory.
    }
    this.entries = stored;
  }
}

let measured = 0;

function measureSaved(madeAt) {
  if (++measured % MEASURES_KEPT === 0) performance.clearMeasures("rsqa:decision-to-saved");
  performance.measure("rsqa:decision-to-saved", { start: madeAt, end: performance.now() });
}

function parseEntry(text) {
  try {
    const { verdict, message } = JSON.parse(text);
    if (typeof verdict?.id !== "string") return null;
    return { verdict, message: typeof message === "string" ? message : null, kept: true };
  } catch {
    return null;
  }
}
