// J and K on a patient's page lead to the next and the previous patient of the list, as the links do.

/** @type {Record<string, string>} */
const LINKS = { j: "place-after", k: "place-before" };

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (target instanceof Element && target.closest("input, textarea, select, [contenteditable]")) return;
  const link = document.getElementById(LINKS[key.toLowerCase()] ?? "");
  if (!(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  link.click();
});
