// Elements, whose texts are always texts: nothing that a capture holds is ever read as markup.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((one) => one !== null && one !== undefined).map((one) => (one instanceof Node ? one : String(one))));
  return element;
}

export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

export function tabs(host, names, chosen, choose) {
  // A row of tabs: arrows move, the chosen one alone is in the order of the tab key.
  host.replaceChildren(
    ...names.map(({ id, label }) =>
      make("button", {
        type: "button", role: "tab", "data-id": id, "aria-selected": id === chosen ? "true" : "false",
        tabindex: id === chosen ? 0 : -1, onclick: () => choose(id),
      }, label)),
  );
  host.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...host.children];
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    event.preventDefault();
    const id = next.dataset.id;
    next.click();
    [...host.children].find((one) => one.dataset.id === id)?.focus();
  };
}

export const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

export const seconds = (value) => (value === null || value === undefined ? "" : Number(value).toFixed(6));

export function typing(event) {
  const element = event.target;
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}
