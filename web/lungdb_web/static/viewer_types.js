// What the modules of the viewer hand each other. Nothing here is run: a browser never asks for this file.

/** @typedef {"axial" | "coronal" | "sagittal"} DrawnPlane */
/** @typedef {DrawnPlane | "all"} Plane */
/** @typedef {"none" | "max" | "mean"} SlabKind */
/** @typedef {"window" | "slices" | "move" | "zoom" | "length"} Tool What dragging does. */

/** @typedef {[number, number, number]} Triple A voxel's column, row and slice, or a place in millimetres (RAS+). */

/**
 * @typedef {object} Scan What the server tells of a scan before its voxels.
 * @property {string} volume Address of the voxels.
 * @property {number} bytes How many they are.
 * @property {Triple} size Columns, rows and slices.
 * @property {Triple} spacing Of these, in millimetres.
 * @property {number} start Where the lowest slice lies, in millimetres.
 * @property {number[] | null} positions Of every slice, in millimetres, where they are known.
 * @property {boolean} has_millimetres Whether rows and columns have a size.
 * @property {boolean} has_step Whether the distance of slices is known.
 * @property {string[]} notes What a reader has to know, in sentences.
 * @property {Record<string, [string, number, number]>} windows By key: name, level and width.
 */

/**
 * @typedef {object} View What is looked at.
 * @property {Plane} plane
 * @property {Triple} voxel Under the crosshair.
 * @property {string | null} preset One of the scan's windows, while level and width are its own.
 * @property {number} level In Hounsfield units.
 * @property {number} width In Hounsfield units.
 * @property {number} zoom From 1 on.
 * @property {Triple} centre What is in the middle of the picture, in millimetres.
 * @property {boolean} hasCrosshair
 * @property {boolean} isInverted Whether black is white.
 * @property {SlabKind} slab Whether several slices are seen as one, and how.
 * @property {number} thickness Of the slab, in millimetres.
 */

/**
 * @typedef {object} Tile A plane on the stage, in pixels of the page.
 * @property {number} axis The axis of a voxel that its plane is scrolled along.
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {[number, number]} start Coordinates at its left and its upper edge, in millimetres.
 * @property {number} scale Millimetres a pixel.
 */

/**
 * @typedef {object} Found What is under a point of the picture.
 * @property {Triple} place In millimetres.
 * @property {number} axis The axis of a voxel that its plane is scrolled along.
 * @property {Triple} [voxel] Nothing beside the scan.
 */

/**
 * @typedef {object} Edge A letter at an edge of a plane; x and y in pixels of the page.
 * @property {string} letter
 * @property {number} x
 * @property {number} y
 * @property {"left" | "right" | "top" | "bottom"} side
 */

/**
 * @typedef {object} Renderer What draws: plain slices or the volume.
 * @property {Plane[]} planes Those that it can draw.
 * @property {HTMLElement} element What it draws into.
 * @property {(view: View, drawn: (view: View) => void) => Promise<void>} draw Tells of each picture that is there.
 * @property {() => Tile[]} tiles
 * @property {(zoom?: number) => number} scale Millimetres a pixel of the page, as drawn or at another zoom.
 * @property {() => Edge[]} edges
 * @property {(x: number, y: number) => Found | null} pick What is under a point, in pixels of the page.
 * @property {(tile: Tile, x: number, y: number) => Triple} place The place under a point, which may lie beside the tile.
 * @property {(voxel: Triple, axis: number) => number | null} value Hounsfield units of a voxel as a plane shows it.
 */

export {};
