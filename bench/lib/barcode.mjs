// The frame number as a barcode in the top rows: 19 cells, white, black, 16 bits of the number
// (least significant first), parity. The cells are large enough to survive any codec.

export const CLIP = { width: 1280, height: 720, fps: 30, seconds: 20 };
/** Rows of the clip that the barcode covers. */
export const BARCODE_ROWS = 32;
/** The width of a frame in cells. */
export const CELLS_PER_WIDTH = 20;
const CELLS = 19;

/** The cells of the barcode of `number`: 1 is white. */
export function cellsOf(number) {
  const bits = Array.from({ length: 16 }, (_, i) => (number >> i) & 1);
  return [1, 0, ...bits, bits.reduce((sum, bit) => sum ^ bit, 0)];
}

/** The number of the barcode with the cells `isWhite(cell)`, or null if they are no barcode. */
export function numberOf(isWhite) {
  const cells = Array.from({ length: CELLS }, (_, i) => (isWhite(i) ? 1 : 0));
  const number = cells.slice(2, 18).reduce((sum, bit, i) => sum | (bit << i), 0);
  return cells.every((cell, i) => cell === cellsOf(number)[i]) ? number : null;
}
