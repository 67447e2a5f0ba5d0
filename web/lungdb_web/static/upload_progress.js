// How far the loading of what was handed in is; at its end the page shows what became of it.

import { Pace } from "./upload_time.js";

const BETWEEN = 1000;
const part = document.getElementById("upload-progress");
const said = document.getElementById("upload-said");
const bar = document.getElementById("upload-bar");

/** @param {string} address */
async function follow(address) {
  let kind = "";
  let pace = new Pace();
  for (;;) {
    await new Promise((resolve) => { setTimeout(resolve, BETWEEN); });
    try {
      const response = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (response.status < 500 && !response.ok) break;
      const now = await response.json();
      if (now.state === "loaded" || now.state === "failed") break;
      if (now.state !== "loading" || !said || !(bar instanceof HTMLProgressElement)) continue;
      if (now.kind !== kind) {
        kind = now.kind;
        pace = new Pace(now.done);
      }
      if (now.total) {
        bar.max = now.total;
        bar.value = now.done;
      }
      const what = kind === "files" ? "files are read" : "slices are done";
      const of = now.total ? ` of ${now.total.toLocaleString("en")}` : "";
      said.textContent = now.done === 0 ? "The files are looked at." : `${now.done.toLocaleString("en")}${of} ${what}, ${pace.rate(now.done).toFixed(0)} a second${pace.left(now.done, now.total ?? 0)}.`;
    } catch {
      if (said) said.textContent = "The server does not answer; trying again.";
    }
  }
  location.reload();
}

if (part?.dataset.href) follow(part.dataset.href);
