// What a script adds to the page, which can be read without one.

const viewer = new Viewer(document.getElementById('viewer'));
const hint = new Hint(document.getElementById('hint'));
for (const article of document.querySelectorAll('article.dataset')) {
  const store = new Store(article);
  new Sheets(article, store, viewer);
  for (const figure of article.querySelectorAll('figure[data-space]')) new ImageMap(figure, store, viewer, hint);
}
for (const part of document.querySelectorAll('.scripted')) part.hidden = false;
