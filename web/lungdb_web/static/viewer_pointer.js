// A hand on the viewer: a click, a drag, two fingers, a wheel.

import { AXIS } from "./viewer_grid.js";

/** @import { Viewer } from "./viewer.js" */
/** @typedef {Pick<PointerEvent, "clientX" | "clientY">} Finger */

const CLICK = 4; // pixels that a hand moves in a click
const NOTCH = 60; // of a mouse wheel; finer movements are added up

/** A drag began where its pointer went down, with what was shown then. */
class Drag {
  /**
   * @param {Viewer} viewer
   * @param {HTMLElement} stage
   * @param {PointerEvent} event
   */
  constructor(viewer, stage, event) {
    this.viewer = viewer;
    this.stage = stage;
    this.axis = viewer.under(event)?.axis ?? AXIS[viewer.view.plane];
    this.x = event.clientX;
    this.y = event.clientY;
    this.view = viewer.view;
    this.moved = false;
  }

  /** @param {PointerEvent} event */
  to(event) {
    const { viewer, view, axis } = this;
    const right = event.clientX - this.x;
    const down = event.clientY - this.y;
    this.moved ||= Math.hypot(right, down) > CLICK;
    if (!this.moved) return;
    if (viewer.dragged === "window") viewer.bend(view, right, down);
    else if (viewer.dragged === "move") viewer.shift(view, right, down, axis);
    else {
      const steps = Math.round(-down * viewer.grid.size[axis] / this.stage.clientHeight);
      viewer.move(view.voxel[axis] + steps - viewer.view.voxel[axis], axis);
    }
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
  /** @type {Drag | null} */
  let drag = null;
  /** @type {Pinch | null} */
  let pinch = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target instanceof Element && event.target.closest(".viewer-loading")) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    drag = fingers.size === 1 ? new Drag(viewer, stage, event) : null;
    pinch = fingers.size === 2 ? new Pinch(viewer, [...fingers.values()]) : null;
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event);
    if (pinch) pinch.to([...fingers.values()]);
    else drag?.to(event);
  });
  stage.addEventListener("pointerup", (event) => {
    const found = drag && !drag.moved && viewer.under(event);
    if (found && found.voxel) viewer.change({ voxel: found.voxel });
    ended(event);
  });
  /** @param {PointerEvent} event */
  const ended = (event) => {
    fingers.delete(event.pointerId);
    drag = pinch = null;
  };
  stage.addEventListener("pointercancel", ended);
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
    if (event.ctrlKey) {
      viewer.enlargeBy(-delta / NOTCH, viewer.under(event)?.place);
      return;
    }
    turned += delta;
    if (Math.abs(turned) < NOTCH / 2) return;
    viewer.move(-Math.sign(turned), viewer.under(event)?.axis);
    turned = 0;
  }, { passive: false });
}
