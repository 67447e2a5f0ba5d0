// Cine: the slices of the plane that is looked at, one after the other, from the last on to the first.

import { AXIS } from "./viewer_grid.js";
import { at } from "./viewer_page.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Triple } from "./viewer_types.js" */

export class Cine {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {number | undefined} */
    this.clock = undefined;
  }

  get isOn() {
    return this.clock !== undefined;
  }

  /** @param {boolean} isOn */
  play(isOn) {
    clearInterval(this.clock);
    this.clock = isOn ? setInterval(() => this.step(), 1000 / Number(at("speed", HTMLSelectElement).value)) : undefined;
    at("play").setAttribute("aria-pressed", String(isOn));
    at("play").textContent = isOn ? "Pause" : "Play";
  }

  step() {
    const { view, grid } = this.viewer;
    const axis = AXIS[view.plane];
    /** @type {Triple} */
    const voxel = [...view.voxel];
    voxel[axis] = (voxel[axis] + 1) % grid.size[axis];
    this.viewer.change({ voxel });
  }

  listen() {
    at("play").addEventListener("click", () => this.play(!this.isOn));
    at("speed").addEventListener("change", () => this.isOn && this.play(true));
  }
}
