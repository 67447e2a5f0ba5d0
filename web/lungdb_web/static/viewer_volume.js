// The volume in NiiVue: three planes, any window. Slabs, which NiiVue does not know, are computed and drawn over it.

import { AXIS } from "./viewer_grid.js";
import { clear, takePlane } from "./viewer_planes.js";
import { Tiled } from "./viewer_tiles.js";

/** @import { Niivue } from "@niivue/niivue" */
/** @import { Grid } from "./viewer_grid.js" */
/** @import { PlanePicture } from "./viewer_planes.js" */
/** @import { DrawnPlane, Plane, Renderer, Tile, Triple, View } from "./viewer_types.js" */

/**
 * Numbers of NiiVue's.
 *
 * @type {Record<Plane, number>}
 */
const TYPES = { axial: 0, coronal: 1, sagittal: 2, all: 3 };
const NO_3D_TILE = 0;
const NOTHING = 0;
const GRID = 2; // of planes, so that a quarter is free beside all three
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
export class VolumeView extends Tiled {
  /** @type {Plane[]} */
  planes = ["axial", "coronal", "sagittal", "all"];

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
      multiplanarLayout: GRID,
      dragMode: NOTHING,
      tileMargin: 2,
      backColor: [0, 0, 0, 1],
      crosshairWidth: 0,
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
    super(grid);
    this.element = canvas;
    this.viewer = viewer;
    /** @type {Plane | null} */
    this.plane = null;
    this.volume = viewer.volumes[0];
    this.size = "";
    this.over = document.createElement("canvas");
    this.over.className = "viewer-canvas viewer-over";
    canvas.after(this.over);
    /**
     * By axis the plane that is drawn over NiiVue's, and what it is of.
     *
     * @type {Map<number, { of: string, plane: PlanePicture }>}
     */
    this.slabs = new Map();
  }

  /**
   * @param {View} view
   * @param {(view: View) => void} drawn
   */
  async draw(view, drawn) {
    const { viewer, volume } = this;
    const isSlab = view.slab !== "none";
    if (!isSlab) this.setWindow(view);
    if (this.plane !== view.plane) viewer.setSliceType(TYPES[view.plane]);
    this.plane = view.plane;
    this.seen = view;
    viewer.scene.pan2Dxyzmm = [...this.grid.centre().map((middle, axis) => middle - view.centre[axis] * view.zoom), view.zoom];
    viewer.scene.crosshairPos = viewer.mm2frac(this.grid.millimetres(view.voxel));
    const size = `${this.element.clientWidth} ${this.element.clientHeight} ${window.devicePixelRatio}`;
    // NiiVue may hear of another size only later. This draws, too.
    if (this.size !== size) viewer.resizeListener();
    else viewer.drawScene();
    this.size = size;
    const { context, ratio } = clear(this.over);
    if (isSlab) for (const tile of this.tiles()) this.slab(view, tile.axis, volume.img).draw(context, ratio, tile, view);
    drawn(view);
  }

  /**
   * All voxels go through the window anew: dear, so only where it changed.
   *
   * @param {View} view
   */
  setWindow({ level, width, isInverted }) {
    const [least, most] = [level - width / 2, level + width / 2];
    const { volume } = this;
    if (volume.cal_min === least && volume.cal_max === most && volume.colormapInvert === isInverted) return;
    Object.assign(volume, { cal_min: least, cal_max: most, colormapInvert: isInverted });
    this.viewer.updateGLVolume();
  }

  /**
   * @param {View} view
   * @param {number} axis
   * @param {ArrayLike<number> | undefined} voxels
   */
  slab(view, axis, voxels) {
    const of = `${view.voxel[axis]} ${view.slab} ${view.thickness}`;
    const kept = this.slabs.get(axis);
    if (kept?.of === of) return kept.plane;
    const plane = takePlane(voxels ?? [], this.grid, axis, view.voxel[axis], view);
    this.slabs.set(axis, { of, plane });
    return plane;
  }

  /**
   * @override
   * @returns {Tile[]}
   */
  tiles() {
    const ratio = this.element.width / this.element.clientWidth;
    const tiles = this.viewer.screenSlices.map(({ axCorSag, leftTopWidthHeight, leftTopMM, fovMM }) => {
      const [left, top, width, height] = leftTopWidthHeight.map((one) => one / ratio);
      // NiiVue counts from the lower edge up.
      const start = /** @type {[number, number]} */ ([leftTopMM[0], leftTopMM[1] + fovMM[1]]);
      return { axis: AXIS[planeOf(axCorSag)], left, top, width, height, start, scale: Math.abs(fovMM[0]) / width };
    });
    // None lies anywhere while the canvas is hidden, or NiiVue has not laid it out.
    return tiles.filter((tile) => [tile.left, tile.top, tile.scale, ...tile.start].every(Number.isFinite));
  }

  /**
   * @param {Triple} voxel
   * @param {number} axis
   */
  value(voxel, axis) {
    if (this.seen?.slab !== "none") return this.slabs.get(axis)?.plane.value(voxel) ?? null;
    return this.volume.img?.[this.grid.index(voxel)] ?? null;
  }
}
