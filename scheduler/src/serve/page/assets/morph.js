// Makes one tree like another by changing as little as can be: what has the focus keeps it, what was
// folded open stays open, and what did not change is not touched. Both trees come from this server.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : '');

const isAlike = (a, b) =>
  a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function morphAttributes(from, to) {
  // Folding is the reader's, once the page is there.
  const isOurs = (name) => !(name === 'open' && from.nodeName === 'DETAILS');
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && isOurs(name)) from.removeAttribute(name);
  }
  for (const { name, value } of [...to.attributes]) {
    if (isOurs(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
}

function morphChildren(from, to) {
  const wantedKeys = new Set([...to.childNodes].map(keyOf));
  const keyed = new Map();
  for (const child of [...from.childNodes]) {
    const key = keyOf(child);
    if (!key) continue;
    // First of all, so that what follows need not be moved: what is moved loses its focus.
    if (wantedKeys.has(key)) keyed.set(key, child);
    else child.remove();
  }
  let next = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = keyOf(wanted);
    let found = null;
    if (key) {
      found = keyed.get(key) ?? null;
      if (found && !isAlike(found, wanted)) found = null;
    } else if (next && isAlike(next, wanted)) {
      found = next;
    }
    if (!found) {
      from.insertBefore(document.adoptNode(wanted), next);
      continue;
    }
    if (found === next) next = next.nextSibling;
    else from.insertBefore(found, next);
    morph(found, wanted);
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

/** Makes `from` like `to`, which is of the same kind and is used up. */
export function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.hasAttribute('data-keep')) return;
  morphAttributes(from, to);
  morphChildren(from, to);
}
