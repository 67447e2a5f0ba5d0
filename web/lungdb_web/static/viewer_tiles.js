// Where planes lie on the stage. Across and down the screen the patient's coordinates fall, in each plane: the right, the
// front and the head, which RAS+ counts upwards, are drawn at the left or above.

import { AXIS, triple } from "./viewer_grid.js";

/** @import { Grid } from "./viewer_grid.js" */
/** @import { DrawnPlane, Edge, Found, Plane, Tile, Triple, View } from "./viewer_types.js" */

/**
 * The axes that lie across and along each plane.
 *
 * @type {Record<DrawnPlane, [number, number]>}
 */
const LYING = { axial: [0, 1], coronal: [0, 2], sagittal: [1, 2] };
/**
 * What lies at the left, right, upper and lower edge of each plane as it is drawn.
 *
 * @type {Record<DrawnPlane, string>}
 */
const EDGES = { axial: "RLAP", coronal: "RLSI", sagittal: "APSI" };

/**
 * The axes that lie across and along the plane of an axis.
 *
 * @param {number} axis
 */
export const lying = (axis) => LYING[planeAt(axis)];

/**
 * The plane that an axis is scrolled through.
 *
 * @param {number} axis
 * @returns {DrawnPlane}
 */
const planeAt = (axis) => (axis === 0 ? "sagittal" : axis === 1 ? "coronal" : "axial");

/**
 * Where a place lies on the page, seen in a tile.
 *
 * @param {Tile} tile
 * @param {Triple} place
 * @returns {[number, number]}
 */
export function onPage({ axis, left, top, start, scale }, place) {
  const [across, along] = lying(axis);
  return [left + (start[0] - place[across]) / scale, top + (start[1] - place[along]) / scale];
}

/**
 * Whether a point of the page is in a tile.
 *
 * @param {Tile} tile
 * @param {number} x
 * @param {number} y
 */
export function contains({ left, top, width, height }, x, y) {
  return x >= left && x < left + width && y >= top && y < top + height;
}

/** What draws planes; where they lie is all that is known of it here. */
export class Tiled {
  /** @param {Grid} grid */
  constructor(grid) {
    this.grid = grid;
    /**
     * What is seen, or is to be seen next.
     *
     * @type {View | null}
     */
    this.seen = null;
  }

  /** @returns {Tile[]} */
  tiles() {
    return [];
  }

  /**
   * Millimetres a pixel of the page, as drawn or at another zoom.
   *
   * @param {number} [zoom]
   */
  scale(zoom) {
    const [tile] = this.tiles();
    const shown = this.seen?.zoom ?? 1;
    return tile ? tile.scale * shown / (zoom ?? shown) : NaN;
  }

  /**
   * Letters for the edges of each plane, in pixels of the page.
   *
   * @returns {Edge[]}
   */
  edges() {
    return this.tiles().flatMap(({ axis, left, top, width, height }) => {
      const [first, second, upper, lower] = EDGES[planeAt(axis)];
      return [
        { letter: first, x: left, y: top + height / 2, side: "left" },
        { letter: second, x: left + width, y: top + height / 2, side: "right" },
        { letter: upper, x: left + width / 2, y: top, side: "top" },
        { letter: lower, x: left + width / 2, y: top + height, side: "bottom" },
      ];
    });
  }

  /**
   * What is under a point of the stage; null beside the planes.
   *
   * @param {number} x
   * @param {number} y
   * @returns {Found | null}
   */
  pick(x, y) {
    const tile = this.tiles().find((one) => contains(one, x, y));
    if (!tile || !this.seen) return null;
    const place = this.place(tile, x, y);
    return { place, axis: tile.axis, voxel: this.grid.holds(place) ? this.grid.voxel(place) : undefined };
  }

  /**
   * The place of the patient under a point of a tile, or of the page beside it.
   *
   * @param {Tile} tile
   * @param {number} x
   * @param {number} y
   */
  place({ axis, left, top, start, scale }, x, y) {
    const [across, along] = lying(axis);
    const [voxel, grid] = [this.seen?.voxel ?? this.grid.middle(), this.grid];
    return triple((one) => {
      if (one === across) return start[0] - (x - left) * scale;
      return one === along ? start[1] - (y - top) * scale : grid.millimetres(voxel)[one];
    });
  }
}

/**
 * The axes whose planes are drawn.
 *
 * @param {Plane} plane
 */
export const drawnAxes = (plane) => (plane === "all" ? [0, 1, 2] : [AXIS[plane]]);
