// The contact sheets: the search that narrows them, and images that are opened by mouse or keyboard.

const AT_ONCE = 60; // found images that are on no sheet, shown at a time

class Sheets {
  constructor(article, store, viewer) {
    Object.assign(this, { article, store, viewer });
    this.form = article.querySelector('form.search');
    this.more = article.querySelector('.more');
    this.tiles = [...article.querySelectorAll('.sheet [data-image]')];
    this.onSheets = new Set(this.tiles.map((tile) => Number(tile.dataset.image)));
    for (const tile of this.tiles) makeButton(tile);
    this.correcting = new Correcting(article, store, this);
    article.addEventListener('click', (event) => this.clicked(event));
    article.addEventListener('keydown', (event) => this.pressed(event));
    for (const kind of ['input', 'change']) this.form.addEventListener(kind, () => this.search());
    this.form.addEventListener('submit', (event) => event.preventDefault());
    this.form.addEventListener('reset', () => setTimeout(() => this.search())); // the fields are emptied after the event
    this.more.querySelector('.further').addEventListener('click', () => this.showMore());
    this.correcting.turn(this.correcting.corrections.steps.length > 0); // and search: a browser may have kept the fields
  }

  /** Show only what the form asks for, and say how much that is. */
  search() {
    const { store } = this;
    const asked = askedFor(this.form);
    const narrowed = narrows(asked);
    const found = new Set(narrowed ? store.all.filter((image) => matches(store, image, asked)) : store.all);
    for (const tile of this.tiles) {
      const image = Number(tile.dataset.image);
      tile.parentElement.hidden = !found.has(image) || (store.moved(image) && Boolean(tile.closest('[data-cluster]'))); // a near-duplicate stays where it is
    }
    const moved = this.correcting.showMoved(found);
    const onSheets = (image) => (store.moved(image) ? moved.has(image) : this.onSheets.has(image));
    const shown = [...found].filter(onSheets).length;
    for (const part of this.article.querySelectorAll('.strip, .sheet')) part.hidden = !part.querySelector('li:not([hidden])');
    for (const sheet of this.article.querySelectorAll('.sheet')) rove(visible(sheet)[0], visible(sheet));
    this.others = narrowed ? [...found].filter((image) => !onSheets(image)) : [];
    this.more.querySelector('ul').replaceChildren();
    this.more.hidden = !this.others.length;
    this.showMore();
    this.form.querySelector('output').value = this.count(narrowed, shown, found.size);
  }

  count(narrowed, shown, found) {
    const { length, images, sampled } = this.store;
    const all = sampled ? `${counted(length)} images on this page (of ${counted(images)})` : plural(images, 'image');
    if (!narrowed) return `${plural(shown, 'image')} on the sheets; a search looks through ${all}.`;
    return `${counted(found)} of ${all} ${found === 1 ? 'matches' : 'match'}; ${counted(shown)} on the sheets.`;
  }

  /** Append further images that were found and are on no sheet. */
  showMore() {
    const list = this.more.querySelector('ul');
    const start = list.children.length;
    for (const image of this.others.slice(start, start + AT_ONCE)) list.append(element('li', {}, thumbnail(this.store, image)));
    this.more.querySelector('.further').hidden = list.children.length >= this.others.length;
    this.correcting.mark();
  }

  clicked(event) {
    const tile = event.target.closest('.sheet [data-image], .more [data-image]');
    if (tile && !this.correcting.choose(tile)) this.open(tile);
  }

  /** Enter and space open an image; arrows move within a sheet, which is one stop for the tab key. */
  pressed(event) {
    const tile = event.target.closest('.sheet [data-image], .more [data-image]');
    if (!tile || event.target !== tile) return;
    const tiles = visible(tile.closest('.sheet') ?? tile);
    const step = tiles.length ? { ArrowRight: 1, ArrowLeft: -1 }[event.key] : 0;
    if (step) {
      const next = tiles[tiles.indexOf(tile) + step];
      if (next) { rove(next, tiles); next.focus(); }
    } else if (event.key === 'Enter' || (event.key === ' ' && tile.tagName !== 'BUTTON')) { // space presses a button
      if (event.key === 'Enter' || !this.correcting.choose(tile)) this.open(tile);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Open an image; the next ones are those now shown. */
  open(tile) {
    const order = new Set([...visible(this.article).map((shown) => Number(shown.dataset.image)), ...this.others]);
    this.viewer.open(this.store, Number(tile.dataset.image), [...order]);
  }
}

/** The tiles of a part of the page that a search left. */
function visible(part) { return [...part.querySelectorAll('.strip li:not([hidden]) > [data-image]')]; }

function makeButton(tile) {
  tile.tabIndex = -1;
  tile.setAttribute('role', 'button');
  tile.setAttribute('aria-haspopup', 'dialog');
  tile.setAttribute('aria-label', tile.title);
}

/** Make one of a sheet's tiles the stop of the tab key. */
function rove(stop, tiles) { for (const tile of tiles) tile.tabIndex = tile === stop ? 0 : -1; }

/** A button with an image's picture and cluster. */
function thumbnail(store, image) {
  const canvas = element('canvas');
  store.pictures.draw(canvas, image);
  const label = store.label(image);
  const title = `${store.paths[image]}${label && ` (label: ${label})`}, ${store.clusters[image] < 0 ? 'set aside' : `cluster ${store.clusters[image]}`}`;
  const button = element('button', { type: 'button', className: 'thumbnail', title }, canvas, badge(store.clusters[image]));
  button.dataset.image = image;
  button.setAttribute('aria-label', title);
  return button;
}

function badge(cluster) { return element('span', { className: `badge k${cluster}`, textContent: cluster < 0 ? '–' : cluster }); }
