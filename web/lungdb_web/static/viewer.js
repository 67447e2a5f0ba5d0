// The scan in the browser. It begins with plain slices, which need nothing, and goes on with the volume once it is there.
// What is looked at is kept here; keys, pointer, cine and controls change it, a renderer draws it, the overlay says it.

import { Cine } from "./viewer_cine.js";
import { MOST_ZOOM, enableControls, limit, listenToControls, showControls } from "./viewer_controls.js";
import { AXIS, Grid, triple } from "./viewer_grid.js";
import { listenToKeys } from "./viewer_keys.js";
import { Lengths } from "./viewer_lengths.js";
import { drawMarks } from "./viewer_marks.js";
import { Mouse } from "./viewer_mouse.js";
import { Overlay, note } from "./viewer_overlay.js";
import { at } from "./viewer_page.js";
import { listenToPointer } from "./viewer_pointer.js";
import { SliceView } from "./viewer_slices.js";
import { contains, lying } from "./viewer_tiles.js";
import { VolumeView, download, hindrance } from "./viewer_volume.js";

/** @import { Finger } from "./viewer_pointer.js" */
/** @import { Renderer, Scan, Triple, View } from "./viewer_types.js" */

const STEP = 1.25; // of the zoom, for a key or a notch of the wheel

export class Viewer {
  /**
   * @param {HTMLElement} root
   * @param {Scan} scan
   */
  constructor(root, scan) {
    this.root = root;
    this.scan = scan;
    this.grid = new Grid(scan);
    this.cine = new Cine(this);
    this.overlay = new Overlay(root, scan, this.grid, () => this.cine.isOn);
    this.mouse = new Mouse(this);
    this.lengths = new Lengths(this);
    this.slices = new SliceView(newCanvas(), this.root.dataset.slices ?? "", this.grid);
    /** @type {Renderer} */
    this.renderer = this.slices;
    /**
     * Where the mouse, or the finger that tapped last, is.
     *
     * @type {Finger | null}
     */
    this.pointer = null;
    this.view = this.shown = this.start = this.beginning();
    /**
     * What was gone back to when a picture did not come.
     *
     * @type {View | null}
     */
    this.refused = null;
    /** @type {Promise<void> | null} */
    this.drawing = null;
  }

  /**
   * The slice and window that the page came with.
   *
   * @returns {View}
   */
  beginning() {
    const voxel = this.grid.middle();
    voxel[2] = Number(at("range", HTMLInputElement).value) - 1;
    const pressed = at("windows").querySelector("[aria-pressed=true]");
    const window = pressed instanceof HTMLElement && pressed.dataset.window || Object.keys(this.scan.windows)[0];
    const [, level, width] = this.scan.windows[window];
    return {
      plane: "axial", voxel, preset: window, level, width, zoom: 1, centre: this.grid.centre(),
      hasCrosshair: false, isInverted: false, slab: "none", thickness: Number(at("thickness", HTMLInputElement).value),
    };
  }

  get isVolume() {
    return this.renderer instanceof VolumeView;
  }

  /**
   * Let dragging with the left button, or a finger, do something else.
   *
   * @param {string} tool
   */
  useTool(tool) {
    this.mouse.left = tool;
    showControls(this);
  }

  /**
   * Look at something else. Changes asked for within one frame of the screen are drawn once.
   *
   * @param {Partial<View>} part
   */
  change(part) {
    this.view = { ...this.view, ...part };
    this.drawing ??= new Promise(requestAnimationFrame).then(() => this.draw());
  }

  /** What is said of a picture is said when it is there; when it does not come, the one before stays what is looked at. */
  async draw() {
    this.drawing = null;
    showControls(this);
    const { renderer } = this;
    try {
      await renderer.draw(this.view, (view) => {
        if (renderer === this.renderer) this.show(view);
      });
    } catch (error) {
      if (renderer !== this.renderer) return;
      this.cine.play(false);
      const { voxel, slab, thickness } = this.shown;
      this.show(this.refused = this.view = { ...this.view, voxel, slab, thickness });
      showControls(this);
      this.overlay.showProblem(reasonOf(error));
    }
  }

  /** @param {View} view */
  show(view) {
    this.shown = view;
    this.overlay.show(view, this.renderer);
    drawMarks(this, view);
    this.showValue();
    this.root.dispatchEvent(new CustomEvent("viewer-shown", { detail: { view, renderer: this.renderer, grid: this.grid } }));
    // That is drawn again where cine had asked for something meanwhile, and the reason stays.
    if (this.view !== this.refused) this.overlay.showProblem("");
  }

  /**
   * @param {number} steps
   * @param {number} axis
   */
  move(steps, axis = AXIS[this.view.plane]) {
    /** @type {Triple} */
    const voxel = [...this.view.voxel];
    voxel[axis] += steps;
    this.change({ voxel: this.grid.clamp(voxel) });
  }

  /** @param {string} preset */
  choose(preset) {
    const [, level, width] = this.scan.windows[preset];
    this.change({ preset, level, width });
  }

  /**
   * As in DICOM workstations: to the right is wider, down is a higher level.
   *
   * @param {View} from
   * @param {number} right
   * @param {number} down
   */
  bend(from, right, down) {
    const unit = Math.max(1, from.width / 300);
    const [level, width] = [limit("level", from.level + down * unit), limit("width", from.width + right * unit)];
    this.change({ preset: null, level, width });
  }

  /**
   * By a factor, about a place that stays where it is on the screen; about the middle where none is given.
   *
   * @param {number} factor
   * @param {Triple} [place]
   * @param {View} from
   */
  enlarge(factor, place, from = this.view) {
    const zoom = Math.min(Math.max(from.zoom * factor, 1), MOST_ZOOM);
    const centre = triple((axis) => {
      const fixed = place?.[axis] ?? from.centre[axis];
      return fixed + (from.centre[axis] - fixed) * from.zoom / zoom;
    });
    this.change({ zoom, centre: this.grid.near(centre, zoom) });
  }

  /**
   * By steps, as of a key or a notch of the wheel; they may be parts of one.
   *
   * @param {number} steps
   * @param {Triple} [place]
   * @param {View} from
   */
  enlargeBy(steps, place, from = this.view) {
    this.enlarge(STEP ** steps, place, from);
  }

  /**
   * Drag the scan along in the plane of an axis. On the screen the patient's right and front are at the left, the front of
   * axial slices and the head of the others above; in millimetres these are the higher numbers.
   *
   * @param {View} from
   * @param {number} right
   * @param {number} down
   * @param {number} axis
   */
  shift(from, right, down, axis) {
    const scale = this.renderer.scale(from.zoom);
    const [across, along] = lying(axis);
    /** @type {Triple} */
    const centre = [...from.centre];
    centre[across] += right * scale;
    centre[along] += down * scale;
    this.change({ centre: this.grid.near(centre, from.zoom) });
  }

  reset() {
    this.cine.play(false);
    this.change({ ...this.start, voxel: this.grid.middle() });
  }

  /**
   * What of the scan is under a point of the page.
   *
   * @param {Finger} point
   */
  under(point) {
    return this.renderer.pick(...this.onStage(point));
  }

  /**
   * The plane under a point of the page.
   *
   * @param {Finger} point
   */
  tileUnder(point) {
    const [x, y] = this.onStage(point);
    return this.renderer.tiles().find((tile) => contains(tile, x, y));
  }

  /**
   * A point of the page in pixels from the stage's upper left corner.
   *
   * @param {Finger} point
   * @returns {[number, number]}
   */
  onStage({ clientX, clientY }) {
    const box = at("stage").getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  /** @param {Finger | null} pointer */
  point(pointer) {
    this.pointer = pointer;
    this.showValue();
  }

  /** Say the value under the mouse, or else under the crosshair. */
  showValue() {
    const { pointer, shown } = this;
    const found = pointer ? this.under(pointer) : shown.hasCrosshair && { voxel: shown.voxel, axis: AXIS[shown.plane] };
    this.overlay.showValue(found && found.voxel ? this.renderer.value(found.voxel, found.axis) : null);
  }

  listen() {
    const stage = at("stage");
    listenToPointer(this, stage);
    listenToKeys(this, stage);
    listenToControls(this);
    this.cine.listen();
    this.mouse.listen();
    new ResizeObserver(() => this.change({})).observe(stage);
    this.root.addEventListener("viewer-go", (event) => this.go(/** @type {CustomEvent<Triple>} */ (event).detail));
  }

  /**
   * Look at a voxel in whatever plane is drawn; where the picture is enlarged it comes into the middle.
   *
   * @param {Triple} wanted
   */
  go(wanted) {
    const { grid, view } = this;
    this.cine.play(false);
    const voxel = grid.clamp(wanted);
    this.change({ voxel, centre: grid.near(grid.millimetres(voxel), view.zoom) });
  }

  /** @param {string} library */
  async loadVolume(library) {
    const { volume, bytes } = this.scan;
    const ending = new AbortController();
    at("loading").hidden = false;
    const canvas = newCanvas();
    try {
      const loading = download(volume, bytes, (received) => this.overlay.showLoading(received), ending.signal);
      const [renderer] = await Promise.all([VolumeView.open(canvas, library, loading, this.grid), loading]);
      this.use(renderer);
      canvas.addEventListener("webglcontextlost", () => this.giveUp(canvas, "the graphics memory was lost"));
    } catch (error) {
      ending.abort();
      this.giveUp(canvas, reasonOf(error));
    } finally {
      at("loading").hidden = true;
    }
  }

  /** @param {Renderer} renderer */
  use(renderer) {
    this.renderer = renderer;
    this.slices.element.hidden = this.isVolume;
    this.root.dataset.mode = this.isVolume ? "volume" : "slices";
    delete this.root.dataset.drawn;
    enableControls(this);
    this.change(this.isVolume ? {} : { plane: "axial" });
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string} reason
   */
  giveUp(canvas, reason) {
    for (const drawn of [canvas, ...at("stage").querySelectorAll("canvas.viewer-over")]) drawn.remove();
    note(`The volume could not be shown (${reason}). These are plain slices; load the page again to try once more.`);
    this.use(this.slices);
  }
}

/** A canvas under all that is written on the stage. */
function newCanvas() {
  const canvas = document.createElement("canvas");
  canvas.className = "viewer-canvas";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "A slice that is being drawn");
  at("slice").before(canvas);
  return canvas;
}

/** @param {unknown} error */
const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {HTMLElement} root */
async function begin(root) {
  const { scan, niivue } = root.dataset;
  const response = await fetch(scan ?? "", { credentials: "same-origin" });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const viewer = new Viewer(root, await response.json());
  at("still").hidden = true;
  at("tools").hidden = at("cine").hidden = false;
  const stage = at("stage");
  stage.tabIndex = 0;
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-label", "Slices of the scan. Arrow keys change the slice, 1 to 4 the window; the question mark shows all keys.");
  viewer.listen();
  viewer.scan.notes.forEach(note);
  viewer.use(viewer.renderer);
  await viewer.drawing;
  at("slice").hidden = true;
  const reason = niivue ? hindrance(viewer.grid)
    : "The volume viewer is not installed on this server; its administrator can bring it with make web.";
  if (reason) note(`${reason} These are plain slices.`);
  else if (niivue) await viewer.loadVolume(niivue);
}

const root = document.getElementById("viewer");
if (root) begin(root).catch((error) => note(`The viewer could not start: ${reasonOf(error)}. Load the page again.`));
