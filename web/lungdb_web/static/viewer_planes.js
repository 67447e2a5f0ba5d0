// Planes of Hounsfield units, one slice or several as one, and how they are drawn in grey.

import { lying, onPage } from "./viewer_tiles.js";

/** @import { Grid } from "./viewer_grid.js" */
/** @import { Tile, View } from "./viewer_types.js" */
/** @typedef {Pick<View, "slab" | "thickness">} Slab */

const ROUNDING = 1e-6;

/**
 * The first and the last slice whose middle lies within half the thickness of a slice's own; that slice where it is thin.
 *
 * @param {Grid} grid
 * @param {number} axis
 * @param {number} index
 * @param {Slab} slab
 * @returns {[number, number]}
 */
export function covered(grid, axis, index, { slab, thickness }) {
  const half = slab === "none" ? 0 : Math.floor(thickness / (2 * grid.spacing[axis]) + ROUNDING);
  return [Math.max(0, index - half), Math.min(grid.size[axis] - 1, index + half)];
}

/**
 * Take a plane out of a volume, in the order in which it is drawn: of several slices the highest value or the mean.
 *
 * @param {ArrayLike<number>} voxels
 * @param {Grid} grid
 * @param {number} axis
 * @param {number} index
 * @param {Slab} slab
 */
export function takePlane(voxels, grid, axis, index, slab) {
  const [across, along] = lying(axis);
  const steps = [1, grid.size[0], grid.size[0] * grid.size[1]];
  const [width, height] = [grid.size[across], grid.size[along]];
  const [first, last] = covered(grid, axis, index, slab);
  const values = new Float32Array(width * height);
  const isMean = slab.slab === "mean";
  for (let row = 0; row < height; row += 1) {
    let start = place(grid, along, row) * steps[along] + first * steps[axis];
    for (let column = 0; column < width; column += 1, start += steps[across]) {
      let [value, from] = [voxels[start], start];
      for (let slice = first; slice < last; slice += 1) {
        from += steps[axis];
        if (isMean) value += voxels[from];
        else if (voxels[from] > value) value = voxels[from];
      }
      values[row * width + column] = isMean ? value / (last - first + 1) : value;
    }
  }
  return new PlanePicture(grid, axis, values);
}

/**
 * Slices are counted from the feet and drawn from the head; columns and rows are counted as they are drawn.
 *
 * @param {Grid} grid
 * @param {number} axis
 * @param {number} index
 */
const place = (grid, axis, index) => (axis === 2 ? grid.size[2] - 1 - index : index);

/** One plane of a scan that can be drawn into tiles. */
export class PlanePicture {
  /**
   * @param {Grid} grid
   * @param {number} axis
   * @param {ArrayLike<number>} values Hounsfield units, row after row as they are drawn.
   */
  constructor(grid, axis, values) {
    this.grid = grid;
    this.axis = axis;
    this.values = values;
    this.picture = document.createElement("canvas");
    [this.picture.width, this.picture.height] = lying(axis).map((one) => grid.size[one]);
    this.look = "";
  }

  /** @param {import("./viewer_types.js").Triple} voxel */
  value(voxel) {
    const [across, along] = lying(this.axis);
    return this.values[place(this.grid, along, voxel[along]) * this.picture.width + voxel[across]];
  }

  /**
   * Draw it in a tile, through a window.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {number} ratio Pixels of the canvas to one of the page.
   * @param {Tile} tile
   * @param {View} view
   */
  draw(context, ratio, tile, view) {
    this.paint(view);
    const { grid, axis, picture } = this;
    // The upper left corner of the first voxel, in millimetres.
    const corner = grid.corner();
    const [left, top] = onPage(tile, corner);
    const [width, height] = lying(axis).map((one) => grid.size[one] * grid.spacing[one] / tile.scale);
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(tile.left, tile.top, tile.width, tile.height);
    context.clip();
    context.fillRect(tile.left, tile.top, tile.width, tile.height);
    context.drawImage(picture, left, top, width, height);
    context.restore();
  }

  /** @param {View} view */
  paint({ level, width, isInverted }) {
    const look = `${level} ${width} ${isInverted}`;
    const context = this.picture.getContext("2d");
    if (!context) throw new Error("this browser draws no pictures");
    if (look === this.look) return;
    this.look = look;
    const image = context.createImageData(this.picture.width, this.picture.height);
    const { data } = image;
    const factor = 255 / width * (isInverted ? -1 : 1);
    // Rounds, and stays within black and white.
    for (let index = 0, out = 0; index < this.values.length; index += 1, out += 4) {
      data[out] = data[out + 1] = data[out + 2] = (this.values[index] - level) * factor + 127.5;
      data[out + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
}

/**
 * Make a canvas as large as it is drawn, and empty.
 *
 * @param {HTMLCanvasElement} canvas
 */
export function clear(canvas) {
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws no pictures");
  return { context, ratio };
}
