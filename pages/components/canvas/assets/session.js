// A review session: what a decision means, where it goes, and what comes back. The half that shows
// items is in showing.js.

import { Leases } from "./leases.js";
import { Outbox } from "./outbox.js";
import { Pace } from "./pace.js";
import { Showing } from "./showing.js";

const LONGEST_LOOK_S = 1800; // a page left open over lunch is not an hour of thought

export class Session extends Showing {
  constructor(data, server, view) {
    super(data, server, view);
    this.pace = new Pace();
    this.notes = new Map(); // image id -> what is being written
    this.marks = new Map(); // candidate id -> {size, counts, mask_sha256} marked wrong, not decided
    this.newHeadId = null;
    this.touched = new Map(); // image id -> whether it was done before this page touched it
    this.outbox = new Outbox(data.project.id, data.reviewer, server, {
      changed: () => this.view.update(this),
      saved: () => this.media.retryAll(),
      refused: (verdict, message) => this.onRefused(verdict, message),
      answered: (document) => this.onAnswered(document),
    });
    this.leases = new Leases(server, this.queue, (lost, who) => this.onLost(lost, who));
  }

  dispose() {
    super.dispose();
    this.outbox.dispose();
    this.leases.dispose();
  }

  async start() {
    this.outbox.soon(0);
    await this.reload(this.data.item);
  }

  /** Begin the queue again with the present ranking; decisions under way count as made. */
  async reload(itemId = null) {
    this.problem = null;
    this.newHeadId = null;
    this.view.loading(this);
    try {
      const waiting = this.outbox.waiting().map(([, entry]) => entry.verdict);
      const [history] = await Promise.all([
        this.server.json("history?limit=100"),
        this.queue.restart(waitingDecisions(waiting)),
      ]);
      if (this.disposed) return;
      this.touched.clear();
      this.history.load(history.verdicts, waiting);
      for (const id of this.queue.decided.keys()) this.touch(id);
      if (itemId !== null) await this.open(() => this.queue.startWith(itemId));
    } catch (error) {
      this.problem = error;
    }
    if (this.disposed) return;
    this.show();
    this.leases.sync();
  }

  async loadMore() {
    await super.loadMore();
    if (!this.disposed) this.leases.sync();
  }

  // -- deciding -------------------------------------------------------------------------------

  /** Whether what is selected is what is on the canvas; says so when it is not. */
  ready({ needsMask }) {
    const { painted } = this;
    if (painted && painted.item === this.item && (!needsMask || painted.maskShown)) return true;
    if (this.item) this.view.hint("Still loading – nothing was recorded");
    return false;
  }

  confirm(stay, event) {
    if (!this.ready({ needsMask: true })) {
      if (this.painted && !this.candidate) this.view.hint("No candidate to confirm: X, S or F");
      return;
    }
    const { candidate } = this.painted;
    if (this.entry.active) {
      this.decide("correct", { candidate, score: this.entry.percent / 100, stay, event });
    } else if (candidate.score) {
      this.decide("confirm", { candidate, score: candidate.score.value, stay, event });
    } else {
      const why = candidate.hidden ? "The prediction is hidden" : "Not scored yet";
      this.view.hint(`${why}: type a percentage, then Enter`);
    }
  }

  /** A verdict on the image as a whole: skip, flag or none_acceptable. */
  decideImage(kind, event) {
    if (this.ready({ needsMask: false })) this.decide(kind, { event });
  }

  saveNote() {
    const note = this.noteText();
    if (!note || !this.ready({ needsMask: false })) return;
    this.send("note", { candidate: this.painted.candidate, note });
    this.notes.delete(this.painted.item.id);
    this.view.hint("Note kept");
    this.view.update(this);
  }

  decide(kind, { candidate = null, score = null, stay = false, event, ...checked }) {
    const { item } = this.painted;
    this.send(kind, { candidate, score, note: this.noteText(), ...checked });
    this.notes.delete(item.id);
    for (const { id } of candidate ? [candidate] : item.candidates) this.marks.delete(id);
    this.touch(item.id);
    this.queue.decide(item.id, kind, score);
    this.pace.record();
    if (stay && this.hasNextCandidate()) {
      this.entry.clear();
      this.selectCandidate(1);
      return;
    }
    this.view.decided(kind, score);
    this.move(() => this.queue.advance(), event);
  }

  send(
    kind,
    { candidate = null, score = null, note = "", supersedesId = null, imageId = null, low = null, high = null, pointCheck = null, marks = null },
  ) {
    const { painted } = this;
    const shown = candidate?.score ?? null;
    const verdict = {
      id: crypto.randomUUID(),
      image_id: imageId ?? painted.item.id,
      candidate_id: candidate?.id ?? null,
      kind,
      score,
      note,
      head_id: shown?.head_id ?? null,
      score_shown: shown?.value ?? null,
      score_visible: shown !== null,
      time_spent_s: painted ? lookedFor(painted.at) : 0,
      supersedes_id: supersedesId,
      mask_sha256: candidate?.mask_sha256 ?? null,
      low,
      high,
      point_check: pointCheck,
      marks,
    };
    this.outbox.add(verdict);
    this.history.record(verdict);
    return verdict;
  }

  async undo(event) {
    const row = this.history.last;
    if (!row) {
      this.view.hint("Nothing to take back");
      return;
    }
    const refused = this.outbox.refused().find((entry) => entry.id === row.id);
    if (refused) {
      this.outbox.dismiss(row.id);
      this.history.remove(row.id);
    } else this.send("undo", { supersedesId: row.id, imageId: row.image_id });
    this.touch(row.image_id);
    if (!this.history.of(row.image_id)) this.queue.reopen(row.image_id);
    if (row.note) this.notes.set(row.image_id, row.note);
    if (row.marks) this.marks.set(row.candidate_id, { ...row.marks, mask_sha256: row.mask_sha256 });
    this.view.undone(row.kind);
    await this.moveTo(row.image_id, event);
    if (row.has_marks && !row.marks) await this.bringMarksBack(row);
  }

  /** What was marked before this page was opened is at the server alone. */
  async bringMarksBack(row) {
    const { image_id: imageId, candidate_id: candidateId } = row;
    let found;
    try {
      found = await this.view.marking.recorded.fetch(row);
    } catch (error) {
      this.view.hint(`What was marked could not be loaded: ${error.message}`);
      return;
    }
    const candidate = this.queue.items.get(imageId)?.candidates.find((one) => one.id === candidateId);
    const decided = this.history.on(imageId, candidateId); // again, or the undo was refused
    if (this.disposed || !candidate || decided || this.marks.has(candidateId)) return;
    this.marks.set(candidateId, { ...found, mask_sha256: candidate.mask_sha256 });
    this.paint();
  }

  // -- what comes back ------------------------------------------------------------------------

  onAnswered(document) {
    if (document.head_id && this.queue.headId !== undefined && document.head_id !== this.queue.headId) {
      this.newHeadId = document.head_id;
      this.view.update(this);
    }
  }

  onLost(imageIds, who) {
    const { currentId } = this.queue;
    if (imageIds.includes(currentId)) this.view.hint(`${who[currentId]} is looking at this image, too`);
    this.queue.leaveToOthers(imageIds);
    this.loadAhead();
    this.view.update(this);
    this.view.later(this);
  }

  onRefused(verdict, message) {
    if (verdict.kind === "undo") this.history.setTakenBack(verdict.supersedes_id, false);
    else this.history.remove(verdict.id);
    if (!this.history.of(verdict.image_id)) this.queue.reopen(verdict.image_id);
    this.view.hint(`Not accepted: ${message}`);
  }

  noteText() {
    return (this.notes.get(this.queue.currentId) ?? "").trim();
  }

  touch(imageId) {
    if (this.touched.has(imageId)) return;
    // An image that the queue does not list any more has been counted as done by the server.
    this.touched.set(imageId, this.queue.items.get(imageId)?.status !== "open");
  }

  /** Images of this queue that are decided, as far as this page knows. */
  get doneCount() {
    let done = this.queue.done;
    for (const [imageId, before] of this.touched) {
      const now = this.queue.decided.has(imageId) || this.history.of(imageId) !== null;
      done += Number(now) - Number(before);
    }
    return Math.max(0, Math.min(done, this.queue.total ?? done));
  }
}

function waitingDecisions(verdicts) {
  const decided = new Map();
  for (const { kind, image_id: imageId, score } of verdicts) {
    if (kind === "undo") decided.delete(imageId);
    else if (kind !== "note") decided.set(imageId, { kind, score });
  }
  return decided;
}

function lookedFor(since) {
  return Math.min(LONGEST_LOOK_S, Math.round(performance.now() - since) / 1000);
}
