// The images of a dataset that the page has at hand, read from the JSON beside its sections.

/** Numbers of 16 bits, low byte first, from base64. */
function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 2 }, (_, place) => view.getUint16(2 * place, true));
}

class Store {
  /** @param {Element} article the dataset's part of the page */
  constructor(article) {
    const content = JSON.parse(article.querySelector('script.store').textContent);
    Object.assign(this, content);
    this.place = article.id;
    // As the page was made: clusters, names, sizes and confidences, which corrections change; and the run's own clusters.
    Object.assign(this, { made: content.clusters, called: content.names, counts: content.sizes, sure: content.confidence });
    this.found ??= content.clusters;
    this.mapped = unpacked(content.mapped);
    this.spaces = content.spaces.map((space) => ({
      ...space,
      nearest: unpacked(space.nearest),
      points: unpacked(space.points).map((number) => number / 10),
    }));
    this.pictures = new Pictures(content.sprites);
    this.length = this.paths.length;
    this.all = Array.from(this.paths, (_, image) => image);
  }

  /** Whether the page holds only some of the dataset's images. */
  get sampled() { return this.length < this.images; }

  /** What the cluster of an image is called, '' where it has no name. */
  name(image) { return this.names[this.clusters[image]] ?? 'set aside'; }

  /** Whether an image is in another group than when the page was made. */
  moved(image) { return this.clusters[image] !== this.made[image]; }

  /** A group in words: "cluster 3 daisy". */
  group(number) { return number < 0 ? 'set aside' : `cluster ${number} ${this.names[number]}`.trim(); }

  label(image) { return this.labels[image] < 0 ? '' : this.classes[this.labels[image]]; }

  /** Whether most images of its label are in another cluster. */
  astray(image) { return this.labels[image] >= 0 && this.homes[this.labels[image]] !== this.clusters[image]; }

  /** The images nearest to one in a view, the nearest first. */
  nearest(space, image) { return space.nearest.slice(image * space.count, (image + 1) * space.count); }

  /** [cluster, images] of some images, the commonest first; of equally common ones the image's own, then by number. */
  tally(images, own) {
    const counts = new Map();
    for (const image of images) counts.set(this.clusters[image], (counts.get(this.clusters[image]) ?? 0) + 1);
    return [...counts].sort(([a, inA], [b, inB]) => inB - inA || (b === own) - (a === own) || a - b);
  }
}

/** Thousands apart by a narrow no-break space, as on the rest of the page. */
function counted(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, '\u202f'); }

function plural(number, noun) { return `${counted(number)} ${noun}${number === 1 ? '' : 's'}`; }

function fraction(value) { return value === null ? '–' : value.toFixed(2); }

/** An element with properties and children; text stays text, whatever it holds. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
