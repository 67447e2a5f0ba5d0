// The volume in NiiVue: three planes, any window, the value under the crosshair.

import { AXIS, triple } from "./viewer_grid.js";

/** @import { Niivue } from "@niivue/niivue" */
/** @import { Grid } from "./viewer_grid.js" */
/** @import { Edge, Found, Plane, Renderer, Triple, View } from "./viewer_types.js" */
/** @typedef {Exclude<Plane, "all">} DrawnPlane */

/**
 * Numbers of NiiVue's.
 *
 * @type {Record<Plane, number>}
 */
const TYPES = { axial: 0, coronal: 1, sagittal: 2, all: 3 };
const NO_3D_TILE = 0;
const NOTHING = 0;
const HAIR = 1.5; // pixels of the page
/**
 * What lies at the left, right, upper and lower edge of each plane as it is drawn.
 *
 * @type {Record<DrawnPlane, string>}
 */
const EDGES = { axial: "RLAP", coronal: "RLSI", sagittal: "APSI" };
/** @type {DrawnPlane[]} */
const DRAWN = ["axial", "coronal", "sagittal"];

// Voxels that a browser without graphics hardware draws anew in a second or two, as each change of the window needs.
const MOST_IN_SOFTWARE = 8e6;

const MOST_WAITS = 24; // of some seconds each

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** What draws WebGL 2 in this browser, by name; null where nothing does. */
function renderer() {
  const context = document.createElement("canvas").getContext("webgl2");
  const names = context?.getExtension("WEBGL_debug_renderer_info");
  const name = context?.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return name ?? null;
}

/**
 * Why this browser should not draw a volume of this size; null when it can.
 *
 * @param {Grid} grid
 */
export function hindrance(grid) {
  const name = renderer();
  if (name === null) return "This browser has no WebGL 2, which coronal and sagittal views need.";
  if (SOFTWARE.test(name) && grid.size[0] * grid.size[1] * grid.size[2] > MOST_IN_SOFTWARE) {
    return "This browser draws without graphics hardware, too slowly for a volume of this size.";
  }
  return null;
}

/**
 * Ask for a file, and again later where the server is busy.
 *
 * @param {string} address
 * @param {AbortSignal} signal
 */
async function ask(address, signal) {
  for (let waits = 0; ; waits += 1) {
    const response = await fetch(address, { credentials: "same-origin", signal });
    if (response.ok) return response;
    const seconds = Number(response.headers.get("Retry-After"));
    if (!seconds || waits === MOST_WAITS) throw new Error(`the server answered ${response.status}`);
    await new Promise((done) => setTimeout(done, 1000 * seconds));
  }
}

/**
 * Read a file of known length into one buffer, telling of progress.
 *
 * @param {string} address
 * @param {number} length
 * @param {(received: number) => void} onProgress
 * @param {AbortSignal} signal
 */
export async function download(address, length, onProgress, signal) {
  const response = await ask(address, signal);
  const bytes = new Uint8Array(length);
  let received = 0;
  if (!response.body) throw new Error("the server sent nothing");
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (received + value.length > length) throw new Error("the server sent more than it announced");
    bytes.set(value, received);
    received += value.length;
    onProgress(received);
  }
  if (received !== length) throw new Error("the transfer broke off");
  return bytes.buffer;
}

/**
 * The plane of a tile that is drawn.
 *
 * @param {number} type
 */
function planeOf(type) {
  const plane = DRAWN.find((name) => TYPES[name] === type);
  if (!plane) throw new Error(`NiiVue drew a plane of type ${type}`);
  return plane;
}

/** @implements {Renderer} */
export class VolumeView {
  /** @type {Plane[]} */
  planes = ["axial", "coronal", "sagittal", "all"];
  hasFreeWindow = true;

  /**
   * The graphics are prepared while the volume is on its way. Throws where the browser cannot draw one of this size.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {string} library Address of NiiVue.
   * @param {Promise<ArrayBuffer>} loading
   * @param {Grid} grid
   */
  static async open(canvas, library, loading, grid) {
    /** @type {typeof import("@niivue/niivue")} */
    const { Niivue } = await import(library);
    const viewer = new Niivue({
      interactive: false,
      dragAndDropEnabled: false,
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      isOrientationTextVisible: false,
      multiplanarShowRender: NO_3D_TILE,
      dragMode: NOTHING,
      tileMargin: 2,
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.37, 0.77, 0.85, 1],
      crosshairWidthUnit: "mm",
      crosshairGap: 8,
      loadingText: "",
      logLevel: "error",
    });
    await viewer.attachToCanvas(canvas, false);
    const limit = viewer.gl.getParameter(viewer.gl.MAX_3D_TEXTURE_SIZE);
    if (Math.max(...grid.size) > limit) throw new Error(`this browser draws at most ${limit} voxels along an axis`);
    await viewer.loadFromArrayBuffer(await loading, "scan.nii");
    if (viewer.gl.getError() === viewer.gl.OUT_OF_MEMORY) throw new Error("the graphics memory is too small");
    return new VolumeView(canvas, viewer, grid);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Niivue} viewer
   * @param {Grid} grid
   */
  constructor(canvas, viewer, grid) {
    this.element = canvas;
    this.viewer = viewer;
    this.grid = grid;
    this.zoom = 1;
    /** @type {Plane | null} */
    this.plane = null;
    this.volume = viewer.volumes[0];
  }

  /**
   * @param {View} view
   * @param {(view: View) => void} drawn
   */
  async draw(view, drawn) {
    const { viewer, volume } = this;
    const [least, most] = [view.level - view.width / 2, view.level + view.width / 2];
    // All voxels go through the window anew: dear, so only where it changed.
    if (volume.cal_min !== least || volume.cal_max !== most) {
      Object.assign(volume, { cal_min: least, cal_max: most });
      viewer.updateGLVolume();
    }
    if (this.plane !== view.plane) viewer.setSliceType(TYPES[view.plane]);
    this.plane = view.plane;
    const hair = view.hasCrosshair ? HAIR * this.scale(view.zoom) : 0;
    this.zoom = view.zoom;
    viewer.scene.pan2Dxyzmm = [...this.grid.centre().map((middle, axis) => middle - view.centre[axis] * view.zoom), view.zoom];
    viewer.scene.crosshairPos = viewer.mm2frac(this.grid.millimetres(view.voxel));
    viewer.setCrosshairWidth(hair);
    viewer.drawScene();
    drawn(view);
  }

  /** Millimetres a pixel of the page, as drawn or at another zoom. */
  scale(zoom = this.zoom) {
    const tile = this.viewer.screenSlices[0];
    return (Math.abs(tile.fovMM[0]) / tile.leftTopWidthHeight[2]) * this.devicePixels() * this.zoom / zoom;
  }

  /**
   * Letters for the edges of each plane, in pixels of the page.
   *
   * @returns {Edge[]}
   */
  edges() {
    const ratio = this.devicePixels();
    return this.viewer.screenSlices.flatMap(({ axCorSag, leftTopWidthHeight }) => {
      const [left, top, width, height] = leftTopWidthHeight.map((one) => one / ratio);
      const [first, second, upper, lower] = EDGES[planeOf(axCorSag)];
      return [
        { letter: first, x: left, y: top + height / 2, side: "left" },
        { letter: second, x: left + width, y: top + height / 2, side: "right" },
        { letter: upper, x: left + width / 2, y: top, side: "top" },
        { letter: lower, x: left + width / 2, y: top + height, side: "bottom" },
      ];
    });
  }

  devicePixels() {
    return this.element.width / this.element.clientWidth;
  }

  /**
   * What is under a point of the canvas; null beside the volume.
   *
   * @param {number} x
   * @param {number} y
   * @returns {Found | null}
   */
  pick(x, y) {
    const ratio = this.devicePixels();
    const point = [x * ratio, y * ratio];
    const fraction = this.viewer.canvasPos2frac(point);
    if (fraction[0] < 0) return null;
    const tile = this.viewer.screenSlices.find(({ leftTopWidthHeight: [left, top, width, height] }) =>
      point[0] >= left && point[0] < left + width && point[1] >= top && point[1] < top + height);
    if (!tile) return null;
    const millimetres = this.viewer.frac2mm(fraction);
    const place = triple((axis) => millimetres[axis]);
    return { place, voxel: this.grid.voxel(place), axis: AXIS[planeOf(tile.axCorSag)] };
  }

  /** @param {Triple} voxel */
  value(voxel) {
    return this.volume.img?.[this.grid.index(voxel)] ?? null;
  }
}
