// The volume in NiiVue: three planes, any window, the value under the crosshair.

import { AXIS } from "./viewer_grid.js";

const TYPES = { axial: 0, coronal: 1, sagittal: 2, all: 3 };
const NO_3D_TILE = 0;
const NOTHING = 0;

export function hasWebGL2() {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return Boolean(context);
}

// Read a file of known length into one buffer, telling of progress.
export async function download(address, length, onProgress) {
  const response = await fetch(address, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = new Uint8Array(length);
  let received = 0;
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

export class VolumeView {
  planes = ["axial", "coronal", "sagittal", "all"];
  hasFreeWindow = true;

  // Throws where the browser cannot draw a volume of this size.
  static async open(canvas, library, buffer, headerBytes, grid) {
    const { Niivue } = await import(library);
    const viewer = new Niivue({
      interactive: false,
      dragAndDropEnabled: false,
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      showAllOrientationMarkers: true,
      multiplanarShowRender: NO_3D_TILE,
      dragMode: NOTHING,
      tileMargin: 2,
      backColor: [0, 0, 0, 1],
      fontColor: [0.75, 0.8, 0.85, 1],
      crosshairColor: [0.37, 0.77, 0.85, 0.55],
      loadingText: "",
      logLevel: "error",
    });
    await viewer.attachToCanvas(canvas, false);
    const limit = viewer.gl.getParameter(viewer.gl.MAX_3D_TEXTURE_SIZE);
    if (Math.max(...grid.size) > limit) throw new Error(`this browser draws at most ${limit} voxels along an axis`);
    await viewer.loadFromArrayBuffer(buffer, "scan.nii");
    if (viewer.gl.getError() === viewer.gl.OUT_OF_MEMORY) throw new Error("the graphics memory is too small");
    return new VolumeView(canvas, viewer, new Int16Array(buffer, headerBytes), grid);
  }

  constructor(canvas, viewer, voxels, grid) {
    Object.assign(this, { element: canvas, viewer, voxels, grid });
    this.drawn = {};
  }

  async draw(view) {
    const { viewer } = this;
    const [volume] = viewer.volumes;
    if (this.drawn.level !== view.level || this.drawn.width !== view.width) {
      volume.cal_min = view.level - view.width / 2;
      volume.cal_max = view.level + view.width / 2;
      viewer.updateGLVolume();
    }
    if (this.drawn.plane !== view.plane) viewer.setSliceType(TYPES[view.plane]);
    viewer.opts.crosshairWidth = view.hasCrosshair ? 1 : 0;
    viewer.scene.crosshairPos = viewer.mm2frac(this.grid.millimetres(view.voxel));
    viewer.drawScene();
    this.drawn = { ...view };
  }

  scale() {
    const tile = this.viewer.screenSlices[0];
    return (tile.fovMM[0] / tile.leftTopWidthHeight[2]) * this.devicePixels();
  }

  devicePixels() {
    return this.element.width / this.element.clientWidth;
  }

  // The voxel under a point of the canvas, and the axis that its plane is scrolled along; null beside the volume.
  pick(x, y) {
    const ratio = this.devicePixels();
    const point = [x * ratio, y * ratio];
    const fraction = this.viewer.canvasPos2frac(point);
    if (fraction[0] < 0) return null;
    const tile = this.viewer.screenSlices.find(({ leftTopWidthHeight: [left, top, width, height] }) =>
      point[0] >= left && point[0] < left + width && point[1] >= top && point[1] < top + height);
    const plane = Object.keys(TYPES).find((name) => TYPES[name] === tile?.axCorSag);
    return plane ? { voxel: this.grid.voxel(this.viewer.frac2mm(fraction)), axis: AXIS[plane] } : null;
  }

  value(voxel) {
    return this.voxels[this.grid.index(voxel)];
  }
}
