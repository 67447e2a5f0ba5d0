// Lengths that are measured on the picture. Each belongs to the slice on which it was drawn, and is seen on that alone.

import { AXIS } from "./viewer_grid.js";
import { at } from "./viewer_page.js";
import { contains, lying, onPage } from "./viewer_tiles.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Tile, Triple, View } from "./viewer_types.js" */

const FIRST = 10; // voxels to each side of the middle that a length of the keyboard's begins with
const LABEL = { width: 112, height: 32 }; // pixels of the page

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A line between two places of a slice.
 *
 * @typedef {object} Length
 * @property {number} axis The axis of a voxel that its plane is scrolled along.
 * @property {number} index Of the slice.
 * @property {[Triple, Triple]} ends In millimetres.
 * @property {HTMLButtonElement[]} handles To take the ends by.
 * @property {HTMLElement} label
 */

export class Lengths {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Length[]} */
    this.all = [];
  }

  /**
   * @param {number} axis
   * @param {Triple} from
   * @param {Triple} to
   */
  add(axis, from, to) {
    const label = document.createElement("span");
    label.className = "viewer-length";
    const handles = [0, 1].map(() => handle());
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "×";
    label.append(document.createElement("span"), remove);
    /** @type {Length} */
    const length = { axis, index: this.viewer.view.voxel[axis], ends: [from, to], handles, label };
    handles.forEach((button, end) => this.listen(length, button, end));
    remove.addEventListener("click", () => this.remove(length));
    label.addEventListener("pointerdown", (event) => event.stopPropagation());
    at("marks").append(...handles, label);
    this.all.push(length);
    this.changed(length);
    return length;
  }

  /** A length about the middle of the picture, for the keyboard: its ends are moved by the arrow keys. */
  addInTheMiddle() {
    const { view, grid } = this.viewer;
    const axis = AXIS[view.plane];
    const [across] = lying(axis);
    const [from, to] = [1, -1].map((side) => {
      /** @type {Triple} */
      const place = [...view.centre];
      place[axis] = grid.millimetres(view.voxel)[axis];
      place[across] += side * Math.min(FIRST, grid.size[across] / 4) * grid.spacing[across];
      return grid.within(place);
    });
    this.add(axis, from, to).handles[0].focus();
  }

  /**
   * @param {Length} length
   * @param {number} end
   * @param {Triple} place
   */
  moveEnd(length, end, place) {
    length.ends[end] = this.viewer.grid.within(place);
    this.changed(length);
  }

  /** @param {Length} length */
  remove(length) {
    if (!this.all.includes(length)) return;
    this.all = this.all.filter((one) => one !== length);
    for (const part of [...length.handles, length.label]) part.remove();
    this.viewer.overlay.say("Length removed");
    at("stage").focus();
    this.viewer.change({});
  }

  removeAll() {
    for (const length of this.all) this.remove(length);
  }

  /** @param {Length} length */
  changed(length) {
    const text = this.text(length);
    const [words, remove] = length.label.children;
    words.textContent = text;
    remove.setAttribute("aria-label", `Remove the length of ${text}`);
    length.handles.forEach((button, end) => {
      button.setAttribute("aria-label", `${end ? "Second" : "First"} end of the length of ${text}, arrow keys move it`);
    });
    this.viewer.overlay.say(`Length ${text}`);
    this.viewer.change({});
  }

  /**
   * How long it is; in pixels where nobody knows how large those are.
   *
   * @param {Length} length
   */
  text({ axis, ends: [from, to] }) {
    const { grid } = this.viewer;
    const sides = lying(axis);
    const isMeasured = sides.every((one) => grid.isMeasured(one));
    const long = Math.hypot(...sides.map((one) => (to[one] - from[one]) / (isMeasured ? 1 : grid.spacing[one])));
    return `${long.toFixed(1)} ${isMeasured ? "mm" : "pixels"}`;
  }

  /**
   * @param {Length} length
   * @param {HTMLButtonElement} button
   * @param {number} end
   */
  listen(length, button, end) {
    const { viewer } = this;
    button.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      if (event.button === 0) button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const tile = viewer.renderer.tiles().find((one) => one.axis === length.axis);
      if (tile) this.moveEnd(length, end, viewer.renderer.place(tile, ...viewer.onStage(event)));
    });
    button.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") this.remove(length);
      else if (event.key in ARROWS) {
        const step = event.shiftKey ? FIRST : 1;
        const [right, down] = ARROWS[event.key];
        const [across, along] = lying(length.axis);
        /** @type {Triple} */
        const place = [...length.ends[end]];
        place[across] -= right * step * viewer.grid.spacing[across];
        place[along] -= down * step * viewer.grid.spacing[along];
        this.moveEnd(length, end, place);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /**
   * Put words and handles where the lines end; those of other slices are hidden. Gives the lines that are seen in a tile.
   *
   * @param {View} view
   * @param {Tile[]} tiles
   */
  place(view, tiles) {
    at("unmeasure").hidden = !this.all.length;
    if (!tiles.length) return []; // nothing is drawn just now, and what has the focus would lose it
    return this.all.flatMap((length) => {
      const tile = tiles.find(({ axis }) => axis === length.axis && view.voxel[axis] === length.index);
      if (!tile) {
        for (const part of [...length.handles, length.label]) part.hidden = true;
        return [];
      }
      const ends = length.ends.map((end) => onPage(tile, end));
      ends.forEach(([x, y], end) => put(length.handles[end], x, y, tile));
      const [x, y] = ends[1];
      const right = Math.min(Math.max(x + 10, tile.left), tile.left + tile.width - LABEL.width);
      const down = Math.min(Math.max(y + 10, tile.top), tile.top + tile.height - LABEL.height);
      put(length.label, right, down, tile);
      return [{ tile, ends }];
    });
  }
}

function handle() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "viewer-handle";
  return button;
}

/**
 * @param {HTMLElement} element
 * @param {number} x
 * @param {number} y
 * @param {Tile} tile
 */
function put(element, x, y, tile) {
  element.hidden = !contains(tile, x, y);
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
}
