// Lines over the picture: the crosshair, and the lengths that are measured.

import { at } from "./viewer_page.js";
import { onPage } from "./viewer_tiles.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Tile, View } from "./viewer_types.js" */
/** @typedef {[number, number]} Point */

const GAP = 8; // pixels about the middle of the crosshair

/**
 * @param {Viewer} viewer
 * @param {View} view
 */
export function drawMarks({ renderer, grid, lengths }, view) {
  const tiles = renderer.tiles();
  const lines = lengths.place(view, tiles);
  at("lines", SVGSVGElement).replaceChildren(...tiles.map((tile) => {
    const box = svg("svg", { x: tile.left, y: tile.top, width: tile.width, height: tile.height });
    if (view.hasCrosshair) box.append(...crosshair(tile, onPage(tile, grid.millimetres(view.voxel))));
    for (const { ends: [from, to], tile: own } of lines) {
      if (own === tile) box.append(line("viewer-halo", tile, from, to), line("viewer-measure", tile, from, to));
    }
    return box;
  }));
}

/**
 * @param {Tile} tile
 * @param {Point} middle
 */
function crosshair(tile, [x, y]) {
  const { left, top, width, height } = tile;
  /** @type {[Point, Point][]} */
  const arms = [
    [[left, y], [x - GAP, y]], [[x + GAP, y], [left + width, y]], [[x, top], [x, y - GAP]], [[x, y + GAP], [x, top + height]],
  ];
  return arms.map(([from, to]) => line("viewer-hair", tile, from, to));
}

/**
 * @param {string} kind
 * @param {Tile} tile
 * @param {Point} from
 * @param {Point} to
 */
function line(kind, { left, top }, from, to) {
  return svg("line", { class: kind, x1: from[0] - left, y1: from[1] - top, x2: to[0] - left, y2: to[1] - top });
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
