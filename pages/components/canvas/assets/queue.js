// The order of images as this page knows it: what the server ranked, plus where the reviewer is.

const PAGE = 20;
const REFILL_BELOW = 15;
const ITEMS_KEPT = 400;

export class Queue {
  /** `query` holds the filters and the order as the server's parameters. */
  constructor(server, query) {
    this.server = server;
    this.query = query;
    this.items = new Map();
    this.decided = new Map(); // image id -> {kind, score}: decided here since the queue began
    this.reset();
  }

  reset() {
    this.order = [];
    this.at = 0;
    this.cursor = undefined; // undefined: not begun; null: nothing follows
    this.total = null;
    this.done = 0;
    this.headId = undefined;
    this.elsewhere = 0; // open images that other reviewers have
    this.loading = null;
    this.generation = (this.generation ?? 0) + 1;
  }

  /** Begin again with the server's present order; `decided` are images whose verdict is on its way. */
  async restart(decided) {
    this.reset();
    this.items.clear();
    this.decided = new Map(decided);
    await this.more();
    this.at = this.nextOpen(-1);
  }

  get exhausted() {
    return this.cursor === null;
  }

  get currentId() {
    return this.order[this.at] ?? null;
  }

  get current() {
    return this.items.get(this.currentId) ?? null;
  }

  /** Load the next page, once however often it is asked for. */
  more() {
    if (this.cursor === null) return Promise.resolve();
    this.loading ??= this.fetchPage().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  async fetchPage() {
    const generation = this.generation;
    const parameters = new URLSearchParams(this.query);
    parameters.set("limit", PAGE);
    if (this.cursor) parameters.set("cursor", this.cursor);
    const page = await this.server.json(`queue?${parameters}`);
    if (generation !== this.generation) return;
    if (this.cursor === undefined) {
      this.total = page.total;
      this.done = page.done;
      this.headId = page.head_id;
    }
    this.elsewhere = page.elsewhere;
    const known = new Set(this.order);
    for (const item of page.items) {
      // A ranking that changed between two pages may name an image twice; the first place stands.
      if (known.has(item.id)) continue;
      this.items.set(item.id, item);
      this.order.push(item.id);
    }
    this.cursor = page.next_cursor ?? null;
    this.trim();
  }

  needsMore() {
    return !this.exhausted && this.order.length - this.at < REFILL_BELOW;
  }

  /** The next `count` images that have no decision yet, in order. */
  upcoming(count) {
    const found = [];
    for (let index = this.at + 1; index < this.order.length && found.length < count; index++) {
      const id = this.order[index];
      const item = this.items.get(id);
      if (item && !this.decided.has(id)) found.push(item);
    }
    return found;
  }

  /** Index of the first image after `index` without a decision; the end when there is none. */
  nextOpen(index) {
    let next = index + 1;
    while (next < this.order.length && this.decided.has(this.order[next])) next++;
    return next;
  }

  /** Images that were passed over: seen or skipped by paging, without a decision. */
  passedOver() {
    return this.order.filter((id) => !this.decided.has(id)).length;
  }

  decide(imageId, kind, score) {
    this.decided.set(imageId, { kind, score });
  }

  reopen(imageId) {
    this.decided.delete(imageId);
  }

  advance() {
    this.at = this.nextOpen(this.at);
  }

  firstOpen() {
    this.at = this.nextOpen(-1);
  }

  step(by) {
    const at = Math.min(this.order.length, Math.max(0, this.at + by));
    const moved = at !== this.at;
    this.at = at;
    return moved;
  }

  /** Put an image before all others, and go there: the queue then follows from its beginning. */
  async startWith(imageId) {
    if (!(await this.ensure(imageId))) return;
    this.order = [imageId, ...this.order.filter((id) => id !== imageId)];
    this.at = 0;
  }

  /** Go to an image; one that is not in the order yet is put in front of the present one. */
  async goTo(imageId) {
    if (!(await this.ensure(imageId))) return;
    const index = this.order.indexOf(imageId);
    if (index >= 0) this.at = index;
    else this.order.splice(this.at, 0, imageId);
  }

  /** Have an image's data; false when the queue began anew while it was fetched. */
  async ensure(imageId) {
    const generation = this.generation;
    if (!this.items.has(imageId)) {
      const item = await this.server.json(`items/${imageId}`);
      if (generation !== this.generation) return false;
      this.items.set(imageId, item);
    }
    return true;
  }

  /** Forget images that others have, but for the one on screen. */
  leaveToOthers(imageIds) {
    const gone = new Set(imageIds.filter((id) => id !== this.currentId));
    const before = this.order.slice(0, this.at).filter((id) => gone.has(id)).length;
    this.order = this.order.filter((id) => !gone.has(id));
    this.at -= before;
  }

  /** Fetch an image's data anew, because its candidates or masks have changed. */
  async refresh(imageId) {
    this.items.set(imageId, await this.server.json(`items/${imageId}`));
  }

  trim() {
    for (const id of this.items.keys()) {
      if (this.items.size <= ITEMS_KEPT) return;
      const index = this.order.indexOf(id);
      if (index >= 0 && index < this.at - 20) this.items.delete(id);
    }
  }
}
