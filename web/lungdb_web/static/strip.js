// The strip below the slices, and the map over them. A click on a triple moves the viewer there, and the strip follows the
// viewer. Without JavaScript its marks are links. The strip is replaced when a new score comes, so it is looked for each time.

import { at } from "./viewer_page.js";
import { AXIS } from "./viewer_grid.js";
import { onPage } from "./viewer_tiles.js";

/** @import { Grid } from "./viewer_grid.js" */
/** @import { Renderer, View } from "./viewer_types.js" */

/**
 * @typedef {object} Shown What the viewer tells of each picture that is there.
 * @property {View} view
 * @property {Renderer} renderer
 * @property {Grid} grid
 */

/** @type {Shown | null} */
let shown = null;
let isMapped = false;

const overlay = document.createElement("img");
overlay.className = "viewer-map";
overlay.id = "viewer-map";
overlay.alt = "";
overlay.hidden = true;

/** @returns {SVGAElement[]} */
const marks = () => Array.from(document.querySelectorAll("#strip .strip-mark")).filter((mark) => mark instanceof SVGAElement);

/** @param {SVGAElement} mark */
const firstOf = (mark) => Number(mark.dataset.first);

/**
 * The mark of the triple that a slice is in.
 *
 * @param {number} slice From 1.
 */
const markAt = (slice) => marks().find((mark) => firstOf(mark) <= slice && slice <= Number(mark.dataset.last));

/**
 * Move the viewer to an axial slice, by its own controls.
 *
 * @param {number} slice From 1.
 */
function go(slice) {
  if (shown?.view.plane !== "axial" && shown?.view.plane !== "all") {
    document.querySelector("#viewer-planes [data-plane=axial]")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  }
  const range = at("range", HTMLInputElement);
  range.max = document.getElementById("strip")?.dataset.slices ?? range.max;
  range.value = String(slice);
  range.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {SVGAElement | undefined} chosen The only mark that Tab stops at; arrows go on from it. */
function stopAt(chosen) {
  for (const mark of marks()) mark.setAttribute("tabindex", mark === chosen ? "0" : "-1");
}

/** Which slices have a map, from 0. */
function mapped() {
  const strip = document.getElementById("strip");
  /** @type {number[]} */
  const numbers = JSON.parse(strip?.dataset.maps ?? "[]");
  return { numbers, address: strip?.dataset.map ?? "" };
}

/** Lay the map over the slice, as large as the slice is drawn. */
function showMap() {
  const { numbers, address } = mapped();
  const button = document.getElementById("strip-map");
  const said = document.getElementById("strip-map-said");
  const legend = document.getElementById("strip-legend");
  if (!button || !said || !legend || !shown) return;
  const { view, renderer, grid } = shown;
  const slice = view.voxel[2];
  button.setAttribute("aria-pressed", String(isMapped));
  legend.hidden = !isMapped;
  const hasMap = numbers.includes(slice);
  if (!isMapped) said.textContent = "";
  else if (view.plane !== "axial") said.textContent = "The map lies over axial slices.";
  else if (!hasMap) said.textContent = `No map of this slice. Slices with one: ${numbers.map((number) => number + 1).join(", ")}.`;
  else said.textContent = `Map of slice ${slice + 1}.`;
  overlay.hidden = !(isMapped && hasMap && view.plane === "axial");
  if (overlay.hidden) return;
  const wanted = address.replace("/maps/0/", `/maps/${slice}/`);
  if (overlay.getAttribute("src") !== wanted) overlay.src = wanted;
  const tile = renderer.tiles().find(({ axis }) => axis === AXIS.axial);
  if (!tile) return;
  const [columns, rows] = grid.size;
  // The corner at the patient's right and front is the picture's upper left, half a voxel beyond the middle of the first.
  const [left, top] = onPage(tile, grid.millimetres([-0.5, -0.5, slice]));
  overlay.style.left = `${left}px`;
  overlay.style.top = `${top}px`;
  overlay.style.width = `${columns * grid.spacing[0] / tile.scale}px`;
  overlay.style.height = `${rows * grid.spacing[1] / tile.scale}px`;
}

/** Show on the strip where the viewer is. */
function follow() {
  if (!shown) return;
  const slice = shown.view.voxel[2] + 1;
  const mark = markAt(slice);
  document.getElementById("strip-here")?.setAttribute("x", String(slice - 1));
  for (const one of marks()) {
    if (one === mark) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
  const said = document.getElementById("strip-said");
  if (said) said.textContent = mark?.getAttribute("aria-label") ?? "";
  const focused = document.activeElement;
  if (!(focused instanceof SVGAElement && marks().includes(focused))) stopAt(mark ?? marks()[0]);
  const tools = document.getElementById("strip-tools");
  if (tools) tools.hidden = false;
  showMap();
}

/** @param {KeyboardEvent} event */
function step(event) {
  const all = marks();
  const place = all.findIndex((mark) => mark === document.activeElement);
  if (place < 0) return;
  const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  const mark = all[Math.min(Math.max(next, 0), all.length - 1)];
  stopAt(mark);
  mark.focus();
  go(firstOf(mark));
}

const root = document.getElementById("viewer");
if (root) {
  at("slice").after(overlay);
  root.addEventListener("viewer-shown", (event) => {
    shown = /** @type {CustomEvent<Shown>} */ (event).detail;
    follow();
  });
  root.addEventListener("click", (event) => {
    const { target } = event;
    if (!shown || !(target instanceof Element)) return;
    const mark = target.closest(".strip-mark");
    if (mark instanceof SVGAElement) {
      event.preventDefault();
      stopAt(mark);
      go(firstOf(mark));
    } else if (target.id === "strip-map") {
      isMapped = !isMapped;
      showMap();
    }
  });
  root.addEventListener("keydown", step);
  // A new score brings a new strip.
  new MutationObserver((changes) => {
    if (changes.some(({ addedNodes }) => Array.from(addedNodes).some((node) => node instanceof Element && node.id === "strip"))) follow();
  }).observe(root, { childList: true });
}
