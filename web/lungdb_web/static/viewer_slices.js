// Plain slices: Hounsfield units that the server sends, one axial slice at a time, drawn without WebGL.

import { PlanePicture, clear } from "./viewer_planes.js";
import { Tiled } from "./viewer_tiles.js";

/** @import { Grid } from "./viewer_grid.js" */
/** @import { Plane, Renderer, Tile, Triple, View } from "./viewer_types.js" */

/**
 * @param {string} address
 * @param {number} count
 */
async function ask(address, count) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin" });
  } catch {
    throw new Error("the server cannot be reached");
  }
  if (response.redirected || response.status === 401) throw new Error("you are signed out. Sign in again");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = await response.arrayBuffer().catch(() => { throw new Error("the connection broke off"); });
  if (bytes.byteLength !== 2 * count) throw new Error("the server sent something else");
  return new Int16Array(bytes);
}

/** @implements {Renderer} */
export class SliceView extends Tiled {
  /** @type {Plane[]} */
  planes = ["axial"];

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string} address Of the lowest slice.
   * @param {Grid} grid
   */
  constructor(canvas, address, grid) {
    super(grid);
    this.element = canvas;
    this.address = address;
    /** @type {View | null} */
    this.next = null;
    this.isLoading = false;
    /** @type {PlanePicture | null} */
    this.plane = null;
    this.shown = "";
  }

  /** @param {View} view */
  source({ voxel, slab, thickness }) {
    const query = slab === "none" ? "" : `?slab=${slab}&mm=${thickness}`;
    return this.address.replace("/0.hu", `/${voxel[2]}.hu${query}`);
  }

  /**
   * One slice at a time; of those asked for meanwhile the last is what counts. Tells of each that is there. Window, zoom
   * and place are those asked for last, at once.
   *
   * @param {View} view
   * @param {(view: View) => void} drawn
   */
  async draw(view, drawn) {
    this.next = view;
    this.paint(this.seen ? { ...view, voxel: this.seen.voxel } : view);
    if (this.isLoading) return;
    this.isLoading = true;
    try {
      while (this.next) {
        const wanted = this.next;
        this.next = null;
        const address = this.source(wanted);
        if (this.shown !== address) {
          const { size } = this.grid;
          this.plane = new PlanePicture(this.grid, 2, await ask(address, size[0] * size[1]));
          this.shown = address;
        }
        const { voxel, slab, thickness } = wanted;
        const shown = { ...this.next ?? wanted, voxel, slab, thickness };
        this.paint(shown);
        drawn(shown);
      }
    } finally {
      this.next = null;
      this.isLoading = false;
    }
  }

  /** @param {View} view */
  paint(view) {
    this.seen = view;
    const { context, ratio } = clear(this.element);
    const [tile] = this.tiles();
    this.plane?.draw(context, ratio, tile, view);
  }

  /**
   * @override
   * @returns {Tile[]}
   */
  tiles() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.seen || !width) return [];
    const { size, spacing } = this.grid;
    const { zoom, centre } = this.seen;
    const scale = Math.max(size[0] * spacing[0] / width, size[1] * spacing[1] / height) / zoom;
    return [{
      axis: 2, left: 0, top: 0, width, height, scale, start: [centre[0] + scale * width / 2, centre[1] + scale * height / 2],
    }];
  }

  /** @param {Triple} voxel */
  value(voxel) {
    return this.plane?.value(voxel) ?? null;
  }
}
