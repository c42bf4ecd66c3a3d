// The half of a session that shows: which item is current, what is drawn of it, what is loaded
// ahead, and how the reviewer moves. The other half, deciding, is in session.js.

import { withoutPredictions } from "./blind.js";
import { ScoreEntry } from "./entry.js";
import { History } from "./history.js";
import { MediaCache } from "./media.js";
import { BUDGET_BYTES, measureAfterPaint, wantedMedia } from "./prefetch.js";
import { Queue } from "./queue.js";
import { ServerError } from "./server.js";

export class Showing {
  /** `server` sends requests; `view` draws: paint(session, image, mask), update(session), … */
  constructor(data, server, view) {
    this.data = data;
    this.server = server;
    this.view = view;
    this.queue = new Queue(server, data.query);
    this.history = new History();
    this.entry = new ScoreEntry();
    this.painted = null; // {item, candidate, maskShown, at}: what is on the canvas now
    this.selectedId = null;
    this.keyTime = null; // when the key was pressed whose effect is not painted yet
    this.problem = null; // why the queue could not be loaded
    this.media = new MediaCache(server, {
      budgetBytes: BUDGET_BYTES,
      onLoaded: (address) => this.onMedia(address),
      onFailed: (address) => this.onMedia(address),
    });
  }

  dispose() {
    this.disposed = true;
    this.media.dispose();
  }

  get item() {
    return this.look(this.queue.current);
  }

  /** An item as the reviewer may see it now. */
  look(item) {
    const open = !item || !this.view.blind || this.history.of(item.id);
    const seen = open ? item : withoutPredictions(item);
    return this.view.bands ? this.view.bands.over(seen) : seen;
  }

  get candidate() {
    const candidates = this.item?.candidates ?? [];
    return candidates.find((entry) => entry.id === this.selectedId) ?? candidates[0] ?? null;
  }

  /** The decision of this reviewer that holds on a candidate of the current item, or null. */
  ownVerdict(candidate) {
    const { history, item } = this;
    const known = new Set(history.rows.map((row) => row.id));
    // The history has the newest rows alone; what it knows nothing of is as the item came with.
    const older = item.verdicts.findLast((row) => row.candidate_id === candidate.id && row.kind !== "note" && !known.has(row.id));
    return history.on(item.id, candidate.id) ?? older ?? null;
  }

  /** Bring the current item on screen, now if it is here, otherwise as soon as it comes. */
  show() {
    this.selectedId = this.item?.candidates[0]?.id ?? null;
    this.entry.clear();
    if (!this.item) this.keyTime = null;
    this.paint();
    this.loadAhead();
    this.view.later(this);
  }

  paint() {
    const { item, candidate } = this;
    const image = item && this.media.get(item.display);
    const mask = candidate && this.media.get(candidate.mask);
    const before = this.painted;
    this.painted = null;
    this.view.paint(this, image ?? null);
    if (image) {
      const sameItem = before?.item.id === item.id;
      this.painted = {
        item,
        candidate,
        maskShown: Boolean(mask),
        at: sameItem ? before.at : performance.now(),
      };
      if (this.keyTime !== null && (mask || !candidate)) {
        measureAfterPaint(this.keyTime, item.id);
        this.keyTime = null;
      }
    }
    this.view.update(this);
  }

  onMedia(address) {
    if (this.disposed) return;
    if (this.view.bands?.refused(address, this.media.failure(address))) {
      this.paint();
      this.loadAhead();
      return;
    }
    const { item, candidate } = this;
    const awaited =
      address === item?.display || (candidate && address === candidate.mask && !this.painted?.maskShown);
    if (awaited || (item && this.view.awaits(this).includes(address))) {
      this.replaceWhenChanged(address);
      this.paint();
    }
    this.view.thumbnails(this);
  }

  /** A mask or image that was replaced since (409) is known under a new address: ask for that. */
  async replaceWhenChanged(address) {
    const error = this.media.failure(address);
    if (!(error instanceof ServerError) || error.status !== 409) return;
    const id = this.queue.currentId;
    try {
      await this.queue.refresh(id);
    } catch {
      return; // the failure of the file is on screen, with its retry
    }
    if (id === this.queue.currentId) this.show();
  }

  loadAhead() {
    if (this.disposed) return;
    const { list, pinned } = wantedMedia(
      this.queue,
      this.history,
      this.candidate,
      this.view.showsErrors,
      (item) => this.look(item),
    );
    this.media.want(list, pinned);
    if (this.queue.needsMore()) this.loadMore();
  }

  /** Fetch what the filmstrip shows of earlier visits; it is only a convenience, so errors wait. */
  async fetchPast(imageIds) {
    if (this.fetchingPast) return;
    this.fetchingPast = true;
    try {
      for (const id of imageIds) if (!this.disposed) await this.queue.refresh(id);
      this.loadAhead();
    } catch {
      return; // tried again with the next item
    } finally {
      this.fetchingPast = false;
    }
    this.view.thumbnails(this);
  }

  async loadMore() {
    const missing = this.item === null;
    try {
      await this.queue.more();
    } catch (error) {
      // With items at hand the next move tries again; without, the reviewer has to know.
      if (!missing) return;
      this.problem = error;
    }
    if (this.disposed) return;
    if (missing) this.show();
    else this.loadAhead();
  }

  retryMedia() {
    const { item, candidate } = this;
    if (item) this.media.retry([item.display, candidate?.mask, candidate?.errors].filter(Boolean));
    this.paint();
  }

  // -- moving ---------------------------------------------------------------------------------

  move(change, event) {
    this.keyTime = event?.timeStamp ?? null;
    const before = this.queue.currentId;
    if (change() === false || this.queue.currentId === before) {
      this.keyTime = null;
      this.view.update(this);
      return;
    }
    this.leaveLink();
    this.show();
  }

  async moveTo(imageId, event) {
    this.keyTime = event?.timeStamp ?? null;
    await this.open(() => this.queue.goTo(imageId));
    this.leaveLink();
    this.show();
  }

  async open(find) {
    try {
      await find();
    } catch (error) {
      this.view.hint(`The image could not be opened: ${error.message}`);
    }
  }

  /** The address named one image; once the reviewer moves on, a reload should not come back to it. */
  leaveLink() {
    const address = new URL(window.location.href);
    if (!address.searchParams.has("item")) return;
    address.searchParams.delete("item");
    window.history.replaceState(window.history.state, "", address);
  }

  hasNextCandidate() {
    const { item, candidate } = this;
    return item ? item.candidates.indexOf(candidate) < item.candidates.length - 1 : false;
  }

  selectCandidate(by) {
    const candidates = this.item?.candidates ?? [];
    const index = candidates.indexOf(this.candidate) + by;
    if (index < 0 || index >= candidates.length) return;
    this.select(candidates[index].id);
  }

  select(candidateId) {
    if (candidateId === this.candidate?.id) return;
    this.selectedId = candidateId;
    this.entry.clear();
    this.paint();
    this.loadAhead();
  }
}
