// Small pictures, cut out of the sheets that hold hundreds of them.

class Pictures {
  constructor({ side, columns, sizes, sheets }) {
    Object.assign(this, { side, columns, sheets, sizes: unpacked(sizes), opened: new Map() });
  }

  /** Draw an image on a canvas, which takes the picture's size, as soon as its sheet is decoded. */
  async draw(canvas, image) {
    canvas.width = this.sizes[2 * image];
    canvas.height = this.sizes[2 * image + 1];
    canvas.wanted = image;
    const cells = this.columns ** 2;
    const sheet = await this.open(Math.floor(image / cells));
    if (canvas.wanted !== image) return; // another was asked for meanwhile
    const cell = image % cells;
    const x = (cell % this.columns) * this.side;
    const y = Math.floor(cell / this.columns) * this.side;
    const { width, height } = canvas;
    canvas.getContext('2d').drawImage(sheet, x, y, width, height, 0, 0, width, height);
  }

  /** A sheet, decoded once and only when one of its pictures is wanted. */
  open(number) {
    if (!this.opened.has(number)) {
      const sheet = new Image();
      sheet.src = this.sheets[number];
      this.opened.set(number, sheet.decode().then(() => sheet));
    }
    return this.opened.get(number);
  }
}
