// How far the scoring of all is, without loading the page again; when it ends, the page is loaded to show the scores.

/**
 * @typedef {object} State
 * @property {string} status
 * @property {number} done
 * @property {number} total
 * @property {number} percent
 * @property {number | null} rate
 * @property {number | null} seconds_left
 */

const PAUSE = 2000; // milliseconds

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** @param {State} state */
function words(state) {
  const parts = [
    `${state.status === "stopping" ? "Stopping after the present patients" : "Scoring"}: ${state.done} of ${state.total}`,
    `${state.percent} %`,
  ];
  if (state.rate) parts.push(`${state.rate.toFixed(1)} a second`);
  if (state.seconds_left !== null) parts.push(`${duration(state.seconds_left)} left`);
  return parts.join(", ");
}

/**
 * @param {string} address
 * @param {HTMLElement} text
 * @param {HTMLProgressElement} bar
 */
async function follow(address, text, bar) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!response.ok) return; // Signed out, or without a right: loading the page again says so.
    /** @type {State} */
    const state = await response.json();
    if (state.status !== "running" && state.status !== "stopping") {
      location.reload();
      return;
    }
    text.textContent = words(state);
    bar.value = state.percent;
  } catch {
    // The server may be back next time.
  }
  setTimeout(follow, PAUSE, address, text, bar);
}

const section = document.getElementById("scoring");
const text = document.getElementById("scoring-text");
const bar = document.getElementById("scoring-progress");
if (section?.dataset.state && text && bar instanceof HTMLProgressElement) {
  setTimeout(follow, PAUSE, section.dataset.state, text, bar);
}
