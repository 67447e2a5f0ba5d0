// The viewer by the keyboard.

import { askForFullScreen, nextSlab } from "./viewer_controls.js";
import { AXIS } from "./viewer_grid.js";
import { at, buttons } from "./viewer_page.js";

/** @import { Viewer } from "./viewer.js" */
/** @typedef {[number, number]} Pair To the right and down. */

const PAGE = 10; // slices
const HAND = 40; // pixels that a key moves as a hand would

/** @type {Record<string, number>} */
const SLICES = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: PAGE, PageDown: -PAGE };

/** @type {Record<string, Pair>} */
const SHIFT = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [1, 0], ArrowRight: [-1, 0] };

/**
 * Wider, narrower, darker, brighter.
 *
 * @type {Record<string, Pair>}
 */
const BEND = { w: [1, 0], n: [-1, 0], d: [0, 1], b: [0, -1] };

/**
 * @param {Viewer} viewer
 * @param {HTMLElement} stage
 */
export function listenToKeys(viewer, stage) {
  stage.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.altKey && !event.metaKey && obey(viewer, event)) event.preventDefault();
  });
  viewer.root.addEventListener("keydown", (event) => {
    if (event.key !== "?" || at("help", HTMLDialogElement).open) return;
    event.preventDefault();
    at("help", HTMLDialogElement).showModal();
  });
}

/**
 * Do what a letter is for; tells whether it is for something.
 *
 * @param {Viewer} viewer
 * @param {string} letter
 */
function use(viewer, letter) {
  const { view } = viewer;
  if (letter === "i") viewer.change({ isInverted: !view.isInverted });
  else if (letter === "c") viewer.change({ hasCrosshair: !view.hasCrosshair });
  else if (letter === "m") viewer.lengths.addInTheMiddle();
  else if (letter === "s") viewer.change({ slab: nextSlab(view.slab) });
  else if (letter === "f") askForFullScreen(viewer.root);
  else return false;
  return true;
}

/**
 * Do what a key is for; tells whether it is for something.
 *
 * @param {Viewer} viewer
 * @param {KeyboardEvent} event
 */
function obey(viewer, { key, shiftKey }) {
  const { view, grid } = viewer;
  const axis = AXIS[view.plane];
  const letter = key.toLowerCase();
  // In the order of the buttons: that of the answer's keys is the alphabet's.
  const preset = buttons("windows")[Number(key) - 1]?.dataset.window;
  if (shiftKey && key in SHIFT) {
    const [right, down] = SHIFT[key];
    viewer.shift(view, right * HAND, down * HAND, axis);
  } else if (letter in BEND) {
    const [right, down] = BEND[letter];
    viewer.bend(view, right * HAND / 4, down * HAND / 4);
  } else if (key in SLICES) viewer.move(SLICES[key]);
  else if (key === "Home") viewer.move(-view.voxel[axis]);
  else if (key === "End") viewer.move(grid.size[axis]);
  else if (key === "+" || key === "=") viewer.enlargeBy(1);
  else if (key === "-") viewer.enlargeBy(-1);
  else if (key === " ") viewer.cine.play(!viewer.cine.isOn);
  else if (preset) viewer.choose(preset);
  else return use(viewer, letter);
  return true;
}
