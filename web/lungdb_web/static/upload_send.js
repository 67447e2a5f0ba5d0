// Files in small parts, as the server takes them. What breaks off goes on where it was.

const AT_ONCE = 3;
const WAITS = [1000, 2000, 4000, 8000, 15000, 30000];

/** @typedef {import("./upload_files.js").Named} Named */

/** What the server refuses: trying again brings nothing. */
export class Refused extends Error {}

/** One upload, from its announcement until it is loaded. */
export class Sending {
  /**
   * @param {Named[]} files
   * @param {{ begin: string, csrf: string, chunk: number }} where
   * @param {(sent: number, trouble: string) => void} onSent
   */
  constructor(files, where, onSent) {
    this.files = files;
    this.size = files.reduce((sum, { file }) => sum + file.size, 0);
    this.where = where;
    this.onSent = onSent;
    this.sent = files.map(() => 0);
    this.whole = /** @type {Set<number>} */ (new Set());
    this.address = "";
    this.stopped = new AbortController();
  }

  /** Send everything, or what of it is not sent yet; gives the address of what becomes of it. */
  async run() {
    if (!this.address) {
      const announced = new URLSearchParams({ files: String(this.files.length), bytes: String(this.size) });
      const { id } = await this.post(this.where.begin, announced);
      this.address = `${this.where.begin}/${id}`;
    }
    const waiting = this.files.keys();
    const lane = async () => {
      for (const number of waiting) {
        if (this.whole.has(number)) continue;
        await this.sendFile(number);
        this.whole.add(number);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await this.post(`${this.address}/finish`, null);
    return this.address;
  }

  /** Give it up. */
  async cancel() {
    this.stopped.abort();
    const headers = { "X-CSRF-Token": this.where.csrf };
    if (this.address) await fetch(`${this.address}/cancel`, { method: "POST", headers }).catch(() => undefined);
  }

  /** @param {number} number */
  async sendFile(number) {
    const { name, file } = this.files[number];
    let failed = 0;
    do {
      const offset = this.sent[number];
      const part = file.slice(offset, offset + this.where.chunk);
      const headers = {
        "Content-Type": "application/octet-stream",
        "X-Offset": String(offset),
        // Half a character, as a cut may leave, cannot be written so.
        "X-File-Name": encodeURIComponent(name.slice(-200).replace(/\p{Surrogate}/gu, "?")),
      };
      try {
        const { received } = await this.post(`${this.address}/files/${number}`, part, headers);
        this.sent[number] = received;
        failed = 0;
        this.onSent(this.total(), "");
      } catch (error) {
        if (error instanceof Refused || this.stopped.signal.aborted || failed >= WAITS.length) throw error;
        this.onSent(this.total(), "The server does not answer; trying again.");
        await new Promise((resolve) => { setTimeout(resolve, WAITS[failed]); });
        failed += 1;
      }
    } while (this.sent[number] < file.size);
  }

  total() {
    return this.sent.reduce((sum, each) => sum + each, 0);
  }

  /**
   * @param {string} address
   * @param {BodyInit | null} body
   * @param {Record<string, string>} headers
   */
  async post(address, body, headers = {}) {
    const response = await fetch(address, {
      method: "POST",
      body,
      headers: { ...headers, "X-CSRF-Token": this.where.csrf },
      credentials: "same-origin",
      signal: this.stopped.signal,
    });
    if (response.status >= 500 && response.status !== 507) throw new Error(`status ${response.status}`);
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    const answer = isJson ? await response.json() : {};
    // The part that was sent before came, and its answer did not.
    if (response.ok || (response.status === 409 && Number.isInteger(answer.received))) return answer;
    throw new Refused(answer.error ?? sentenceOf(response.status));
  }
}

/** @param {number} status */
function sentenceOf(status) {
  return status === 401
    ? "You are signed out. Sign in again, and choose the files again."
    : `The server does not take these files (${status}). Load the page again.`;
}
