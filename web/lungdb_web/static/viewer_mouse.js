// What the buttons and the wheel of the mouse do: the reader's choice, which the browser keeps.

import { at } from "./viewer_page.js";

/** @import { Viewer } from "./viewer.js" */
/** @import { Tool } from "./viewer_types.js" */

const KEPT = "lungdb.viewer.mouse";
const BUTTONS = ["left", "middle", "right"]; // in the order of their numbers

export class Mouse {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.choices = Array.from(at("mouse").querySelectorAll("select"));
    // As the page has them, so as OHIF does.
    this.usual = this.choices.map(({ value }) => value);
    const kept = read();
    for (const choice of this.choices) {
      const value = kept[choice.dataset.mouse ?? ""];
      if (Array.from(choice.options).some((option) => option.value === value)) choice.value = value;
    }
    const isTouched = matchMedia("(pointer: coarse)").matches && !("left" in kept);
    /** @type {string} */
    this.left = isTouched ? "slices" : this.of("left");
  }

  /** @param {string} part */
  of(part) {
    return this.choices.find(({ dataset }) => dataset.mouse === part)?.value ?? "";
  }

  /**
   * What dragging with a button does; nothing where it is the browser's own.
   *
   * @param {number} button
   * @returns {Tool | null}
   */
  tool(button) {
    const tool = button === 0 ? this.left : this.of(BUTTONS[button] ?? "");
    return tool && tool !== "menu" ? /** @type {Tool} */ (tool) : null;
  }

  listen() {
    const stage = at("stage");
    stage.addEventListener("contextmenu", (event) => {
      if (this.tool(2)) event.preventDefault();
    });
    // A browser scrolls by itself once the wheel is pressed.
    stage.addEventListener("mousedown", (event) => {
      if (event.button === 1) event.preventDefault();
    });
    at("mouse").addEventListener("change", () => this.keep());
    at("mouse-usual").addEventListener("click", () => {
      this.choices.forEach((choice, index) => { choice.value = this.usual[index]; });
      this.keep();
    });
  }

  keep() {
    this.viewer.useTool(this.of("left"));
    try {
      localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(this.choices.map(({ dataset, value }) => [dataset.mouse, value]))));
    } catch {
      // A browser that keeps nothing has the choice until the page is left.
    }
  }
}

/** @returns {Record<string, string>} */
function read() {
  try {
    return { ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") };
  } catch {
    return {};
  }
}
