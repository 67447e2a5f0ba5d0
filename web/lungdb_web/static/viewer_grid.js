// The voxel grid of a scan: axes of planes, and the way between voxels and millimetres (RAS+, the coordinates of NIfTI).

// The axis of a voxel (column, row, slice) that scrolling in a plane moves along.
export const AXIS = { axial: 2, coronal: 1, sagittal: 0, all: 2 };

// Of the higher numbers of an axis, then of the lower ones.
const SIDES = [
  ["right of the middle", "left of the middle"], ["in front of the middle", "behind the middle"], ["above the lowest"],
];

export class Grid {
  constructor({ size, spacing, start, positions }) {
    Object.assign(this, { size, spacing, start, positions });
  }

  // The point in the middle, in millimetres.
  centre() {
    return [0, 0, this.start + ((this.size[2] - 1) / 2) * this.spacing[2]];
  }

  // As near to a point as the middle of the picture may come, so that the scan fills it where it can.
  near(point, zoom) {
    const room = 0.5 - 0.5 / zoom;
    return this.centre().map((middle, axis) => {
      const most = room * this.size[axis] * this.spacing[axis];
      return Math.min(Math.max(point[axis], middle - most), middle + most);
    });
  }

  middle() {
    return this.size.map((count) => Math.floor(count / 2));
  }

  clamp(voxel) {
    return voxel.map((value, axis) => Math.min(Math.max(Math.round(value), 0), this.size[axis] - 1));
  }

  // Columns run from the patient's right to left and rows from front to back; RAS+ runs the other way.
  millimetres([column, row, slice]) {
    const [columns, rows] = this.size;
    const [width, height, step] = this.spacing;
    return [((columns - 1) / 2 - column) * width, ((rows - 1) / 2 - row) * height, this.start + slice * step];
  }

  voxel([x, y, z]) {
    const [columns, rows] = this.size;
    const [width, height, step] = this.spacing;
    return this.clamp([(columns - 1) / 2 - x / width, (rows - 1) / 2 - y / height, (z - this.start) / step]);
  }

  index([column, row, slice]) {
    return (slice * this.size[1] + row) * this.size[0] + column;
  }

  // Where a slice lies, in words: the recorded position of an axial one, of others the distance from the middle.
  place(axis, voxel) {
    if (axis === 2 && this.positions) return `z ${this.positions[voxel[2]].toFixed(1).replace("-", "−")} mm`;
    const distance = this.millimetres(voxel)[axis];
    const side = SIDES[axis][distance < 0 ? 1 : 0];
    return `${Math.abs(distance).toFixed(1)} mm ${side}`;
  }
}
