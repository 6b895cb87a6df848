// Maps whose dots show their images. A dot is found by its coordinates: it is no element of its own.

const REACH = 12; // how far from the pointer a dot is still meant, in the drawing's units

class ImageMap {
  constructor(figure, store, viewer, hint) {
    Object.assign(this, { figure, store, viewer, hint, dot: -1, last: 0 });
    this.space = store.spaces[Number(figure.dataset.space)];
    this.svg = figure.querySelector('svg');
    this.ring = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    this.ring.setAttribute('class', 'ring');
    this.ring.setAttribute('r', 6);
    this.ring.setAttribute('visibility', 'hidden');
    this.svg.append(this.ring);
    for (const title of this.svg.querySelectorAll('title')) title.remove(); // the card says more than a path's title
    this.svg.setAttribute('tabindex', 0);
    this.svg.setAttribute('role', 'application');
    const on = (kind, handler) => this.svg.addEventListener(kind, handler);
    on('pointermove', (event) => this.pointed(event));
    on('pointerdown', (event) => { this.before = event.pointerType === 'touch' ? this.dot : null; this.pointed(event); });
    addEventListener('pointermove', (event) => { if (this.dot >= 0 && !this.svg.contains(event.target)) this.leave(); });
    on('click', () => this.clicked());
    on('focus', () => { if (this.dot < 0 && this.svg.matches(':focus-visible')) this.point(this.last); });
    on('blur', () => this.leave());
    on('keydown', (event) => this.pressed(event));
  }

  x(dot) { return this.space.points[2 * dot]; }

  y(dot) { return this.space.points[2 * dot + 1]; }

  /** The dot nearest to a point of the drawing, -1 if none is within reach. */
  nearest(x, y, reach, allowed = () => true) {
    let best = -1;
    let least = reach ** 2;
    for (let dot = 0; dot < this.store.mapped.length; dot++) {
      const distance = (this.x(dot) - x) ** 2 + (this.y(dot) - y) ** 2;
      if (distance < least && allowed(dot)) { best = dot; least = distance; }
    }
    return best;
  }

  pointed(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    this.point(this.nearest(x, y, REACH));
  }

  /** Ring a dot and show its image; -1 for none. */
  point(dot) {
    if (dot < 0) { this.leave(); return; }
    this.dot = dot;
    this.last = dot; // where the keyboard goes on
    this.svg.style.cursor = 'pointer';
    this.ring.setAttribute('cx', this.x(dot));
    this.ring.setAttribute('cy', this.y(dot));
    this.ring.setAttribute('visibility', 'visible');
    const where = () => new DOMPoint(this.x(dot), this.y(dot)).matrixTransform(this.svg.getScreenCTM());
    this.hint.show(this.store, this.store.mapped[dot], where);
  }

  leave() {
    this.dot = -1;
    this.svg.style.cursor = '';
    this.ring.setAttribute('visibility', 'hidden');
    this.hint.hide();
  }

  /** A click opens the image; the first touch only shows it, as pointing does. */
  clicked() {
    if (this.dot >= 0 && (this.before === null || this.before === this.dot)) this.open();
  }

  open() {
    const image = this.store.mapped[this.dot];
    this.hint.hide();
    this.viewer.open(this.store, image, this.store.mapped);
  }

  /** Arrows go to the nearest dot on that side, Enter opens it, Escape takes the card away. */
  pressed(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way && this.dot < 0) {
      this.point(this.last);
    } else if (way) {
      const [x, y] = [this.x(this.dot), this.y(this.dot)];
      const ahead = (dot) => {
        const along = (this.x(dot) - x) * way[0] + (this.y(dot) - y) * way[1];
        const across = Math.abs((this.x(dot) - x) * way[1]) + Math.abs((this.y(dot) - y) * way[0]);
        return along > 0 && along >= across;
      };
      const next = this.nearest(x, y, Infinity, ahead);
      if (next >= 0) this.point(next);
    } else if ((event.key === 'Enter' || event.key === ' ') && this.dot >= 0) {
      this.open();
    } else if (event.key === 'Escape') {
      this.leave();
    } else {
      return;
    }
    event.preventDefault();
  }
}
