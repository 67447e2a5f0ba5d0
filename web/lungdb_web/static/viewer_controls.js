// The buttons and the slider beside the picture.

import { AXIS } from "./viewer_grid.js";
import { counted } from "./viewer_overlay.js";
import { at, buttons, pressed } from "./viewer_page.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Plane } from "./viewer_types.js" */

export const MOST_ZOOM = 16;

/**
 * Show by a group's buttons which of them holds.
 *
 * @param {string} group
 * @param {string} key
 * @param {string | null} value
 */
function press(group, key, value) {
  for (const button of buttons(group)) button.setAttribute("aria-pressed", String(button.dataset[key] === value));
}

/**
 * Show what is asked for, which may not be drawn yet.
 *
 * @param {Viewer} viewer
 */
export function showControls({ view, grid, dragged }) {
  const axis = AXIS[view.plane];
  press("planes", "plane", view.plane);
  press("windows", "window", view.preset);
  press("drags", "drag", dragged);
  at("crosshair").setAttribute("aria-pressed", String(view.hasCrosshair));
  at("zoom").textContent = view.zoom > 1 ? `${view.zoom.toFixed(1)}×` : "";
  // Not disabled, which would take the focus from a button that is being pressed.
  at("zoom-out").setAttribute("aria-disabled", String(view.zoom === 1));
  at("zoom-in").setAttribute("aria-disabled", String(view.zoom === MOST_ZOOM));
  const range = at("range", HTMLInputElement);
  range.max = String(grid.size[axis]);
  range.value = String(view.voxel[axis] + 1);
  range.setAttribute("aria-valuetext", `${counted(view)} slice ${view.voxel[axis] + 1} of ${grid.size[axis]}`);
}

/**
 * Let the buttons be pressed that mean something to what draws now.
 *
 * @param {Viewer} viewer
 */
export function enableControls({ renderer, isVolume }) {
  for (const button of buttons("planes")) {
    button.disabled = !renderer.planes.some((plane) => plane === button.dataset.plane);
  }
  for (const button of buttons("drags")) button.disabled = button.dataset.drag === "window" && !renderer.hasFreeWindow;
  at("crosshair", HTMLButtonElement).disabled = !isVolume;
}

/** @param {Viewer} viewer */
export function listenToControls(viewer) {
  at("planes").addEventListener("click", (event) => {
    const plane = /** @type {Plane | undefined} */ (pressed(event, "plane"));
    if (plane) viewer.change({ plane });
  });
  at("windows").addEventListener("click", (event) => {
    const preset = pressed(event, "window");
    if (preset) viewer.choose(preset);
  });
  at("drags").addEventListener("click", (event) => {
    viewer.drag = pressed(event, "drag") ?? viewer.drag;
    showControls(viewer);
  });
  at("zoom-in").addEventListener("click", () => viewer.enlargeBy(1));
  at("zoom-out").addEventListener("click", () => viewer.enlargeBy(-1));
  at("crosshair").addEventListener("click", () => viewer.change({ hasCrosshair: !viewer.view.hasCrosshair }));
  at("reset").addEventListener("click", () => viewer.reset());
  const range = at("range", HTMLInputElement);
  range.addEventListener("input", () => viewer.move(Number(range.value) - 1 - viewer.view.voxel[AXIS[viewer.view.plane]]));
}
