// Builds elements. Data only ever becomes text or an attribute, never markup.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Keeps the children of a list in step with items of {key, json, draw}: a child is drawn again only when its
// json differs, so that focus, selections and open choices elsewhere survive.
export function reconcile(parent, items) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map(({ key, json, draw }) => {
    const before = old.get(key);
    if (before && before.drawnFrom === json) return before;
    const node = draw();
    node.dataset.key = key;
    node.drawnFrom = json;
    return node;
  });
  wanted.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  while (parent.children.length > wanted.length) parent.lastChild.remove();
}

export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

// Only addresses that cannot run anything become links.
export function safeAddress(url) {
  return /^(https?:|mailto:)/i.test(url) ? url : undefined;
}
