// A hand on the viewer: a click, a drag, two fingers, a wheel.

import { AXIS } from "./viewer_grid.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Tile, Tool } from "./viewer_types.js" */
/** @typedef {Pick<PointerEvent, "clientX" | "clientY">} Finger */

const CLICK = 4; // pixels that a hand moves in a click
const NOTCH = 60; // of a mouse wheel; finer movements are added up
const ZOOMED = 40; // pixels down that enlarge by one step

/** A drag began where its pointer went down, with what was shown then. */
class Drag {
  /**
   * @param {Viewer} viewer
   * @param {HTMLElement} stage
   * @param {PointerEvent} event
   * @param {Tool} tool
   */
  constructor(viewer, stage, event, tool) {
    this.viewer = viewer;
    this.stage = stage;
    this.tool = tool;
    const found = viewer.under(event);
    this.place = found?.place;
    this.axis = found?.axis ?? AXIS[viewer.view.plane];
    this.x = event.clientX;
    this.y = event.clientY;
    this.view = viewer.view;
    this.moved = false;
  }

  /** @param {PointerEvent} event */
  to(event) {
    const { viewer, view, axis, tool } = this;
    const right = event.clientX - this.x;
    const down = event.clientY - this.y;
    this.moved ||= Math.hypot(right, down) > CLICK;
    if (!this.moved) return;
    if (tool === "window") viewer.bend(view, right, down);
    else if (tool === "move") viewer.shift(view, right, down, axis);
    else if (tool === "zoom") viewer.enlargeBy(down / ZOOMED, this.place, view);
    else {
      const steps = Math.round(-down * viewer.grid.size[axis] / this.stage.clientHeight);
      viewer.move(view.voxel[axis] + steps - viewer.view.voxel[axis], axis);
    }
  }
}

/** A length is drawn from where the pointer went down to where it is. */
class Measuring {
  /**
   * @param {Viewer} viewer
   * @param {Tile | undefined} tile
   * @param {PointerEvent} event
   */
  constructor(viewer, tile, event) {
    this.viewer = viewer;
    this.tile = tile;
    this.x = event.clientX;
    this.y = event.clientY;
    /** @type {import("./viewer_lengths.js").Length | null} */
    this.length = null;
  }

  get moved() {
    return this.length !== null;
  }

  /** @param {PointerEvent} event */
  to(event) {
    const { viewer, tile } = this;
    if (!tile || !this.length && Math.hypot(event.clientX - this.x, event.clientY - this.y) <= CLICK) return;
    const [from, to] = [{ clientX: this.x, clientY: this.y }, event].map((point) =>
      viewer.grid.within(viewer.renderer.place(tile, ...viewer.onStage(point))));
    if (this.length) viewer.lengths.moveEnd(this.length, 1, to);
    else this.length = viewer.lengths.add(tile.axis, from, to);
  }

  /** A second finger came down: it was no measuring. */
  stop() {
    if (this.length) this.viewer.lengths.remove(this.length);
  }
}

/** Two fingers enlarge what was between them when the second came down. */
class Pinch {
  /**
   * @param {Viewer} viewer
   * @param {Finger[]} fingers
   */
  constructor(viewer, [one, other]) {
    const middle = { clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2 };
    this.viewer = viewer;
    this.view = viewer.view;
    this.apart = Pinch.apart([one, other]);
    this.place = viewer.under(middle)?.place;
  }

  /** @param {Finger[]} fingers */
  static apart([one, other]) {
    return Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
  }

  /** @param {Finger[]} fingers */
  to(fingers) {
    this.viewer.enlarge(Pinch.apart(fingers) / this.apart, this.place, this.view);
  }
}

/**
 * @param {Viewer} viewer
 * @param {HTMLElement} stage
 */
export function listenToPointer(viewer, stage) {
  /** @type {Map<number, PointerEvent>} */
  const fingers = new Map();
  /** @type {Drag | Measuring | null} */
  let drag = null;
  /** @type {Pinch | null} */
  let pinch = null;
  stage.addEventListener("pointerdown", (event) => {
    const tool = viewer.mouse.tool(event.button);
    if (!tool || event.target instanceof Element && event.target.closest(".viewer-loading")) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    if (drag instanceof Measuring) drag.stop();
    drag = fingers.size > 1 ? null
      : tool === "length" ? new Measuring(viewer, viewer.tileUnder(event), event) : new Drag(viewer, stage, event, tool);
    pinch = fingers.size === 2 ? new Pinch(viewer, [...fingers.values()]) : null;
  });
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") viewer.point(event);
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event);
    if (pinch) pinch.to([...fingers.values()]);
    else drag?.to(event);
  });
  stage.addEventListener("pointerup", (event) => {
    const found = drag && !drag.moved && event.button === 0 && viewer.under(event);
    if (found && found.voxel) {
      viewer.point(event);
      viewer.change({ voxel: found.voxel });
    }
    ended(event);
  });
  /** @param {PointerEvent} event */
  const ended = (event) => {
    fingers.delete(event.pointerId);
    drag = pinch = null;
  };
  stage.addEventListener("pointercancel", ended);
  stage.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") viewer.point(null);
  });
  listenToWheel(viewer, stage);
}

/**
 * @param {Viewer} viewer
 * @param {HTMLElement} stage
 */
function listenToWheel(viewer, stage) {
  let turned = 0;
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const delta = event.deltaY * (event.deltaMode ? NOTCH : 1);
    // Two fingers on a touchpad come as a wheel turned with Ctrl.
    if (event.ctrlKey || viewer.mouse.of("wheel") === "zoom") {
      viewer.enlargeBy(-delta / NOTCH, viewer.under(event)?.place);
      return;
    }
    turned += delta;
    if (Math.abs(turned) < NOTCH / 2) return;
    viewer.move(-Math.sign(turned), viewer.under(event)?.axis);
    turned = 0;
  }, { passive: false });
}
