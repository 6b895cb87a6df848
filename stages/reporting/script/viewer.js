// The dialog that shows one image, its neighbours, and what each view says of it.

class Viewer {
  constructor(dialog) {
    this.dialog = dialog;
    this.part = (selector) => dialog.querySelector(selector);
    dialog.addEventListener('keydown', (event) => this.pressed(event));
    dialog.addEventListener('click', (event) => this.clicked(event));
  }

  /** Show an image; left and right go through `order`, the images that were in sight. */
  open(store, image, order) {
    Object.assign(this, { store, order });
    this.show(image);
    if (!this.dialog.open) this.dialog.showModal();
    this.part('h2').focus();
  }

  pressed(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.step(step);
  }

  clicked(event) {
    const button = event.target.closest('button, a');
    if (button?.matches('[data-close], a') || this.beside(event)) this.dialog.close();
    else if (button?.dataset.step) this.step(Number(button.dataset.step));
    else if (button?.dataset.image) { this.show(Number(button.dataset.image)); this.part('h2').focus(); }
  }

  /** Whether a click is on what lies dimmed behind the dialog. */
  beside({ target, clientX: x, clientY: y }) {
    const { left, right, top, bottom } = this.dialog.getBoundingClientRect();
    return target === this.dialog && (x < left || x > right || y < top || y > bottom);
  }

  /** Go to the image before or after; from a neighbour that was not in sight, through all images. */
  step(by) {
    if (!this.order.includes(this.image)) this.order = this.store.all;
    const { order } = this;
    this.show(order[(order.indexOf(this.image) + by + order.length) % order.length]);
  }

  show(image) {
    const { store } = this;
    this.image = image;
    this.part('h2 bdi').textContent = store.paths[image];
    const canvas = this.part('.large');
    canvas.setAttribute('aria-label', store.paths[image]);
    store.pictures.draw(canvas, image);
    this.part('dl').replaceChildren(...this.facts(image));
    const told = store.spaces.map((space) => ({ space, nearest: store.nearest(space, image) }));
    this.part('.verdict').textContent = this.verdict(image, told);
    this.part('.among').textContent = store.sampled
      ? `The nearest of the ${plural(store.length, 'image')} on this page, out of ${counted(store.images)}.` : '';
    this.part('.spaces').replaceChildren(...told.map((each) => this.space(image, each)));
    this.dialog.scrollTop = 0;
  }

  facts(image) {
    const { store } = this;
    const cluster = store.clusters[image];
    const sheet = document.getElementById(`${store.place}-c${cluster}`);
    const shown = sheet && !sheet.hidden;
    const facts = [
      ['Cluster', element('span', {}, shown ? element('a', { href: `#${sheet.id}` }, badge(cluster)) : badge(cluster), ` ${store.name(image)}`)],
      ['Confidence', fraction(store.confidence[image])],
    ];
    if (store.rivals[image] >= 0) {
      facts.push(['Next best cluster', element('span', {}, badge(store.rivals[image]), ` with ${fraction(store.rivalShares[image])}`)]);
    }
    if (store.classes.length) {
      const label = element('bdi', { textContent: store.label(image) || 'none' });
      const home = store.astray(image) ? `, most of which are in cluster ${store.homes[store.labels[image]]}` : '';
      facts.push(['Label', element('span', {}, label, home)]);
    }
    return facts.map(([name, value]) => element('div', {}, element('dt', { textContent: name }), element('dd', {}, value)));
  }

  /** One sentence: which views and embeddings put the image into its cluster, and which elsewhere. */
  verdict(image, told) {
    const own = this.store.clusters[image];
    const heard = told.filter(({ nearest }) => nearest.length);
    const apart = heard.filter(({ nearest }) => this.store.tally(nearest, own)[0][0] !== own);
    if (!heard.length) return '';
    if (!apart.length) return 'In all of the spaces below, the nearest images are of its cluster more than of any other.';
    const names = apart.map(({ space, nearest }) => `${space.title} (cluster ${this.store.tally(nearest, own)[0][0]})`);
    return `By its nearest images, ${counted(apart.length)} of the ${plural(heard.length, 'space')} below would sort it elsewhere: ${names.join(', ')}.`;
  }

  /** What one view says: the clusters of the nearest images, as a bar and in words, and the images. */
  space(image, { space, nearest }) {
    const own = this.store.clusters[image];
    const tally = this.store.tally(nearest, own);
    const bar = element('div', { className: 'shares', ariaHidden: 'true' }, ...tally.map(([cluster, count]) => {
      const share = element('span', { className: `k${cluster}` });
      share.style.flexGrow = count;
      return share;
    }));
    const words = tally.map(([cluster, count]) => `${count} in cluster ${cluster}`).join(', ');
    const apart = nearest.length > 0 && tally[0][0] !== own;
    const heading = element('h4', { title: space.note }, element('bdi', { textContent: space.title }));
    if (apart) heading.append(element('span', { className: 'apart', textContent: `rather cluster ${tally[0][0]}` }));
    return element(
      'section', {}, heading, bar,
      element('p', { className: 'soft', textContent: nearest.length ? `Of the ${nearest.length} nearest, ${words}` : 'There is no other image.' }),
      element('ul', {}, ...nearest.map((other) => element('li', {}, thumbnail(this.store, other)))),
    );
  }
}
