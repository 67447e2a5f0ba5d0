// The parts of the page that the viewer consists of.

/**
 * Find a part by what follows "viewer-" in its id.
 *
 * @template {Element} Kind
 * @overload
 * @param {string} name
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
/**
 * @overload
 * @param {string} name
 * @returns {HTMLElement}
 */
/**
 * @param {string} name
 * @param {new () => Element} kind
 */
export function at(name, kind = HTMLElement) {
  const found = document.getElementById(`viewer-${name}`);
  if (!(found instanceof kind)) throw new Error(`the page lacks its part ${name}`);
  return found;
}

/**
 * The buttons of a group.
 *
 * @param {string} group
 */
export function buttons(group) {
  return Array.from(at(group).querySelectorAll("button"));
}

/**
 * What a button under a click stands for; nothing beside the buttons.
 *
 * @param {Event} event
 * @param {string} key Of the button's data.
 */
export function pressed({ target }, key) {
  return target instanceof HTMLElement ? target.dataset[key] : undefined;
}
