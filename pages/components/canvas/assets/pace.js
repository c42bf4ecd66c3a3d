// How fast decisions are made: over the latest ones, with breaks cut short.

const WINDOW = 20;
const LONGEST_GAP_MS = 120_000;
const ENOUGH = 3;

export class Pace {
  constructor() {
    this.times = [];
  }

  record(now = performance.now()) {
    this.times.push(now);
    if (this.times.length > WINDOW + 1) this.times.shift();
  }

  /** Decisions per hour, or null until there are enough to say. */
  get perHour() {
    if (this.times.length <= ENOUGH) return null;
    let spent = 0;
    for (let index = 1; index < this.times.length; index++) {
      spent += Math.min(this.times[index] - this.times[index - 1], LONGEST_GAP_MS);
    }
    return Math.round(((this.times.length - 1) / Math.max(spent, 1)) * 3_600_000);
  }
}
