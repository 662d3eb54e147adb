// The page's elements. Data only ever becomes text.
const byId = (id) => document.getElementById(id);

/** Sets a text where it has changed, so that nothing is read out again. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Makes the children of `parent` those of `items`, and keeps what is there: a focus must survive each second. */
function reconcile(parent, items, key, build, update) {
  const kept = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = new Set(items.map(key));
  for (const [name, child] of kept) if (!wanted.has(name)) child.remove();
  let previous = null;
  for (const item of items) {
    const name = key(item);
    let child = kept.get(name);
    if (!child) {
      child = build(item);
      child.dataset.key = name;
    }
    const place = previous ? previous.nextSibling : parent.firstChild;
    if (place !== child) parent.insertBefore(child, place);
    update(child, item);
    previous = child;
  }
}

/** Fills a table's body; `cells` gives a text, an element's builder or [class, text] for each column of an item. */
function fill(table, items, key, cells, none) {
  const body = table.tBodies[0];
  const columns = table.tHead.rows[0].cells.length;
  if (items.length === 0) {
    const cell = make("td", { colSpan: columns, textContent: none });
    if (body.textContent !== none) body.replaceChildren(make("tr", {}, cell));
    return;
  }
  const build = () => make("tr", {}, ...Array.from({ length: columns }, () => make("td")));
  reconcile(body, items, key, build, (row, item) => {
    cells(item).forEach((value, column) => {
      const cell = row.cells[column];
      cell.className = table.tHead.rows[0].cells[column].className;
      if (typeof value === "function") value(cell);
      else if (Array.isArray(value)) {
        cell.classList.add(value[0]);
        say(cell, value[1]);
      } else say(cell, value);
    });
  });
}
