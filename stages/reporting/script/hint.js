// The small card beside a dot of a map.

class Hint {
  constructor(card) {
    this.card = card;
    addEventListener('scroll', () => { if (!card.hidden) this.settle(); }, { passive: true });
  }

  /** Show an image beside what `where` tells, a point of the window, also when the page has been scrolled. */
  show(store, image, where) {
    const { card } = this;
    this.where = where;
    const part = (selector) => card.querySelector(selector);
    store.pictures.draw(part('canvas'), image);
    part('.file').textContent = store.paths[image];
    const [name, label] = [store.name(image), store.label(image)];
    part('.where').replaceChildren(badge(store.clusters[image]), name && ` ${name} ·`, ` confidence ${fraction(store.confidence[image])}`, label && ` · label ${label}`);
    card.hidden = false;
    this.settle();
  }

  /** Place the card on the side of the point where there is room. */
  settle() {
    const { card } = this;
    const { x, y } = this.where();
    const { width, height } = card.getBoundingClientRect();
    const left = x + 14 + width > innerWidth ? x - 14 - width : x + 14;
    const top = y + 14 + height > innerHeight ? y - 14 - height : y + 14;
    card.style.left = `${Math.min(Math.max(left, 4), Math.max(innerWidth - width - 4, 4))}px`;
    card.style.top = `${Math.max(top, 4)}px`;
  }

  hide() { this.card.hidden = true; }
}
