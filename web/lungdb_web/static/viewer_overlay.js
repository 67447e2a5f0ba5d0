// What is said of the picture: in its corners, at its edges, below it, and to a reader of the screen.

import { AXIS } from "./viewer_grid.js";
import { at } from "./viewer_page.js";
import { covered } from "./viewer_planes.js";
import { drawnAxes } from "./viewer_tiles.js";

/** @import { Grid } from "./viewer_grid.js" */
/** @import { Renderer, Scan, View } from "./viewer_types.js" */

const NICE_LENGTHS = [200, 100, 50, 20, 10, 5, 2, 1]; // millimetres
const STILL = 400; // milliseconds

/** @param {number} bytes */
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** @param {number} number */
const signed = (number) => Math.round(number).toFixed(0).replace("-", "−");

/**
 * What the thickness of a slab is counted in.
 *
 * @param {Grid} grid
 * @param {import("./viewer_types.js").Plane} plane
 */
export const thicknessUnit = (grid, plane) => (drawnAxes(plane).every((axis) => grid.isMeasured(axis)) ? "mm" : "slices");

/**
 * The plane whose slices are counted.
 *
 * @param {View} view
 */
export const counted = ({ plane }) => (plane === "all" ? "axial" : plane);

export class Overlay {
  /**
   * @param {HTMLElement} root
   * @param {Scan} scan
   * @param {Grid} grid
   * @param {() => boolean} isMoving
   */
  constructor(root, scan, grid, isMoving) {
    this.root = root;
    this.scan = scan;
    this.grid = grid;
    this.isMoving = isMoving;
    /** @type {number | undefined} */
    this.saying = undefined;
    /** What was told of a picture last. */
    this.told = "";
  }

  /**
   * Say what a picture that is there shows.
   *
   * @param {View} view
   * @param {Renderer} renderer
   */
  show(view, renderer) {
    const { root, grid } = this;
    const axis = AXIS[view.plane];
    const count = grid.size[axis];
    const number = view.voxel[axis] + 1;
    const plane = counted(view);
    const isKnown = this.scan.has_millimetres || axis === 2 && grid.positions;
    const where = isKnown ? grid.place(axis, view.voxel) : "";
    at("place").textContent = `Slice ${number} of ${count}${where && ` · ${where}`}`;
    const name = view.preset ? this.scan.windows[view.preset][0] : "Window";
    at("window").textContent = `${name} · L ${signed(view.level)} W ${view.width}${view.isInverted ? " · inverted" : ""}`;
    at("slab-words").textContent = this.slabWords(view);
    this.showScale(renderer);
    this.showEdges(renderer);
    renderer.element.setAttribute("aria-label", `${plane} slice ${number} of ${count}, ${name} window`);
    Object.assign(root.dataset, {
      plane: view.plane, slice: number, level: view.level, width: view.width, zoom: view.zoom.toFixed(2),
      slab: view.slab, thickness: view.thickness, inverted: view.isInverted, drawn: "true",
    });
    this.showCard(view, renderer);
    const window = `${name === "Window" ? "window" : `${name} window`}, level ${view.level}, width ${view.width}`;
    const told = [`${plane} slice ${number} of ${count}${where && `, ${where}`}; ${window}`, this.slabWords(view)].filter(Boolean).join("; ");
    // What is drawn once more, such as for a length on it, is not told again in place of that.
    if (told !== this.told) this.say(told);
    this.told = told;
  }

  /** @param {View} view */
  slabWords(view) {
    if (view.slab === "none") return "";
    const { grid } = this;
    const name = view.slab === "max" ? "Maximum" : "Mean";
    if (view.plane === "all") return `${name} of ${view.thickness} ${thicknessUnit(grid, view.plane)}`;
    const axis = AXIS[view.plane];
    const [first, last] = covered(grid, axis, view.voxel[axis], view);
    const slices = `${last - first + 1} ${last > first ? "slices" : "slice"}`;
    return `${name} of ${slices}${grid.isMeasured(axis) ? `, ${view.thickness} mm` : ""}`;
  }

  /** @param {number | null} value */
  showValue(value) {
    at("value").textContent = value === null ? "" : `${signed(value)} HU`;
  }

  /**
   * Beside all three planes a quarter of the stage is free: the result stands there.
   *
   * @param {View} view
   * @param {Renderer} renderer
   */
  showCard({ plane }, renderer) {
    const card = at("card");
    card.hidden = plane !== "all";
    const tiles = renderer.tiles();
    const [sagittal, axial] = [0, 2].map((axis) => tiles.find((tile) => tile.axis === axis));
    if (card.hidden || !sagittal || !axial) return;
    card.style.left = `${sagittal.left}px`;
    card.style.top = `${axial.top}px`;
  }

  /**
   * Say something once it stands still: a reader of the screen is not told of every slice that passes.
   *
   * @param {string} text
   */
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      if (!this.isMoving()) at("status").textContent = text;
    }, STILL);
  }

  /** @param {Renderer} renderer */
  showScale(renderer) {
    const pixel = this.scan.has_millimetres ? renderer.scale() : NaN;
    const length = NICE_LENGTHS.find((one) => one / pixel < renderer.element.clientWidth / 5);
    at("scale").hidden = !length;
    if (!length) return;
    at("scale").style.width = `${length / pixel}px`;
    at("scale-text").textContent = length >= 10 ? `${length / 10} cm` : `${length} mm`;
    this.root.dataset.scale = String(pixel);
  }

  /** @param {Renderer} renderer */
  showEdges(renderer) {
    at("edges").replaceChildren(...renderer.edges().map(({ letter, x, y, side }) => {
      const mark = document.createElement("span");
      mark.className = `viewer-edge viewer-edge-${side}`;
      mark.textContent = letter;
      mark.style.left = `${x}px`;
      mark.style.top = `${y}px`;
      return mark;
    }));
  }

  /**
   * Say why a picture did not come, or no more.
   *
   * @param {string} reason
   */
  showProblem(reason) {
    at("problem").textContent = reason && `That slice could not be shown: ${reason}.`;
  }

  /**
   * Say how much of the volume is here.
   *
   * @param {number} received
   */
  showLoading(received) {
    const { bytes } = this.scan;
    at("progress", HTMLProgressElement).value = received / bytes;
    at("progress-text").textContent = received < bytes
      ? `Loading the volume: ${megabytes(received)} of ${megabytes(bytes)} MB` : "Drawing the volume …";
  }
}

/**
 * Add a line to what is said below the picture.
 *
 * @param {string} text
 */
export function note(text) {
  const line = document.createElement("li");
  line.textContent = text;
  at("notes").append(line);
}
