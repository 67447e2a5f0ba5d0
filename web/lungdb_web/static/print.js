// The slice on paper: what WebGL drew is gone from its buffer when a page is printed, so it is drawn again and copied.

/** @import { Renderer, View } from "./viewer_types.js" */

/** @type {{ view: View, renderer: Renderer } | null} */
let shown = null;

const root = document.getElementById("viewer");
root?.addEventListener("viewer-shown", (event) => {
  shown = /** @type {CustomEvent<{ view: View, renderer: Renderer }>} */ (event).detail;
});
addEventListener("beforeprint", () => {
  document.getElementById("viewer-printed")?.remove();
  const canvas = shown?.renderer.element;
  if (!shown || !(canvas instanceof HTMLCanvasElement)) return;
  shown.renderer.draw(shown.view, () => undefined);
  const copy = document.createElement("canvas");
  copy.id = "viewer-printed";
  copy.className = "viewer-volume";
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.getContext("2d")?.drawImage(canvas, 0, 0);
  canvas.after(copy);
});
addEventListener("afterprint", () => document.getElementById("viewer-printed")?.remove());
