// Which images this page keeps for its reviewer: the current one and the next ones. Others get none
// of them while it says so every now and then, and all of them when it goes.

const AHEAD = 30;
const EVERY_MS = 60000; // a fifth of the time after which a lease runs out by itself

export class Leases {
  /** `onLost(ids, who)` is called with images that somebody else has, and their names by id. */
  constructor(server, queue, onLost) {
    this.server = server;
    this.queue = queue;
    this.onLost = onLost;
    this.held = new Set();
    this.timer = setInterval(() => this.sync(), EVERY_MS);
    this.onHide = () => this.leave();
    window.addEventListener("pagehide", this.onHide);
  }

  dispose() {
    this.disposed = true;
    clearInterval(this.timer);
    window.removeEventListener("pagehide", this.onHide);
    this.leave();
  }

  /** Keep what is on screen and next, and let go what was decided or passed. */
  async sync() {
    const { queue } = this;
    const wanted = [queue.currentId, ...queue.upcoming(AHEAD).map((item) => item.id)].filter((id) => id !== null);
    const giveBack = [...this.held].filter((id) => !wanted.includes(id));
    if (wanted.length === 0 && giveBack.length === 0) return;
    const generation = queue.generation;
    try {
      const { taken, others } = await this.server.post("leases", { take: wanted, give_back: giveBack });
      if (this.disposed) return;
      this.held = new Set(taken);
      const lost = wanted.filter((id) => id in others);
      if (lost.length > 0 && generation === queue.generation) this.onLost(lost, others);
    } catch {
      // Without a connection nobody can be asked; decisions are safe without a lease.
    }
  }

  leave() {
    if (this.held.size === 0) return;
    const given = [...this.held];
    this.held.clear();
    this.server.post("leases", { give_back: given }, { keepalive: true }).catch(() => {});
  }
}
