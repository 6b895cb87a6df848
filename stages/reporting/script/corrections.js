// Corrections by hand: what was done to the groups, in steps that can be taken back, and the file that says so.

const MEMBERS = 30; // images that a group is known by in the file
const HEADER = ['action', 'group', 'value'];

class Corrections {
  /** @param {string} name the dataset's, of which the file is called */
  constructor(store, name) {
    Object.assign(this, { store, name, steps: [], saved: 0 });
    // Another page about the same dataset has other groups, to which these steps would mean nothing.
    this.key = `manyviews ${name} ${digest(JSON.stringify([store.paths, store.found, store.made, store.corrections]))}`;
    try {
      const { steps, saved } = JSON.parse(localStorage.getItem(this.key)) ?? this;
      Object.assign(this, { steps, saved });
    } catch { /* there is no storage, or it is not ours */ }
    this.apply();
  }

  /** Whether there is something that no saved file holds. */
  get unsaved() { return this.steps.length !== this.saved; }

  /** The groups that images can be moved to: new ones, and those of which the page has images that the run put there, by which the file names them. */
  get groups() {
    const made = this.steps.flat().filter(([action]) => action === 'new').map(([, group]) => group);
    const there = new Set([...this.store.found, ...Object.values(this.store.corrections?.groups ?? {}), ...made]);
    return Object.keys(this.store.names).map(Number)
      .filter((group) => this.store.sizes[group] > 0 && there.has(group)).sort((a, b) => a - b);
  }

  /** A number that no group on the page has, or had. */
  get free() {
    const { store } = this;
    return 1 + Math.max(...Object.keys(store.sizes), ...Object.values(store.corrections?.groups ?? {}), ...new Set(store.found));
  }

  /** Do some changes, each [action, group, value], as one step. */
  add(...changes) {
    this.steps.push(changes);
    this.changed();
  }

  /** Take the last step back; return what it was. */
  undo() {
    const step = this.steps.pop();
    if (this.steps.length < this.saved) this.saved = -1; // the saved file says more than is so now
    this.changed();
    return step;
  }

  changed() {
    this.apply();
    try { localStorage.setItem(this.key, JSON.stringify({ steps: this.steps, saved: this.saved })); } catch { /* none */ }
  }

  /** Bring clusters, names and sizes from how the page was made to how they are after all steps. */
  apply() {
    const { store } = this;
    store.clusters = [...store.made];
    store.names = { ...store.called };
    store.sizes = { ...store.counts, [-1]: store.made.filter((cluster) => cluster < 0).length };
    for (const [action, group, value] of this.steps.flat()) {
      if (action === 'new') {
        store.names[group] = '';
        store.sizes[group] = 0;
      } else if (action === 'rename') {
        store.names[group] = value;
      } else if (action === 'merge') {
        store.clusters = store.clusters.map((cluster) => (cluster === value ? group : cluster));
        store.sizes[group] += store.sizes[value];
        store.sizes[value] = 0;
      } else {
        const from = store.clusters[value];
        const to = action === 'move' ? group : -1;
        store.clusters[value] = to;
        store.sizes[from] -= 1;
        store.sizes[to] += 1;
      }
    }
    store.confidence = store.sure.map((value, image) => (store.moved(image) ? null : value)); // it was that of the other group
  }

  /** The file's text: the rows that were applied already, then those of the steps. */
  text() {
    const { rows: earlier = [], groups = {} } = this.store.corrections ?? {};
    const keys = new Map(Object.entries(groups).filter(([, cluster]) => cluster !== null).map(([key, cluster]) => [cluster, key]));
    const members = [];
    const key = (cluster) => {
      if (!keys.has(cluster)) {
        let free = `g${cluster}`;
        while (free in groups) free += '_';
        keys.set(cluster, free);
        members.push(...this.surest(cluster).map((image) => ['member', free, this.store.paths[image]]));
      }
      return keys.get(cluster);
    };
    const later = this.steps.flat().map(([action, group, value]) => [
      action,
      action === 'aside' ? '' : key(group),
      { new: () => String(group), rename: () => value, merge: () => key(value) }[action]?.() ?? this.store.paths[value],
    ]);
    return [HEADER, ...lasting([...earlier, ...members, ...later])].map((row) => `${row.map(field).join(',')}\n`).join('');
  }

  /** Some of the images that the run put into a group, by which another run's group is found: the surest ones. */
  surest(group) {
    const { store } = this;
    const sure = (image) => (store.clusters[image] === group ? 1 : 0) + store.sure[image];
    return store.all.filter((image) => store.found[image] === group).sort((a, b) => sure(b) - sure(a) || a - b).slice(0, MEMBERS);
  }

  /** Hand the file over as a download. */
  save() {
    const link = element('a', { href: URL.createObjectURL(new Blob([this.text()], { type: 'text/csv' })), download: `${this.name}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.saved = this.steps.length;
    this.changed();
  }
}

/** Rows without those that a later one makes void: where an image went before, what a group was called before. */
function lasting(rows) {
  const seen = new Set();
  const about = ([action, group, value]) => ({ move: `image ${value}`, aside: `image ${value}`, rename: `group ${group}` }[action]);
  const last = (row) => !seen.has(about(row)) && seen.add(about(row));
  return rows.reverse().filter((row) => !about(row) || last(row)).reverse();
}

/** A field of a CSV file as RFC 4180 has it. */
function field(text) { return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; }

/** A number for a text, another one for most others. */
function digest(text) {
  let number = 0;
  for (let place = 0; place < text.length; place++) number = (Math.imul(number, 31) + text.charCodeAt(place)) | 0;
  return number >>> 0;
}
