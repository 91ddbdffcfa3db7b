// Octets in lines, a tab for each buffer; the octets of a field are lit, and an octet that is chosen is told.
import { byId, make, tabs } from "./dom.js";

const FIRST = 4096;

export class Octets {
  constructor(choose) {
    this.choose = choose;
    this.pane = byId("hex");
    this.pane.tabIndex = 0;
    this.pane.setAttribute("role", "application");
    this.pane.setAttribute("aria-label", "octets: arrows move, enter goes to the field");
    this.pane.addEventListener("click", (event) => {
      const at = event.target.closest("[data-at]")?.dataset.at;
      if (at !== undefined) { this.move(Number(at)); this.choose(this.name, this.at); }
    });
    this.pane.addEventListener("keydown", (event) => this.key(event));
  }

  show(buffers) {
    this.buffers = buffers;
    this.names = Object.keys(buffers);
    this.places = [];
    this.open(this.names[0]);
  }

  get width() {
    return window.matchMedia("(max-width: 760px)").matches ? 8 : 16;
  }

  open(name) {
    this.name = name; this.at = undefined;
    tabs(byId("buffers"), this.names.map((one) => ({ id: one, label: one })), name, (one) => { this.open(one); this.light(this.places); });
    const text = this.buffers[name] ?? "", count = text.length / 2;
    this.cells = new Map();
    this.pane.replaceChildren(...this.lines(text, 0, Math.min(count, FIRST)));
    if (count > FIRST) {
      const more = make("button", { type: "button", onclick: () => { more.replaceWith(...this.lines(text, FIRST, count)); this.light(this.places); } }, `${count - FIRST} more octets`);
      this.pane.append(more);
    }
    this.pane.setAttribute("aria-label", `${count} octets of ${name}: arrows move, enter goes to the field`);
  }

  lines(text, begin, end) {
    const out = [];
    for (let start = begin; start < end; start += this.width) {
      const line = make("div", { class: "line" }, make("i", {}, start.toString(16).padStart(4, "0") + " "));
      const characters = [];
      for (let at = start; at < start + this.width; at += 1) {
        if (at % 8 === 0 && at > start) line.append(" ");
        if (at >= end) { line.append(make("b", {}, "  ")); continue; }
        const pair = text.slice(2 * at, 2 * at + 2), code = parseInt(pair, 16);
        const octet = make("b", { "data-at": at }, pair);
        const character = make("u", { "data-at": at }, pair === "**" ? "*" : code >= 32 && code < 127 ? String.fromCharCode(code) : ".");
        this.cells.set(at, [octet, character]);
        line.append(octet);
        characters.push(character);
      }
      line.append("  ", ...characters);
      out.push(line);
    }
    return out;
  }

  light(places) {
    // places: where a field lies, in its own buffer first.
    this.places = places;
    for (const cell of this.pane.querySelectorAll(".lit")) cell.classList.remove("lit");
    const here = places.filter((one) => one.buffer === this.name);
    for (const { offset, length } of here) {
      for (let at = offset; at < offset + length; at += 1) this.cells.get(at)?.forEach((cell) => cell.classList.add("lit"));
    }
    const first = here.length ? this.cells.get(here[0].offset)?.[0] : undefined;
    if (first) this.reveal(first);
  }

  reveal(cell) {
    const pane = this.pane, top = cell.offsetTop - pane.offsetTop;
    if (top < pane.scrollTop || top > pane.scrollTop + pane.clientHeight - 24) pane.scrollTop = Math.max(0, top - pane.clientHeight / 3);
  }

  lightIn(places) {
    // The tab of the field's own buffer is opened.
    if (places.length && places[0].buffer !== this.name && this.names.includes(places[0].buffer)) this.open(places[0].buffer);
    this.light(places);
  }

  move(at) {
    const count = (this.buffers[this.name] ?? "").length / 2;
    this.cells.get(this.at)?.forEach((cell) => cell.classList.remove("at"));
    this.at = Math.min(Math.max(0, at), count - 1);
    const cells = this.cells.get(this.at);
    cells?.forEach((cell) => cell.classList.add("at"));
    if (cells) this.reveal(cells[0]);
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.width, ArrowUp: -this.width };
    if (event.key in steps) this.move((this.at ?? -1) + (this.at === undefined ? 1 : steps[event.key]));
    else if (event.key === "Enter" && this.at !== undefined) this.choose(this.name, this.at);
    else return;
    event.preventDefault();
  }
}
