// The buttons and the slider beside the picture.

import { AXIS } from "./viewer_grid.js";
import { counted, thicknessUnit } from "./viewer_overlay.js";
import { at, buttons, pressed } from "./viewer_page.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Plane, SlabKind } from "./viewer_types.js" */

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
export function showControls({ view, grid, mouse }) {
  const axis = AXIS[view.plane];
  press("planes", "plane", view.plane);
  press("windows", "window", view.preset);
  press("drags", "drag", mouse.left);
  at("crosshair").setAttribute("aria-pressed", String(view.hasCrosshair));
  at("invert").setAttribute("aria-pressed", String(view.isInverted));
  for (const [name, value] of [["level", view.level], ["width", view.width], ["thickness", view.thickness]]) {
    const input = at(String(name), HTMLInputElement);
    if (document.activeElement !== input) input.value = String(value);
  }
  at("slab", HTMLSelectElement).value = view.slab;
  at("thick").hidden = view.slab === "none";
  at("thickness-unit").textContent = thicknessUnit(grid, view.plane);
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
export function enableControls({ renderer }) {
  for (const button of buttons("planes")) {
    button.disabled = !renderer.planes.some((plane) => plane === button.dataset.plane);
  }
}

/**
 * A number as near as a field takes it.
 *
 * @param {string} name
 * @param {number} value
 */
export function limit(name, value) {
  const { min, max } = at(name, HTMLInputElement);
  return Math.round(Math.min(Math.max(value, Number(min)), Number(max)));
}

/**
 * The kind of slab that follows.
 *
 * @param {SlabKind} slab
 */
export function nextSlab(slab) {
  const kinds = Array.from(at("slab", HTMLSelectElement).options, ({ value }) => /** @type {SlabKind} */ (value));
  return kinds[(kinds.indexOf(slab) + 1) % kinds.length];
}

/** @param {HTMLElement} root */
export function askForFullScreen(root) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (document.fullscreenEnabled) root.requestFullscreen();
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
    const tool = pressed(event, "drag");
    if (tool) viewer.useTool(tool);
  });
  at("zoom-in").addEventListener("click", () => viewer.enlargeBy(1));
  at("zoom-out").addEventListener("click", () => viewer.enlargeBy(-1));
  at("crosshair").addEventListener("click", () => viewer.change({ hasCrosshair: !viewer.view.hasCrosshair }));
  at("invert").addEventListener("click", () => viewer.change({ isInverted: !viewer.view.isInverted }));
  at("reset").addEventListener("click", () => viewer.reset());
  at("unmeasure").addEventListener("click", () => viewer.lengths.removeAll());
  listenToNumbers(viewer);
  listenToFullScreen(viewer.root);
  const help = at("help", HTMLDialogElement);
  at("keys").addEventListener("click", () => help.showModal());
  at("help-close").addEventListener("click", () => help.close());
  const range = at("range", HTMLInputElement);
  range.addEventListener("input", () => viewer.move(Number(range.value) - 1 - viewer.view.voxel[AXIS[viewer.view.plane]]));
}

/**
 * Level, width and thickness are taken as they are typed; what cannot be drawn the browser says, and the old one comes back.
 *
 * @param {Viewer} viewer
 */
function listenToNumbers(viewer) {
  for (const name of ["level", "width", "thickness"]) {
    const input = at(name, HTMLInputElement);
    input.addEventListener("change", () => {
      const part = name === "thickness" ? {} : { preset: null };
      if (input.reportValidity()) viewer.change({ ...part, [name]: input.valueAsNumber });
    });
    input.addEventListener("blur", () => showControls(viewer));
  }
  const slab = at("slab", HTMLSelectElement);
  slab.addEventListener("change", () => viewer.change({ slab: /** @type {SlabKind} */ (slab.value) }));
}

/** @param {HTMLElement} root */
function listenToFullScreen(root) {
  const button = at("full");
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", () => askForFullScreen(root));
  document.addEventListener("fullscreenchange", () => {
    button.setAttribute("aria-pressed", String(document.fullscreenElement === root));
  });
}
