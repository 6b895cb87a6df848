// Which images a search finds.

/** The words and limits of a search form, with what was left empty as null. */
function askedFor(form) {
  const fields = form.elements;
  const number = (field) => (field && field.value !== '' && !Number.isNaN(Number(field.value)) ? Number(field.value) : null);
  return {
    words: fields.words.value.toLowerCase().split(/\s+/).filter(Boolean),
    cluster: number(fields.cluster),
    label: number(fields.label),
    least: number(fields.least),
    most: number(fields.most),
    boundary: fields.boundary.checked,
    astray: fields.astray?.checked ?? false,
  };
}

/** Whether anything was asked for at all. */
function narrows(asked) {
  return asked.words.length > 0 || asked.boundary || asked.astray
    || [asked.cluster, asked.label, asked.least, asked.most].some((value) => value !== null);
}

/** A word is part of the path, of the label or of the cluster's name, or the cluster's number. All that was asked for must hold. */
function matches(store, image, asked) {
  const cluster = store.clusters[image];
  const confidence = store.confidence[image];
  const path = store.paths[image].toLowerCase();
  const label = store.label(image).toLowerCase();
  const name = store.name(image).toLowerCase();
  return asked.words.every((word) => [path, label, name].some((text) => text.includes(word)) || String(cluster) === word)
    && (asked.cluster === null || cluster === asked.cluster)
    && (asked.label === null || store.labels[image] === asked.label)
    && (asked.least === null || (confidence !== null && confidence >= asked.least))
    && (asked.most === null || (confidence !== null && confidence <= asked.most))
    && (!asked.boundary || store.near[image])
    && (!asked.astray || store.astray(image));
}
