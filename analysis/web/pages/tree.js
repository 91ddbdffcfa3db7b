// The tree of fields. A node is made when the one around it is unfolded.
import { byId, make } from "./dom.js";

const MANY = 400;

export class FieldTree {
  constructor(host, choose) {
    this.host = host;
    this.choose = choose;
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("click", (event) => {
      const element = event.target.closest("[role=treeitem]");
      if (!element) return;
      const node = this.known.get(element);
      if (node === this.chosen || event.offsetX < 24 + node.level * 16) this.toggle(node);
      this.select(node);
      element.focus({ preventScroll: true });
    });
  }

  show(tops) {
    // tops: fields with children; `places` says where their octets lie, in their own buffer first.
    this.nodes = []; this.known = new Map(); this.chosen = undefined;
    const grow = (field, parent, level) => {
      const node = { field, parent, level, order: this.nodes.length, children: [], open: false };
      this.nodes.push(node);
      node.children = field.children.map((one) => grow(one, node, level + 1));
      return node;
    };
    this.tops = tops.map((one) => grow(one, undefined, 0));
    const few = this.nodes.length <= MANY;
    for (const node of this.nodes) node.open = node.children.length > 0 && !node.field.folded && (few || node.level < 1);
    this.host.replaceChildren(make("ul", { class: "tree", role: "tree", "aria-label": "fields" }, ...this.tops.map((one) => this.element(one))));
    if (this.tops.length) this.tops[0].element.tabIndex = 0;
  }

  element(node) {
    const { field } = node;
    const label = make("span", { class: field.meaning === null ? "node unnamed" : "node" }, field.text);
    label.style.setProperty("--level", node.level);
    node.element = make("li", { role: "treeitem", tabindex: -1, "aria-level": node.level + 1, "aria-selected": "false" }, label);
    this.known.set(node.element, node);
    if (node.children.length) {
      node.element.setAttribute("aria-expanded", node.open ? "true" : "false");
      if (node.open) this.unfold(node);
    }
    return node.element;
  }

  unfold(node) {
    node.open = true;
    node.element.setAttribute("aria-expanded", "true");
    if (!node.group) {
      node.group = make("ul", { role: "group" }, ...node.children.map((one) => this.element(one)));
      node.element.append(node.group);
    }
  }

  fold(node) {
    node.open = false;
    node.element.setAttribute("aria-expanded", "false");
  }

  toggle(node) {
    if (node.children.length) node.open ? this.fold(node) : this.unfold(node);
  }

  select(node, silent = false) {
    const around = [];
    for (let one = node.parent; one; one = one.parent) around.unshift(one);
    for (const one of around) if (!one.open) this.unfold(one);
    if (this.chosen) { this.chosen.element.setAttribute("aria-selected", "false"); this.chosen.element.tabIndex = -1; }
    else if (this.tops.length) this.tops[0].element.tabIndex = -1;
    this.chosen = node;
    node.element.setAttribute("aria-selected", "true");
    node.element.tabIndex = 0;
    node.element.firstChild.scrollIntoView({ block: "nearest" });
    if (!silent) this.choose(node);
  }

  // The innermost field that an octet belongs to, also of what was opened or put together of it.
  at(buffer, offset) {
    let best, rank;
    for (const node of this.nodes) {
      const { field } = node;
      if (field.bits || !field.places.some((one) => one.buffer === buffer && one.offset <= offset && offset < one.offset + one.length)) continue;
      const mine = [new Set(field.places.map((one) => one.buffer)).size, -field.length, node.order];
      if (!best || mine[0] > rank[0] || (mine[0] === rank[0] && (mine[1] > rank[1] || (mine[1] === rank[1] && mine[2] > rank[2])))) {
        best = node; rank = mine;
      }
    }
    return best;
  }

  visible() {
    const out = [], walk = (nodes) => nodes.forEach((one) => { out.push(one); if (one.open) walk(one.children); });
    walk(this.tops ?? []);
    return out;
  }

  focus() {
    (this.chosen ?? this.tops?.[0])?.element.focus();
  }

  key(event) {
    const node = this.chosen ?? this.tops?.[0];
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = this.visible(), at = all.indexOf(node);
    let next;
    if (event.key === "ArrowDown" || event.key === "j") next = all[at + 1];
    else if (event.key === "ArrowUp" || event.key === "k") next = all[at - 1];
    else if (event.key === "Home") next = all[0];
    else if (event.key === "End") next = all.at(-1);
    else if (event.key === "ArrowRight" || event.key === "l") { if (node.children.length && !node.open) this.unfold(node); else next = node.children[0]; }
    else if (event.key === "ArrowLeft" || event.key === "h") { if (node.open) this.fold(node); else next = node.parent; }
    else if (event.key === " ") this.toggle(node);
    else if (event.key === "Enter") { next = node; byId("hex").focus(); }
    else return;
    event.preventDefault();
    if (next) { this.select(next); if (event.key !== "Enter") next.element.focus({ preventScroll: true }); }
  }
}
