// The patient page without reloading: the viewer keeps its place while a score is computed. Without JavaScript the form
// and the link do the same by whole pages; these are the pages that are fetched here, too.

import { localise } from "./local.js";

const REPLACED = ["state", "result", "viewer-result", "truth", "why", "nodules", "strip", "history"];

/**
 * @param {string} address
 * @param {RequestInit} options
 */
async function fetchPage(address, options = {}) {
  const response = await fetch(address, { ...options, headers: { Accept: "text/html" }, credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return { response, page };
}

/**
 * @param {Document} page
 * @param {string[]} ids
 */
function replaceParts(page, ids) {
  for (const id of ids) {
    const fresh = page.getElementById(id);
    if (!fresh) continue;
    localise(fresh);
    document.getElementById(id)?.replaceWith(document.adoptNode(fresh));
  }
}

/**
 * Of an error page, the sentence that says what is wrong and what to do.
 *
 * @param {Document} page
 */
function sentenceOf(page) {
  return page.querySelector("main .message p:not(.message-status)")?.textContent?.trim()
    || "The server gave no answer that can be shown. Load the page again.";
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} progress
 */
function analyze(form, button, progress) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    const begun = Date.now();
    let words = button.textContent;
    form.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
    progress.classList.remove("is-error");
    progress.textContent = "Analyzing the scan …";
    const clock = setInterval(() => {
      const seconds = Math.round((Date.now() - begun) / 1000);
      button.textContent = `Analyzing … ${seconds} s`;
    }, 1000);
    try {
      const { response, page } = await fetchPage(form.action, { method: "POST", body: new FormData(form) });
      if (!response.ok) throw new Error(sentenceOf(page));
      const probability = page.getElementById("probability");
      if (!probability) throw new Error("You are signed out. Sign in again, and repeat it.");
      replaceParts(page, REPLACED);
      words = "Re-score";
      progress.textContent = `Done: ${probability.textContent} %.`;
    } catch (error) {
      progress.classList.add("is-error");
      progress.textContent = error instanceof TypeError
        ? "The server cannot be reached. Check the connection, and press the button again."
        : String(error instanceof Error ? error.message : error);
    } finally {
      clearInterval(clock);
      button.textContent = words;
      button.removeAttribute("aria-disabled");
      form.removeAttribute("aria-busy");
    }
  });
}

/**
 * @param {HTMLElement} section
 * @param {HTMLAnchorElement} link
 * @param {string} address
 */
async function loadSimilar(section, link, address) {
  const words = link.textContent;
  section.setAttribute("aria-busy", "true");
  link.textContent = "Comparing the features …";
  try {
    const { response, page } = await fetchPage(address);
    if (response.ok) replaceParts(page, ["similar"]);
  } catch {
    // The link that the page came with stays and leads to the same.
  } finally {
    section.removeAttribute("aria-busy");
    link.textContent = words;
  }
}

/**
 * The truth beside the result or the nodules, once it is asked for; sections are replaced with each new score, so they are looked
 * for each time.
 *
 * @param {HTMLFormElement} asking
 * @param {string} section Its id.
 */
async function revealTruth(asking, section) {
  const said = asking.querySelector("[role=status]");
  try {
    const { response, page } = await fetchPage(asking.action, { method: "POST", body: new FormData(asking) });
    if (!response.ok) throw new Error(sentenceOf(page));
    if (!page.getElementById(section)) throw new Error("You are signed out. Sign in again, and repeat it.");
    replaceParts(page, [section]);
    document.getElementById(section)?.focus();
  } catch (error) {
    if (said) said.textContent = error instanceof Error ? error.message : String(error);
  }
}

document.addEventListener("submit", (event) => {
  const { target } = event;
  const section = target instanceof HTMLFormElement ? target.closest("#truth, #nodules") : null;
  if (!(target instanceof HTMLFormElement) || !section) return;
  event.preventDefault();
  revealTruth(target, section.id);
});

const form = document.getElementById("analyze");
const button = form?.querySelector("button");
const progress = document.getElementById("progress");
if (form instanceof HTMLFormElement && button && progress) analyze(form, button, progress);
const similar = document.getElementById("similar");
const link = similar?.querySelector("a");
if (similar?.dataset.href && link) loadSimilar(similar, link, similar.dataset.href);
