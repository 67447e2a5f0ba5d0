// The page on which files are handed in: choosing, dropping, sending, and then what becomes of them.

import { chosen, dropped } from "./upload_files.js";
import { Refused, Sending } from "./upload_send.js";
import { Pace } from "./upload_time.js";

/** @typedef {import("./upload_files.js").Named} Named */

/**
 * @template {HTMLElement} Kind
 * @param {string} name
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function at(name, kind) {
  const found = document.getElementById(name);
  if (!(found instanceof kind)) throw new Error(`the page lacks its part ${name}`);
  return found;
}

const part = at("upload", HTMLElement);
const drop = at("upload-drop", HTMLElement);
const said = at("upload-said", HTMLElement);
const bar = at("upload-bar", HTMLProgressElement);
const again = at("upload-again", HTMLButtonElement);
const cancel = at("upload-cancel", HTMLButtonElement);
const inputs = [at("upload-folder", HTMLInputElement), at("upload-files", HTMLInputElement)];
const most = { files: Number(part.dataset.files), bytes: Number(part.dataset.bytes) };

/** @type {Sending | null} */
let sending = null;

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 })} MB`;
}

/**
 * @param {string} text
 * @param {boolean} isError
 */
function say(text, isError = false) {
  said.textContent = text;
  said.classList.toggle("is-error", isError);
}

/** @param {boolean} isBusy */
function busy(isBusy) {
  drop.setAttribute("aria-disabled", String(isBusy));
  for (const input of inputs) input.disabled = isBusy;
  cancel.hidden = !isBusy;
  bar.hidden = !isBusy;
}

/** @param {Named[]} files */
function begin(files) {
  if (sending !== null) return;
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  if (!files.length || size === 0) {
    say("There are no files in it, or they are empty. Choose another one.", true);
  } else if (files.length > most.files || size > most.bytes) {
    say(`These are ${files.length.toLocaleString("en")} files of ${megabytes(size)}, more than can be handed in at a time. Choose fewer.`, true);
  } else {
    const { begin: address, csrf, chunk } = part.dataset;
    let pace = new Pace();
    sending = new Sending(files, { begin: String(address), csrf: String(csrf), chunk: Number(chunk) }, (sent, trouble) => {
      bar.value = sent / size;
      if (trouble) pace = new Pace(sent);
      say(trouble || `${megabytes(sent)} of ${megabytes(size)} are sent, ${megabytes(pace.rate(sent))} a second${pace.left(sent, size)}.`);
    });
    bar.value = 0;
    say(`Sending ${files.length.toLocaleString("en")} files of ${megabytes(size)} …`);
    run();
  }
}

async function run() {
  const mine = sending;
  if (mine === null) return;
  again.hidden = true;
  busy(true);
  try {
    location.assign(await mine.run());
  } catch (error) {
    if (sending !== mine) return;
    busy(false);
    if (error instanceof Refused) {
      sending = null;
      say(error.message, true);
    } else {
      say("The server cannot be reached, or a file cannot be read any more. Check the connection, and go on.", true);
      again.hidden = cancel.hidden = false;
    }
  }
}

for (const input of inputs) {
  input.addEventListener("change", () => {
    if (input.files) begin(chosen(input.files));
    input.value = "";
  });
}
again.addEventListener("click", run);
cancel.addEventListener("click", () => {
  sending?.cancel();
  sending = null;
  busy(false);
  again.hidden = true;
  say("It was given up, and nothing was loaded.");
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("is-over", kind === "dragover" && sending === null);
  });
}
drop.addEventListener("drop", async (event) => {
  if (event.dataTransfer && sending === null) begin(await dropped(event.dataTransfer));
});
part.hidden = false;
