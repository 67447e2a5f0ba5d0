// Circles around nodules: where the sphere of a nodule cuts the slice that is looked at, in each plane that is drawn. Off at
// first, so that a reader looks for himself. The rows of the tables say where they are; without JavaScript their slices are links.

import { LINE, placed } from "./nodule_labels.js";
import { AXIS } from "./viewer_grid.js";
import { at } from "./viewer_page.js";
import { covered } from "./viewer_planes.js";
import { onPage } from "./viewer_tiles.js";

/** @import { Grid } from "./viewer_grid.js" */
/** @import { Label, Wanted } from "./nodule_labels.js" */
/** @import { Renderer, Tile, Triple, View } from "./viewer_types.js" */

/**
 * @typedef {object} Shown What the viewer tells of each picture that is there.
 * @property {View} view
 * @property {Renderer} renderer
 * @property {Grid} grid
 */
/**
 * @typedef {object} Nodule
 * @property {Triple} voxel Its centre, in fractions.
 * @property {number | null} radius In millimetres; nothing of one that is marked as a point.
 * @property {string} kind
 * @property {string} label
 */
/** @typedef {{nodule: Nodule, place: Triple, radius: number | null}} Section Of a nodule and a slice; the radius in millimetres. */

const POINT = 8; // pixels about what has no size
const LETTER = 7; // pixels, about

/** @type {Shown | null} */
let shown = null;
let isOn = false;

const rings = document.createElementNS("http://www.w3.org/2000/svg", "svg");
rings.id = "nodule-rings";
rings.classList.add("viewer-lines");
rings.setAttribute("aria-hidden", "true");

/** @param {HTMLElement} row */
function read({ dataset }) {
  /** @type {Nodule} */
  const nodule = {
    voxel: [Number(dataset.column), Number(dataset.row), Number(dataset.slice)],
    radius: dataset.diameter ? Number(dataset.diameter) / 2 : null,
    kind: dataset.kind ?? "found",
    label: dataset.label ?? "",
  };
  return nodule;
}

/** The nodules whose rows are seen: those that are folded away have no circles either. */
function listed() {
  const rows = Array.from(document.querySelectorAll("#nodules tr[data-slice]"));
  return rows.flatMap((row) => (row instanceof HTMLElement && !row.closest("details:not([open])") ? [read(row)] : []));
}

/** Columns and rows by which a line at right angles to the slices moves from one to the one before. */
function lean() {
  const { leanColumns = "0", leanRows = "0" } = document.getElementById("nodules")?.dataset ?? {};
  return [Number(leanColumns), Number(leanRows)];
}

/**
 * What a slice, or the slab of slices that is seen as one, cuts off a nodule; nothing where it does not.
 *
 * @param {Nodule} nodule
 * @param {Shown} seen
 * @param {number} axis
 * @returns {Section[]}
 */
function cut(nodule, { view, grid }, axis) {
  const [first, last] = covered(grid, axis, view.voxel[axis], view);
  const middle = nodule.voxel[axis];
  const nearest = Math.min(Math.max(middle, first), last);
  const distance = (middle - nearest) * grid.spacing[axis];
  const across = nodule.radius === null ? 0 : nodule.radius ** 2 - distance ** 2;
  // What lies between two slices is seen on the nearer one.
  const isNearest = Math.round(middle) >= first && Math.round(middle) <= last;
  if (across <= 0 && !isNearest) return [];
  const [columns, rows] = axis === 2 ? lean() : [0, 0];
  const steps = middle - nearest;
  const [column, row, slice] = nodule.voxel;
  const place = grid.millimetres([column + steps * columns, row + steps * rows, slice]);
  return [{ nodule, place, radius: across > 0 ? Math.sqrt(across) : nodule.radius }];
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/**
 * Where a section lies in a tile, in its pixels, and how much room its words take.
 *
 * @param {Tile} tile
 * @param {Section} section
 * @returns {Wanted}
 */
function circle(tile, { nodule, place, radius }) {
  const [x, y] = onPage(tile, place);
  const size = radius === null ? POINT : radius / tile.scale;
  return { x: x - tile.left, y: y - tile.top, radius: size, wide: LETTER * nodule.label.length };
}

/**
 * A circle, its words where there is room, and a line to them where they stand apart.
 *
 * @param {Section} section
 * @param {Wanted} wanted
 * @param {Label | null} label
 */
function ring({ nodule, radius }, { x, y, radius: size, wide }, label) {
  const where = { cx: x, cy: y, r: size };
  const drawn = [
    svg("circle", { class: "nodule-halo", ...where }),
    svg("circle", { class: `nodule-ring nodule-${nodule.kind}${radius === null ? " nodule-point" : ""}`, ...where }),
  ];
  if (!label) return drawn;
  const end = label.x > x ? label.x : label.x + wide;
  const far = Math.hypot(end - x, label.y - y);
  if (far - size > LINE) {
    const [x1, y1] = [x + ((end - x) * size) / far, y + ((label.y - y) * size) / far];
    drawn.push(svg("line", { class: `nodule-lead nodule-${nodule.kind}`, x1, y1, x2: end, y2: label.y }));
  }
  const words = svg("text", { class: `nodule-words nodule-${nodule.kind}`, x: label.x, y: label.y });
  words.textContent = nodule.label;
  return [...drawn, words];
}

/** @param {Shown} seen */
function draw(seen) {
  const nodules = isOn ? listed() : [];
  rings.replaceChildren(...seen.renderer.tiles().map((tile) => {
    const box = svg("svg", { x: tile.left, y: tile.top, width: tile.width, height: tile.height });
    const sections = nodules.flatMap((nodule) => cut(nodule, seen, tile.axis));
    const circles = sections.map((section) => circle(tile, section));
    const labels = placed(circles, tile.width, tile.height);
    box.append(...sections.flatMap((section, place) => ring(section, circles[place], labels[place])));
    return box;
  }));
}

/**
 * Say which nodules are seen, or where the next ones are.
 *
 * @param {Shown} seen
 */
function told(seen) {
  if (!isOn) return "";
  const axis = AXIS[seen.view.plane];
  const nodules = listed();
  const here = nodules.filter((nodule) => cut(nodule, seen, axis).length);
  if (here.length) return `On this slice: ${here.map(({ label }) => label).join("; ")}.`;
  if (!nodules.length) return "No nodule of the list has a known place.";
  const slices = nodules.map(({ voxel }) => seen.grid.clamp(voxel)[axis] + 1).sort((one, other) => one - other);
  return `None on this slice. Slices with one: ${Array.from(new Set(slices)).join(", ")}.`;
}

function show() {
  const said = document.getElementById("nodule-said");
  if (!shown || !said) return;
  document.getElementById("nodule-marks")?.setAttribute("aria-pressed", String(isOn));
  const text = told(shown);
  if (said.textContent !== text) said.textContent = text;
  draw(shown);
}

/** @param {boolean} wanted */
function turn(wanted) {
  isOn = wanted;
  show();
}

/**
 * Go to the nodule of a row, with circles, in the planes that are looked at.
 *
 * @param {HTMLElement} row
 * @param {HTMLElement} root
 */
function go(row, root) {
  turn(true);
  root.dispatchEvent(new CustomEvent("viewer-go", { detail: read(row).voxel }));
  root.scrollIntoView();
  at("stage").focus({ preventScroll: true });
}

const root = document.getElementById("viewer");
if (root) {
  at("marks").append(rings);
  root.addEventListener("viewer-shown", (event) => {
    shown = /** @type {CustomEvent<Shown>} */ (event).detail;
    const tools = document.getElementById("nodule-tools");
    if (tools) tools.hidden = false;
    show();
  });
  root.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.id === "nodule-marks") turn(!isOn);
  });
  at("stage").addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "o" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    turn(!isOn);
  });
  document.addEventListener("click", (event) => {
    const { target } = event;
    const link = target instanceof Element ? target.closest("#nodules a.nodule-go") : null;
    const row = link?.closest("tr[data-slice]");
    if (!shown || !(row instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(row, root);
  });
  // Rows come and go: all of a list are asked for, or what readers marked.
  document.addEventListener("toggle", show, true);
  new MutationObserver(show).observe(document.getElementById("main") ?? document.body, { childList: true });
}
