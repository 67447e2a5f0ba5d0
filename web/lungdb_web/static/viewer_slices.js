// Plain slices: pictures that the server draws, one axial slice each, in one of its windows.

/** @import { Grid } from "./viewer_grid.js" */
/** @import { Edge, Found, Plane, Renderer, Triple, View } from "./viewer_types.js" */

/**
 * Why there is no picture at an address: of that the browser tells a script nothing.
 *
 * @param {string} address
 */
async function failure(address) {
  try {
    const { ok, status, redirected } = await fetch(address, { credentials: "same-origin" });
    if (redirected || status === 401) return "you are signed out. Sign in again";
    return ok ? "the connection broke off" : `the server answered ${status}`;
  } catch {
    return "the server cannot be reached";
  }
}

/** @implements {Renderer} */
export class SliceView {
  /** @type {Plane[]} */
  planes = ["axial"];
  hasFreeWindow = false;

  /**
   * @param {HTMLImageElement} image
   * @param {string} address Of the lowest slice.
   * @param {Grid} grid
   */
  constructor(image, address, grid) {
    this.element = image;
    this.address = address;
    this.grid = grid;
    this.zoom = 1;
    this.middle = grid.centre();
    /** @type {View | null} */
    this.next = null;
    this.isLoading = false;
  }

  /** @param {View} view */
  source({ voxel, window }) {
    return this.address.replace("/0.png", `/${voxel[2]}.png?window=${encodeURIComponent(window)}`);
  }

  /**
   * One picture at a time; of those asked for meanwhile the last is what counts. Tells of each that is there.
   *
   * @param {View} view
   * @param {(view: View) => void} drawn
   */
  async draw(view, drawn) {
    this.move(view);
    this.next = view;
    if (this.isLoading) return;
    this.isLoading = true;
    try {
      while (this.next) {
        const wanted = this.next;
        this.next = null;
        const address = this.source(wanted);
        if (this.element.getAttribute("src") !== address) {
          const picture = new Image();
          picture.src = address;
          await picture.decode().catch(async () => { throw new Error(await failure(address)); });
          this.element.src = address;
        }
        drawn({ ...wanted, zoom: this.zoom, centre: this.middle });
      }
    } finally {
      this.next = null;
      this.isLoading = false;
    }
  }

  /**
   * The picture is drawn once, and what is looked at of it enlarged.
   *
   * @param {View} view
   */
  move({ zoom, centre }) {
    this.zoom = zoom;
    this.middle = centre;
    const [x, y] = centre;
    const scale = this.scale();
    if (Number.isFinite(scale)) this.element.style.transform = `translate(${x / scale}px, ${y / scale}px) scale(${zoom})`;
  }

  /** Millimetres a pixel of the page, as drawn or at another zoom. */
  scale(zoom = this.zoom) {
    const { naturalWidth, naturalHeight, clientWidth, clientHeight } = this.element;
    const shrunk = Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight);
    return (this.grid.size[0] * this.grid.spacing[0]) / (naturalWidth * shrunk * zoom);
  }

  /** @returns {Edge[]} */
  edges() {
    const { clientWidth: width, clientHeight: height } = this.element;
    return [
      { letter: "R", x: 0, y: height / 2, side: "left" },
      { letter: "L", x: width, y: height / 2, side: "right" },
      { letter: "A", x: width / 2, y: 0, side: "top" },
      { letter: "P", x: width / 2, y: height, side: "bottom" },
    ];
  }

  /**
   * Voxels are not pointed at here.
   *
   * @param {number} x
   * @param {number} y
   * @returns {Found}
   */
  pick(x, y) {
    const { clientWidth: width, clientHeight: height } = this.element;
    const scale = this.scale();
    const [right, front, head] = this.middle;
    return { place: [right - (x - width / 2) * scale, front - (y - height / 2) * scale, head], axis: 2 };
  }

  value() {
    return null;
  }
}
