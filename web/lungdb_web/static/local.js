// Numbers and times as the reader's browser writes them. Without it they stand as the server wrote them, times in UTC.

const TIME = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});

/** @param {ParentNode} root */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime*=T]")) {
    const moment = new Date(time.getAttribute("datetime") ?? "");
    if (!(time instanceof HTMLElement) || Number.isNaN(moment.getTime())) continue;
    time.title ||= time.textContent ?? "";
    time.textContent = TIME.format(moment);
  }
  for (const data of root.querySelectorAll("data[data-digits]")) {
    if (!(data instanceof HTMLElement)) continue;
    const digits = Number(data.dataset.digits);
    const number = new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    data.textContent = number.format(Number(data.getAttribute("value"))).replace("-", "−");
  }
}

localise(document);
