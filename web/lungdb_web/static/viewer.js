// The scan in the browser. It begins with plain slices, which need nothing, and goes on with the volume once it is there.

import { AXIS, Grid } from "./viewer_grid.js";
import { listenToPointer } from "./viewer_pointer.js";
import { SliceView } from "./viewer_slices.js";
import { VolumeView, download, hindrance } from "./viewer_volume.js";

const PAGE = 10; // slices
const MOST_ZOOM = 16;
const HAND = 40; // pixels that a key moves as a hand would
const BEND = { w: [1, 0], n: [-1, 0], d: [0, 1], b: [0, -1] }; // wider, narrower, darker, brighter
const SHIFT = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [1, 0], ArrowRight: [-1, 0] };
const STEP = 1.25; // of the zoom, for a key or a notch of the wheel
const NOTCH = 60; // of a mouse wheel; finer movements are added up
const NICE_LENGTHS = [200, 100, 50, 20, 10, 5, 2, 1]; // millimetres
const PRESS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: PAGE, PageDown: -PAGE };

const at = (name) => document.getElementById(`viewer-${name}`);
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
const signed = (number) => number.toFixed(0).replace("-", "−");

class Viewer {
  constructor(root, scan) {
    this.root = root;
    this.scan = scan;
    this.grid = new Grid(scan);
    this.renderer = new SliceView(at("slice"), root.dataset.slices, this.grid);
    this.drag = matchMedia("(pointer: coarse)").matches ? "slices" : "window";
    this.clock = null;
    const voxel = this.grid.middle();
    voxel[2] = Number(at("range").value) - 1;
    const window = at("windows").querySelector("[aria-pressed=true]").dataset.window;
    const [, level, width] = scan.windows[window];
    this.start = { plane: "axial", voxel, window, preset: window, level, width, zoom: 1, centre: this.grid.centre(), hasCrosshair: true };
    this.view = this.shown = this.start;
  }

  // What dragging changes now: plain slices have no window of their own.
  get dragged() {
    return this.drag === "window" && !this.renderer.hasFreeWindow ? "slices" : this.drag;
  }

  // Changes asked for within one frame of the screen are drawn once.
  change(part) {
    this.view = { ...this.view, ...part };
    this.drawing ??= new Promise(requestAnimationFrame).then(() => this.draw());
  }

  // What is said of a picture is said when it is there; when it does not come, the one before stays what is looked at.
  async draw() {
    this.drawing = null;
    this.showControls();
    const { renderer } = this;
    try {
      await renderer.draw(this.view, (view) => renderer === this.renderer && this.show(view));
    } catch (error) {
      if (renderer !== this.renderer) return;
      this.play(false);
      const { voxel, window, preset, level, width } = this.shown;
      this.view = { ...this.view, voxel, window, preset, level, width };
      this.showControls();
      at("problem").textContent = `That slice could not be shown: ${error.message}.`;
    }
  }

  move(steps, axis = AXIS[this.view.plane]) {
    const voxel = [...this.view.voxel];
    voxel[axis] += steps;
    this.change({ voxel: this.grid.clamp(voxel) });
  }

  choose(preset) {
    const [, level, width] = this.scan.windows[preset];
    this.change({ window: preset, preset, level, width });
  }

  // As in DICOM workstations: to the right is wider, down is a higher level.
  bend(from, right, down) {
    const unit = Math.max(1, from.width / 300);
    const width = Math.round(Math.min(Math.max(from.width + right * unit, 1), 4000));
    const level = Math.round(Math.min(Math.max(from.level + down * unit, -1200), 3000));
    this.change({ preset: null, level, width });
  }

  // By a factor, about a place that stays where it is on the screen; about the middle where none is given.
  enlarge(factor, place, from = this.view) {
    const zoom = Math.min(Math.max(from.zoom * factor, 1), MOST_ZOOM);
    const centre = from.centre.map((middle, axis) => {
      const fixed = place?.[axis] ?? middle;
      return fixed + (middle - fixed) * from.zoom / zoom;
    });
    this.change({ zoom, centre: this.grid.near(centre, zoom) });
  }

  // Drag the scan along in the plane of an axis. On the screen the patient's right and front are at the left, the front of
  // axial slices and the head of the others above; in millimetres these are the higher numbers.
  shift(from, right, down, axis) {
    const scale = this.renderer.scale(from.zoom);
    const across = axis === AXIS.sagittal ? 1 : 0;
    const along = axis === AXIS.axial ? 1 : 2;
    const centre = [...from.centre];
    centre[across] += right * scale;
    centre[along] += down * scale;
    this.change({ centre: this.grid.near(centre, from.zoom) });
  }

  play(isOn) {
    clearInterval(this.clock);
    this.clock = isOn ? setInterval(() => {
      const axis = AXIS[this.view.plane];
      const voxel = [...this.view.voxel];
      voxel[axis] = (voxel[axis] + 1) % this.grid.size[axis];
      this.change({ voxel });
    }, 1000 / Number(at("speed").value)) : null;
    at("play").setAttribute("aria-pressed", String(isOn));
    at("play").textContent = isOn ? "Pause" : "Play";
  }

  showControls() {
    const { view, grid } = this;
    const axis = AXIS[view.plane];
    this.press("planes", "plane", view.plane);
    this.press("windows", "window", view.preset);
    this.press("drags", "drag", this.dragged);
    at("crosshair").setAttribute("aria-pressed", String(view.hasCrosshair));
    at("zoom").textContent = view.zoom > 1 ? `${view.zoom.toFixed(1)}×` : "";
    // Not disabled, which would take the focus from a button that is being pressed.
    at("zoom-out").setAttribute("aria-disabled", String(view.zoom === 1));
    at("zoom-in").setAttribute("aria-disabled", String(view.zoom === MOST_ZOOM));
    at("range").max = grid.size[axis];
    at("range").value = view.voxel[axis] + 1;
    at("range").setAttribute("aria-valuetext", `${this.plane(view)} slice ${view.voxel[axis] + 1} of ${grid.size[axis]}`);
  }

  plane({ plane }) {
    return plane === "all" ? "axial" : plane;
  }

  show(view) {
    const { root, grid, renderer } = this;
    this.shown = view;
    at("problem").textContent = "";
    const axis = AXIS[view.plane];
    const count = grid.size[axis];
    const number = view.voxel[axis] + 1;
    const plane = this.plane(view);
    const isKnown = this.scan.has_millimetres || axis === 2 && grid.positions;
    const where = isKnown ? grid.place(axis, view.voxel) : "";
    at("place").textContent = `Slice ${number} of ${count}${where && ` · ${where}`}`;
    const name = view.preset ? this.scan.windows[view.preset][0] : "Window";
    at("window").textContent = `${name} · L ${signed(view.level)} W ${view.width}`;
    const value = renderer.value(view.voxel);
    at("value").textContent = value === null ? "" : `${signed(value)} HU`;
    this.showScale();
    this.showEdges();
    renderer.element.setAttribute("aria-label", `${plane} slice ${number} of ${count}, ${name} window`);
    Object.assign(root.dataset, {
      plane: view.plane, slice: number, level: view.level, width: view.width, zoom: view.zoom.toFixed(2), drawn: "true",
    });
    // Said once it stands still: a reader of the screen is not told of every slice that passes.
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      if (this.clock) return;
      const window = `${name === "Window" ? "window" : `${name} window`}, level ${view.level}, width ${view.width}`;
      at("status").textContent = `${plane} slice ${number} of ${count}${where && `, ${where}`}; ${window}`;
    }, 400);
  }

  showScale() {
    const pixel = this.scan.has_millimetres ? this.renderer.scale() : NaN;
    const length = NICE_LENGTHS.find((one) => one / pixel < this.renderer.element.clientWidth / 5);
    at("scale").hidden = !length;
    if (!length) return;
    at("scale").style.width = `${length / pixel}px`;
    at("scale-text").textContent = length >= 10 ? `${length / 10} cm` : `${length} mm`;
    this.root.dataset.scale = String(pixel);
  }

  showEdges() {
    at("edges").replaceChildren(...this.renderer.edges().map(({ letter, x, y, side }) => {
      const mark = document.createElement("span");
      mark.className = `viewer-edge viewer-edge-${side}`;
      mark.textContent = letter;
      mark.style.left = `${x}px`;
      mark.style.top = `${y}px`;
      return mark;
    }));
  }

  press(group, key, value) {
    for (const button of at(group).querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset[key] === value));
    }
  }

  note(text) {
    const line = document.createElement("li");
    line.textContent = text;
    at("notes").append(line);
  }

  listen() {
    const stage = at("stage");
    listenToPointer(this, stage);
    let turned = 0;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const delta = event.deltaY * (event.deltaMode ? NOTCH : 1);
      // Two fingers on a touchpad come as a wheel turned with Ctrl.
      if (event.ctrlKey) {
        this.enlarge(STEP ** (-delta / NOTCH), this.under(event)?.place);
        return;
      }
      turned += delta;
      if (Math.abs(turned) < NOTCH / 2) return;
      this.move(-Math.sign(turned), this.under(event)?.axis);
      turned = 0;
    }, { passive: false });
    stage.addEventListener("keydown", (event) => this.pressed(event));
    at("planes").addEventListener("click", ({ target }) => target.dataset.plane && this.change({ plane: target.dataset.plane }));
    at("windows").addEventListener("click", ({ target }) => target.dataset.window && this.choose(target.dataset.window));
    at("drags").addEventListener("click", ({ target }) => {
      this.drag = target.dataset.drag ?? this.drag;
      this.showControls();
    });
    at("zoom-in").addEventListener("click", () => this.enlarge(STEP));
    at("zoom-out").addEventListener("click", () => this.enlarge(1 / STEP));
    at("crosshair").addEventListener("click", () => this.change({ hasCrosshair: !this.view.hasCrosshair }));
    at("reset").addEventListener("click", () => {
      this.play(false);
      this.change({ ...this.start, voxel: this.grid.middle() });
    });
    at("play").addEventListener("click", () => this.play(!this.clock));
    at("speed").addEventListener("change", () => this.clock && this.play(true));
    at("range").addEventListener("input", () => this.move(Number(at("range").value) - 1 - this.view.voxel[AXIS[this.view.plane]]));
    new ResizeObserver(() => this.change({})).observe(stage);
  }

  under(event) {
    const box = at("stage").getBoundingClientRect();
    return this.renderer.pick(event.clientX - box.left, event.clientY - box.top);
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const axis = AXIS[this.view.plane];
    // In the order of the buttons: that of the answer's keys is the alphabet's.
    const presets = Array.from(at("windows").querySelectorAll("button"), (button) => button.dataset.window);
    const key = event.key.toLowerCase();
    if (event.shiftKey && event.key in SHIFT) this.shift(this.view, ...SHIFT[event.key].map((one) => one * HAND), axis);
    else if (key in BEND && this.renderer.hasFreeWindow) this.bend(this.view, ...BEND[key].map((one) => one * HAND / 4));
    else if (event.key in PRESS) this.move(PRESS[event.key]);
    else if (event.key === "Home") this.move(-this.view.voxel[axis]);
    else if (event.key === "End") this.move(this.grid.size[axis]);
    else if (event.key === "+" || event.key === "=") this.enlarge(STEP);
    else if (event.key === "-") this.enlarge(1 / STEP);
    else if (event.key === " ") this.play(!this.clock);
    else if (presets[event.key - 1]) this.choose(presets[event.key - 1]);
    else return;
    event.preventDefault();
  }

  async loadVolume(library) {
    const { volume, bytes } = this.scan;
    const ending = new AbortController();
    at("loading").hidden = false;
    const canvas = document.createElement("canvas");
    canvas.className = "viewer-volume";
    at("stage").prepend(canvas);
    try {
      const loading = download(volume, bytes, (received) => {
        at("progress").value = received / bytes;
        at("progress-text").textContent = received < bytes
          ? `Loading the volume: ${megabytes(received)} of ${megabytes(bytes)} MB` : "Drawing the volume …";
      }, ending.signal);
      const [renderer] = await Promise.all([VolumeView.open(canvas, library, loading, this.grid), loading]);
      this.use(renderer);
      canvas.addEventListener("webglcontextlost", () => this.giveUp(canvas, "the graphics memory was lost"));
    } catch (error) {
      ending.abort();
      this.giveUp(canvas, error.message);
    } finally {
      at("loading").hidden = true;
    }
  }

  use(renderer) {
    this.renderer = renderer;
    const isVolume = renderer instanceof VolumeView;
    at("slice").hidden = isVolume;
    this.root.dataset.mode = isVolume ? "volume" : "slices";
    delete this.root.dataset.drawn;
    for (const button of at("planes").querySelectorAll("button")) button.disabled = !renderer.planes.includes(button.dataset.plane);
    at("drags").querySelector("[data-drag=window]").disabled = !renderer.hasFreeWindow;
    at("crosshair").disabled = !isVolume;
    this.change(isVolume ? {} : { plane: "axial", preset: this.view.window });
    if (!isVolume) this.choose(this.view.window);
  }

  giveUp(canvas, reason) {
    canvas.remove();
    this.note(`The volume could not be shown (${reason}). These are plain slices; load the page again to try once more.`);
    this.use(new SliceView(at("slice"), this.root.dataset.slices, this.grid));
  }
}

async function begin(root) {
  const response = await fetch(root.dataset.scan, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const viewer = new Viewer(root, await response.json());
  at("still").hidden = true;
  at("tools").hidden = at("cine").hidden = false;
  at("stage").tabIndex = 0;
  at("stage").setAttribute("role", "application");
  at("stage").setAttribute("aria-label", "Slices of the scan. Arrow keys change the slice, 1 to 4 the window, plus and minus enlarge, Space plays.");
  viewer.listen();
  for (const note of viewer.scan.notes) viewer.note(note);
  viewer.use(viewer.renderer);
  await viewer.drawing;
  const reason = root.dataset.niivue ? hindrance(viewer.grid)
    : "The volume viewer is not installed on this server; its administrator can bring it with make web.";
  if (reason) viewer.note(`${reason} These are plain slices.`);
  else await viewer.loadVolume(root.dataset.niivue);
}

const root = document.getElementById("viewer");
begin(root).catch((error) => {
  const line = document.createElement("li");
  line.textContent = `The viewer could not start: ${error.message}. Load the page again.`;
  at("notes").append(line);
});
