// Overall accuracy from points that a reviewer called right or wrong. The server computes the same
// (rsqa_core/evaluation/point_check.py) and refuses a verdict that says otherwise.

const Z = 1.6448536269514722; // 90 % of a normal distribution lie between -Z and Z
export const NARROW = 0.05; // half-width at which there are points enough
export const FEWEST = 20;

/**
 * {accuracy, low, high, n, narrow}, or null before the first answer. The interval is Wilson's at the
 * number of simple random points that would say as much.
 *
 * @param strata index into `weights` of each point
 * @param weights share of the mask in each stratum
 * @param answers true, false, or null where nobody can tell, of the first points
 */
export function estimate(strata, weights, answers) {
  const right = weights.map(() => 0);
  const asked = weights.map(() => 0);
  for (const [index, answer] of answers.entries()) {
    if (answer === null) continue;
    right[strata[index]] += Number(answer);
    asked[strata[index]] += 1;
  }
  const known = [...weights.keys()].filter((index) => asked[index] > 0);
  if (known.length === 0) return null;
  const whole = known.reduce((sum, index) => sum + weights[index], 0);
  let [accuracy, overall, variance, n] = [0, 0, 0, 0];
  for (const index of known) {
    const weight = weights[index] / whole;
    const smooth = (right[index] + 0.5) / (asked[index] + 1);
    accuracy += (weight * right[index]) / asked[index];
    overall += weight * smooth;
    variance += (weight ** 2 * smooth * (1 - smooth)) / asked[index];
    n += asked[index];
  }
  const size = (overall * (1 - overall)) / variance;
  const centre = (accuracy + Z ** 2 / (2 * size)) / (1 + Z ** 2 / size);
  const inside = (accuracy * (1 - accuracy)) / size + Z ** 2 / (4 * size ** 2);
  const half = (Z * Math.sqrt(inside)) / (1 + Z ** 2 / size);
  const low = Math.max(0, Math.min(accuracy, centre - half));
  const high = Math.min(1, Math.max(accuracy, centre + half));
  return { accuracy, low, high, n, narrow: n >= FEWEST && high - low <= 2 * NARROW };
}

/** About how many more points make the interval narrow. */
export function pointsToGo({ accuracy, low, high, n, narrow }) {
  if (narrow) return 0;
  // The width falls with the root of the number; a share near 0 or 1 is not believed to stay there.
  const share = Math.min(0.95, Math.max(0.05, accuracy));
  const needed = Math.max(n * ((high - low) / (2 * NARROW)) ** 2, share * (1 - share) * (Z / NARROW) ** 2);
  return Math.max(1, Math.ceil(Math.max(FEWEST, needed) - n));
}
