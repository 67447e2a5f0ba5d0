// A hand on the viewer: a click, a drag, two fingers.

import { AXIS } from "./viewer_grid.js";

const CLICK = 4; // pixels that a hand moves in a click

// A drag began where its pointer went down, with what was shown then.
class Drag {
  constructor(viewer, stage, event) {
    const axis = viewer.under(event)?.axis ?? AXIS[viewer.view.plane];
    Object.assign(this, { viewer, stage, axis, x: event.clientX, y: event.clientY, view: viewer.view, moved: false });
  }

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

// Two fingers enlarge what was between them when the second came down.
class Pinch {
  constructor(viewer, fingers) {
    const middle = { clientX: (fingers[0].clientX + fingers[1].clientX) / 2, clientY: (fingers[0].clientY + fingers[1].clientY) / 2 };
    Object.assign(this, { viewer, view: viewer.view, apart: Pinch.apart(fingers), place: viewer.under(middle)?.place });
  }

  static apart([one, other]) {
    return Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
  }

  to(fingers) {
    this.viewer.enlarge(Pinch.apart(fingers) / this.apart, this.place, this.view);
  }
}

export function listenToPointer(viewer, stage) {
  const fingers = new Map();
  let drag = null;
  let pinch = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest(".viewer-loading")) return;
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
    if (found?.voxel) viewer.change({ voxel: found.voxel });
    ended(event);
  });
  const ended = (event) => {
    fingers.delete(event.pointerId);
    drag = pinch = null;
  };
  stage.addEventListener("pointercancel", ended);
}
