// The theme that somebody chooses for this browser: light, dark, or as the system has it. It is kept in a cookie, by which the
// server writes it into each page, so that nothing flashes; signing out clears what else a browser stores of this site.

const COOKIE = "lungdb-theme";
const THEMES = ["light", "dark"];

/** What was chosen; empty for the system's. */
function kept() {
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${COOKIE}=`));
  const theme = found?.slice(COOKIE.length + 1) ?? "";
  return THEMES.includes(theme) ? theme : "";
}

/** @param {string} theme */
function keep(theme) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${COOKIE}=${theme}; Path=/; SameSite=Lax; Max-Age=${theme ? 365 * 24 * 3600 : 0}${secure}`;
}

/** @param {HTMLSelectElement} chosen */
function show(chosen) {
  chosen.value = kept();
  if (chosen.value) document.documentElement.dataset.theme = chosen.value;
  else delete document.documentElement.dataset.theme;
}

const group = document.getElementById("theme");
const chosen = group?.querySelector("select");
if (group && chosen) {
  group.hidden = false;
  show(chosen);
  chosen.addEventListener("change", () => {
    keep(chosen.value);
    show(chosen);
  });
  // A page that the browser had kept may be older than the choice.
  addEventListener("pageshow", () => show(chosen));
}
