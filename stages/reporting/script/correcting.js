// Corrections by hand, as they are made on the contact sheets: choosing images, and the bar and dialog to say where to.

const SHOWN_MOVED = 60; // moved images shown on the sheet of their new group
const NEW = 'new'; // in place of a group's number
const KEYS = { m: 'move', s: 'aside', r: 'rename', g: 'merge', u: 'undo' };

class Correcting {
  constructor(article, store, sheets) {
    Object.assign(this, { article, store, sheets, on: false, chosen: new Set() });
    this.corrections = new Corrections(store, article.querySelector('h1').textContent);
    this.bar = article.querySelector('.correct');
    this.toggle = article.querySelector('.by-hand');
    this.toggle.addEventListener('click', () => this.turn(!this.on));
    for (const sheet of article.querySelectorAll('.sheet[data-cluster]')) this.equip(sheet);
    article.addEventListener('click', (event) => {
      const button = event.target.closest('[data-do]');
      if (button) this.act(button.dataset.do, button);
    });
    article.addEventListener('keydown', (event) => this.pressed(event));
    addEventListener('beforeunload', (event) => { if (this.corrections.unsaved) event.preventDefault(); });
  }

  /** Give a sheet its buttons, which are there while groups are corrected. */
  equip(sheet) {
    const button = (what, text) => {
      const made = element('button', { type: 'button', textContent: text, ariaLabel: `${text} cluster ${sheet.dataset.cluster}` });
      made.dataset.do = what;
      return made;
    };
    sheet.querySelector('.about').after(element('div', { className: 'steps edit', hidden: true }, button('rename', 'Rename…'), button('merge', 'Merge…')));
  }

  turn(on) {
    this.on = on;
    this.toggle.setAttribute('aria-pressed', on);
    if (!on) this.chosen.clear();
    this.show('');
  }

  /** Choose an image, or no longer; false where images are not chosen but opened. */
  choose(tile) {
    if (!this.on) return false;
    const image = Number(tile.dataset.image);
    if (!this.chosen.delete(image)) this.chosen.add(image);
    this.say('');
    this.mark();
    return true;
  }

  pressed(event) {
    if (!this.on || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea')) return;
    if (event.key === 'Escape') { this.chosen.clear(); this.say(''); this.mark(); return; }
    const what = KEYS[event.key.toLowerCase()];
    if (!what) return;
    event.preventDefault();
    this.act(what, event.target);
  }

  /** Do what a key or button asks for; `from` is where it was pressed. */
  async act(what, from) {
    const sheet = from.closest('.sheet');
    const tiles = sheet ? visible(sheet) : [];
    const own = from.dataset.image === undefined ? [] : [Number(from.dataset.image)];
    const group = Number(sheet?.dataset.cluster ?? this.store.clusters[own[0]]);
    const said = await this[what](group, this.chosen.size ? [...this.chosen] : own);
    if (said) this.show(said);
    this.refocus(from, tiles);
  }

  async move(_, images) {
    if (!images.length) return this.say('Choose images first.');
    const own = new Set(images.map((image) => this.store.clusters[image]));
    const choices = [...this.choices(own.size === 1 ? [...own][0] : null), [NEW, 'a new group']];
    const group = await ask(`Move ${plural(images.length, 'image')} to`, choices);
    return group === null ? '' : this.put(images, 'move', group === NEW ? this.corrections.free : Number(group), group === NEW);
  }

  aside(_, images) { return images.length ? this.put(images, 'aside', -1) : this.say('Choose images first.'); }

  put(images, action, group, made = false) {
    const moving = images.filter((image) => this.store.clusters[image] !== group);
    if (!moving.length) return this.say('They are there already.');
    this.corrections.add(...(made ? [['new', group]] : []), ...moving.map((image) => [action, group, image]));
    this.chosen.clear();
    return `${plural(moving.length, 'image')} ${group < 0 ? 'set aside' : `moved to ${this.store.group(group)}`}.`;
  }

  async rename(group) {
    if (!this.corrections.groups.includes(group)) return this.say('Go to an image of the group first.');
    const name = await ask(`Rename cluster ${group}`, null, this.store.names[group]);
    if (name === null || name === this.store.names[group]) return '';
    this.corrections.add(['rename', group, name]);
    return `Cluster ${group} is called ${name || 'nothing'} now.`;
  }

  async merge(group) {
    if (!this.corrections.groups.includes(group)) return this.say('Go to an image of the group first.');
    const into = await ask(`Merge ${this.store.group(group)} into`, this.choices(group));
    if (into === null) return '';
    this.corrections.add(['merge', Number(into), group]);
    return `Cluster ${group} is part of ${this.store.group(Number(into))} now.`;
  }

  undo() {
    const step = this.corrections.undo();
    return step ? 'The last change was taken back.' : this.say('There is nothing to undo.');
  }

  save() {
    this.corrections.save();
    return `${this.corrections.name}.csv was saved, with all corrections.`;
  }

  /** What can be chosen in the dialog: every group but one, with its name and size. */
  choices(but) {
    return this.corrections.groups.filter((group) => group !== but)
      .map((group) => [group, `${group} ${this.store.names[group]} (${plural(this.store.sizes[group], 'image')})`]);
  }

  /** Bring the whole page to how the groups are now. */
  show(said) {
    const { store, article, on } = this;
    this.sheets.search(); // which adds the sheets of new groups
    for (const sheet of article.querySelectorAll('.sheet[data-cluster]')) {
      const group = Number(sheet.dataset.cluster);
      sheet.querySelector('.edit').hidden = !on || group < 0;
      if (group >= 0) {
        const name = store.names[group] ?? '';
        sheet.querySelector('h3').replaceChildren(`Cluster ${group}`, name && ': ', name && element('bdi', { textContent: name }));
      }
      let now = sheet.querySelector('.now');
      if (!now) sheet.querySelector('.about').append(now = element('b', { className: 'now' }));
      const before = group < 0 ? store.made.filter((cluster) => cluster < 0).length : store.counts[group];
      now.textContent = store.sizes[group] === before ? '' : ` · now ${plural(store.sizes[group], 'image')}`;
    }
    this.say(said);
  }

  /** Show on each sheet the images that came to its group, of those `found`; return all that are shown. */
  showMoved(found) {
    const { store, article } = this;
    const shown = new Set();
    const moved = [...found].filter((image) => store.moved(image));
    const groups = new Set(moved.map((image) => store.clusters[image]));
    for (const group of groups) if (!(group in store.counts) && !this.sheetOf(group)) this.addSheet(group);
    for (const sheet of article.querySelectorAll('.sheet[data-cluster]')) {
      sheet.querySelector('.moved')?.remove();
      const came = moved.filter((image) => store.clusters[image] === Number(sheet.dataset.cluster));
      if (!came.length) continue;
      const some = came.slice(0, SHOWN_MOVED);
      for (const image of some) shown.add(image);
      const heading = `Came by hand${came.length > some.length ? `, ${counted(some.length)} of ${counted(came.length)}` : ''}`;
      const strip = element('div', { className: 'strip moved' }, element('h4', { textContent: heading }), element('ul', {}, ...some.map((image) => element('li', {}, thumbnail(store, image)))));
      strip.style.setProperty('--n', some.length);
      sheet.querySelector('.strips').append(strip);
    }
    return shown;
  }

  sheetOf(group) { return this.article.querySelector(`.sheet[data-cluster="${group}"]`); }

  /** A sheet for a new group, or for images set aside, -1, where the page was made without any. */
  addSheet(group) {
    const [title, about] = group < 0 ? ['Set aside', 'In no group'] : [`Cluster ${group}`, 'A new group'];
    const sheet = element('section', { className: `sheet k${group}`, id: `${this.store.place}-c${group}` }, element('h3', { textContent: title }), element('p', { className: 'about', textContent: about }), element('div', { className: 'strips' }));
    sheet.dataset.cluster = group;
    this.equip(sheet);
    this.article.querySelector('.sheets').append(sheet);
  }

  /** Mark what is chosen, on all that shows an image; a button that opens an image says so instead. */
  mark() {
    for (const tile of this.article.querySelectorAll('.sheet [data-image], .more [data-image]')) {
      if (this.on) tile.setAttribute('aria-pressed', this.chosen.has(Number(tile.dataset.image)));
      else tile.removeAttribute('aria-pressed');
      if (this.on) tile.removeAttribute('aria-haspopup');
      else if (tile.tagName === 'FIGURE') tile.setAttribute('aria-haspopup', 'dialog');
    }
  }

  /** Say what was done, how much there is to save, and what is chosen. */
  say(said) {
    const { steps, unsaved } = this.corrections;
    const part = (selector) => this.bar.querySelector(selector);
    this.bar.hidden = !this.on && !steps.length && !unsaved;
    part('output').value = said || (this.chosen.size ? `${plural(this.chosen.size, 'image')} chosen.` : '');
    part('.tally').textContent = steps.length || unsaved ? `${plural(steps.length, 'change')}, ${unsaved ? 'not saved' : 'saved'}` : '';
    part('.next').hidden = unsaved || !steps.length;
    part('[data-do=save]').disabled = !steps.length && !unsaved;
    part('[data-do=undo]').disabled = !steps.length;
    return '';
  }

  /** Keep the keyboard where it was, or at the next image of the sheet, or of the one that its group is part of now. */
  refocus(from, tiles) {
    if (from.isConnected && from.checkVisibility() && !from.disabled) { from.focus(); return; }
    const place = tiles.indexOf(from);
    const here = (tile) => tile.checkVisibility();
    const [, into] = this.corrections.steps.at(-1)?.[0] ?? [];
    const next = tiles.slice(place + 1).find(here) ?? tiles.findLast(here) ?? visible(this.sheetOf(into) ?? this.article).find(here);
    if (next?.closest('.sheet')) rove(next, visible(next.closest('.sheet')));
    (next ?? this.toggle).focus();
  }
}

/** Ask for one of some choices, [value, text], or for a name; null if the user thinks better of it. */
function ask(title, choices, name = '') {
  const dialog = document.getElementById('ask');
  const [select, input] = [dialog.querySelector('select'), dialog.querySelector('input')];
  dialog.querySelector('h2').textContent = title;
  dialog.querySelector('.group').hidden = !choices;
  dialog.querySelector('.name').hidden = Boolean(choices);
  select.replaceChildren(...(choices ?? []).map(([value, text]) => element('option', { value, textContent: text })));
  select.selectedIndex = 0;
  input.value = name;
  return new Promise((done) => {
    const answer = () => (choices ? select.value || null : input.value.trim().replace(/\s+/g, ' '));
    const end = (value) => { stop.abort(); dialog.close(); done(value); };
    const stop = new AbortController();
    const on = (part, kind, handler) => part.addEventListener(kind, handler, { signal: stop.signal });
    on(dialog.querySelector('form'), 'submit', (event) => { event.preventDefault(); end(answer()); });
    on(select, 'dblclick', () => end(answer()));
    on(select, 'keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); end(answer()); } });
    on(dialog.querySelector('[data-close]'), 'click', () => end(null));
    on(dialog, 'cancel', () => end(null));
    dialog.showModal();
    if (choices) select.focus(); else input.select();
  });
}
