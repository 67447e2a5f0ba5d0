// What was chosen or dropped, as files with the names that they have in their folder.

/** @typedef {{ name: string, file: File }} Named */

/**
 * The files of an input, which tells where they lie if a folder was chosen.
 *
 * @param {FileList} files
 * @returns {Named[]}
 */
export function chosen(files) {
  return sorted(Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file })));
}

/**
 * The files of what was dropped, with those in its folders.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<Named[]>}
 */
export async function dropped(transfer) {
  // What lies in the transfer is gone as soon as this function waits.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = Array.from(transfer.files);
  if (!entries.length) return sorted(files.map((file) => ({ name: file.name, file })));
  const found = [];
  for (const entry of entries) found.push(...await filesOf(entry));
  return sorted(found);
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<Named[]>}
 */
async function filesOf(entry) {
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    const file = await new Promise((resolve, reject) => { one.file(resolve, reject); });
    return [{ name: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    // A browser gives a hundred at a time.
    const some = /** @type {FileSystemEntry[]} */ (
      await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); }));
    if (!some.length) return found;
    for (const each of some) found.push(...await filesOf(each));
  }
}

/** @param {Named[]} files */
function sorted(files) {
  return files.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}
