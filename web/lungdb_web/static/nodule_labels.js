// Where the words of circles stand: beside their circle, and where others are already, lines above or below.

/** @typedef {{x: number, y: number, radius: number, wide: number}} Wanted A circle, and how wide its words are, all in pixels. */
/** @typedef {{x: number, y: number}} Label The words' left end and middle. */

const GAP = 4; // pixels from a circle to its words
export const LINE = 14;

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
const within = (value, low, high) => Math.max(low, Math.min(value, high));

/**
 * Lines below and above in turn: 0, 1, -1, 2, -2 …
 *
 * @param {number} most
 */
const lines = (most) => Array.from(Array(2 * most + 1).keys(), (place) => (place % 2 ? 1 : -1) * Math.ceil(place / 2));

/**
 * Find places that do not overlap, those of the first words first: at the right or left of their circle, or of the one that it lies in, or
 * where the picture ends; on no other circle where that can be. Words for which no place is left have none.
 *
 * @param {Wanted[]} wanted
 * @param {number} width Of the picture.
 * @param {number} height
 * @returns {(Label | null)[]}
 */
export function placed(wanted, width, height) {
  /** @type {(Label & {wide: number})[]} */
  const taken = [];
  /** @param {Label & {wide: number}} label */
  const isFree = ({ x, y, wide }) =>
    taken.every((one) => Math.abs(one.y - y) >= LINE || x >= one.x + one.wide + GAP || one.x >= x + wide + GAP);
  /** @param {Label & {wide: number}} label */
  const isOnNone = ({ x, y, wide }) =>
    wanted.every((one) => {
      const [across, down] = [within(one.x, x, x + wide) - one.x, within(one.y, y - LINE / 2, y + LINE / 2) - one.y];
      return Math.hypot(across, down) >= one.radius;
    });
  return wanted.map(({ x, y, wide }) => {
    const around = wanted.filter((one) => Math.hypot(one.x - x, one.y - y) <= one.radius);
    const right = Math.max(...around.map((one) => one.x + one.radius)) + GAP;
    const left = Math.min(...around.map((one) => one.x - one.radius)) - GAP - wide;
    const sides = [right, left].filter((side) => side >= 0 && side + wide <= width);
    const ends = sides.length ? sides : [within(right, 0, Math.max(0, width - wide))];
    const labels = lines(Math.ceil(height / LINE)).flatMap((line) => {
      const middle = within(y + line * LINE, LINE, Math.max(LINE, height - GAP));
      return ends.map((end) => ({ x: end, y: middle, wide }));
    }).filter(isFree);
    const label = labels.find(isOnNone) ?? labels[0];
    if (!label) return null;
    taken.push(label);
    return label;
  });
}
