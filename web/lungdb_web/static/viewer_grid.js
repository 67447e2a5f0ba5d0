// The voxel grid of a scan: axes of planes, and the way between voxels and millimetres (RAS+, the coordinates of NIfTI).

/** @import { Plane, Scan, Triple } from "./viewer_types.js" */

/**
 * The axis of a voxel (column, row, slice) that scrolling in a plane moves along.
 *
 * @type {Record<Plane, number>}
 */
export const AXIS = { axial: 2, coronal: 1, sagittal: 0, all: 2 };

// Of the higher numbers of an axis, then of the lower ones.
const SIDES = [
  ["right of the middle", "left of the middle"], ["in front of the middle", "behind the middle"], ["above the lowest"],
];

/**
 * Three values, one for each axis.
 *
 * @param {(axis: number) => number} value
 * @returns {Triple}
 */
export function triple(value) {
  return [value(0), value(1), value(2)];
}

export class Grid {
  /** @param {Scan} scan */
  constructor({ size, spacing, start, positions, has_millimetres: hasMillimetres, has_step: hasStep }) {
    this.size = size;
    this.spacing = spacing;
    this.start = start;
    this.positions = positions;
    this.hasMillimetres = hasMillimetres;
    this.hasStep = hasStep;
  }

  /**
   * The point in the middle, in millimetres.
   *
   * @returns {Triple}
   */
  centre() {
    return [0, 0, this.start + ((this.size[2] - 1) / 2) * this.spacing[2]];
  }

  /**
   * As near to a point as the middle of the picture may come, so that the scan fills it where it can.
   *
   * @param {Triple} point
   * @param {number} zoom
   */
  near(point, zoom) {
    const room = 0.5 - 0.5 / zoom;
    const middle = this.centre();
    return triple((axis) => {
      const most = room * this.size[axis] * this.spacing[axis];
      return Math.min(Math.max(point[axis], middle[axis] - most), middle[axis] + most);
    });
  }

  middle() {
    return triple((axis) => Math.floor(this.size[axis] / 2));
  }

  /** @param {Triple} voxel */
  clamp(voxel) {
    return triple((axis) => Math.min(Math.max(Math.round(voxel[axis]), 0), this.size[axis] - 1));
  }

  /**
   * Columns run from the patient's right to left and rows from front to back; RAS+ runs the other way.
   *
   * @param {Triple} voxel
   * @returns {Triple}
   */
  millimetres([column, row, slice]) {
    const [columns, rows] = this.size;
    const [width, height, step] = this.spacing;
    return [((columns - 1) / 2 - column) * width, ((rows - 1) / 2 - row) * height, this.start + slice * step];
  }

  /** @param {Triple} place */
  voxel([x, y, z]) {
    const [columns, rows] = this.size;
    const [width, height, step] = this.spacing;
    return this.clamp([(columns - 1) / 2 - x / width, (rows - 1) / 2 - y / height, (z - this.start) / step]);
  }

  /**
   * The corner of the first column, the first row and the highest slice.
   *
   * @returns {Triple}
   */
  corner() {
    const middle = this.centre();
    return triple((axis) => middle[axis] + this.size[axis] * this.spacing[axis] / 2);
  }

  /**
   * Whether a place lies in the scan.
   *
   * @param {Triple} place
   */
  holds(place) {
    const [corner, middle] = [this.corner(), this.centre()];
    return place.every((value, axis) => Math.abs(value - middle[axis]) <= corner[axis] - middle[axis]);
  }

  /**
   * The nearest place in the scan.
   *
   * @param {Triple} place
   */
  within(place) {
    const [corner, middle] = [this.corner(), this.centre()];
    return triple((axis) => Math.min(Math.max(place[axis], 2 * middle[axis] - corner[axis]), corner[axis]));
  }

  /**
   * Whether distances along an axis are known.
   *
   * @param {number} axis
   */
  isMeasured(axis) {
    return axis === 2 ? this.hasStep : this.hasMillimetres;
  }

  /** @param {Triple} voxel */
  index([column, row, slice]) {
    return (slice * this.size[1] + row) * this.size[0] + column;
  }

  /**
   * Where a slice lies, in words: the recorded position of an axial one, of others the distance from the middle.
   *
   * @param {number} axis
   * @param {Triple} voxel
   */
  place(axis, voxel) {
    if (axis === 2 && this.positions) return `z ${this.positions[voxel[2]].toFixed(1).replace("-", "−")} mm`;
    const distance = this.millimetres(voxel)[axis];
    const side = SIDES[axis][distance < 0 ? 1 : 0];
    return `${Math.abs(distance).toFixed(1)} mm ${side}`;
  }
}
