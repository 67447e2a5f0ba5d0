// How fast something goes, and how long the rest of it takes, in words.

const UNITS = /** @type {[string, number][]} */ ([["h", 3600], ["min", 60]]);

/** @param {number} seconds */
function duration(seconds) {
  const [unit, size] = UNITS.find(([, each]) => seconds >= 2 * each) ?? ["s", 1];
  return `${Math.max(1, Math.round(seconds / size))} ${unit}`;
}

/** Counts from when it is made. */
export class Pace {
  /** @param {number} done What is done already. */
  constructor(done = 0) {
    this.before = done;
    this.begun = performance.now();
  }

  /**
   * How much of it is done each second.
   *
   * @param {number} done
   */
  rate(done) {
    return (1000 * (done - this.before)) / Math.max(1, performance.now() - this.begun);
  }

  /**
   * How long the rest takes at this pace; empty while it cannot be told.
   *
   * @param {number} done
   * @param {number} total
   */
  left(done, total) {
    const rate = this.rate(done);
    return rate > 0 && done < total ? `, about ${duration((total - done) / rate)} left` : "";
  }
}
