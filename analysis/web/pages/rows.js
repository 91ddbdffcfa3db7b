// A list of any length: only the rows in view are elements, and only the pages in view are asked for.
import { make } from "./dom.js";

const PAGE = 200, PAGES = 60, TALLEST = 8000000;

export class Rows {
  // columns: [{name, width, text(row), kind(row), narrow}]; load(offset, limit, signal) gives {rows, total, generation}.
  constructor(host, { columns, load, choose, enter, label, told }) {
    Object.assign(this, { columns, load, choose, enter, told });
    this.total = 0; this.top = 0; this.cursor = -1; this.generation = undefined;
    this.pages = new Map(); this.asked = new Map(); this.drawn = []; this.version = 0;
    this.spacer = make("div", { class: "spacer" });
    this.body = make("div", { class: "rows", role: "rowgroup" });
    this.scroller = make("div", { class: "scroller", role: "grid", tabindex: 0, "aria-label": label }, this.spacer, this.body);
    const heading = make("div", { class: "heading", "aria-hidden": "true" }, ...columns.map((one) => make("span", { class: one.number ? "number" : "" }, one.label ?? one.name)));
    host.style.setProperty("--columns", columns.map((one) => one.width).join(" "));
    host.replaceChildren(heading, this.scroller);
    this.scroller.addEventListener("scroll", () => this.scrolled());
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.scroller);
    this.measure();
  }

  close() {
    this.observer.disconnect();
    for (const one of this.asked.values()) one.abort();
    this.asked.clear();
  }

  measure() {
    const seen = this.cursor >= 0 && this.inView(this.cursor); // what is chosen stays in view when the room changes
    this.height = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 24;
    this.view = this.scroller.clientHeight || 1;
    const tall = this.total * this.height, spacer = Math.min(tall, TALLEST);
    this.spacer.style.height = `${spacer}px`;
    this.most = Math.max(0, this.total - this.view / this.height);
    const room = Math.max(0, spacer - this.view);
    this.ratio = room > 0 ? this.most / room : 0;
    this.scaled = tall > TALLEST;
    this.goto(this.top);
    if (seen) this.show(this.cursor);
  }

  inView(row) {
    return row >= Math.floor(this.top) && row < this.top + this.view / this.height;
  }

  show(row) {
    const shown = Math.floor(this.view / this.height);
    if (row < this.top) this.goto(row);
    else if (row > this.top + shown - 1) this.goto(row - shown + 1);
    else this.draw();
  }

  goto(top) {
    this.top = Math.min(Math.max(0, top), this.most);
    this.expected = this.ratio > 0 ? this.top / this.ratio : 0;
    this.scroller.scrollTop = this.expected;
    this.draw();
  }

  scrolled() {
    if (Math.abs(this.scroller.scrollTop - this.expected) <= 1) return;
    this.expected = this.scroller.scrollTop;
    this.top = this.expected * this.ratio;
    this.draw();
  }

  wheel(event) {
    if (!this.scaled || event.ctrlKey) return; // short lists scroll by themselves
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 1 : event.deltaMode === 2 ? this.view / this.height : 1 / this.height;
    this.goto(this.top + event.deltaY * unit);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.view / this.height) - 1);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) this.select(this.cursor + steps[event.key]);
    else if (event.key === "Home" || event.key === "g") this.select(0);
    else if (event.key === "End" || event.key === "G") this.select(this.total - 1);
    else if (event.key === "Enter") this.enter?.();
    else return;
    event.preventDefault();
  }

  clicked(event) {
    const row = event.target.closest(".row");
    if (row) this.select(Number(row.dataset.row));
  }

  select(row, silent = false) {
    if (!this.total) return;
    this.cursor = Math.min(Math.max(0, row), this.total - 1);
    this.show(this.cursor);
    if (!silent) this.tell();
  }

  tell() {
    clearTimeout(this.telling);
    this.untold = this.cursor; // it may have to be loaded first
    this.telling = setTimeout(() => this.tellNow(), 60);
  }

  tellNow() {
    const row = this.untold === this.cursor ? this.row(this.cursor) : undefined;
    if (!row) return;
    this.untold = undefined;
    this.choose?.(row, this.cursor);
  }

  row(number) {
    return this.pages.get(Math.floor(number / PAGE))?.[number % PAGE];
  }

  renew() {
    // The filter changed, or the capture: begin anew.
    this.version += 1;
    for (const one of this.asked.values()) one.abort();
    this.asked.clear();
    this.pages.clear();
    this.cursor = -1; this.top = 0;
    return this.page(0);
  }

  grown() {
    // More may have come: what is not full is asked for again.
    for (const [page, rows] of this.pages) if (rows.length < PAGE) this.pages.delete(page);
    return this.page(Math.min(Math.floor(this.top / PAGE), Math.floor(this.total / PAGE)), true);
  }

  async page(number, again = false) {
    if ((this.pages.has(number) && !again) || this.asked.has(number)) return;
    const stop = new AbortController(), version = this.version;
    this.asked.set(number, stop);
    try {
      const found = await this.load(number * PAGE, PAGE, stop.signal);
      if (version !== this.version) return;
      if (this.generation !== undefined && found.generation !== this.generation) this.pages.clear();
      this.generation = found.generation;
      this.pages.delete(number);
      if (found.rows.length || number === 0) this.pages.set(number, found.rows);
      while (this.pages.size > PAGES) this.pages.delete(this.pages.keys().next().value);
      const grew = found.total !== this.total;
      this.total = found.total;
      this.scroller.setAttribute("aria-rowcount", this.total);
      this.asked.delete(number);
      const tail = this.following && this.top >= this.most - 1;
      if (grew) this.measure(); else this.draw();
      if (tail) this.goto(this.most);
      this.tellNow();
      this.told?.(found);
    } catch (error) {
      if (error.name !== "AbortError" && version === this.version) this.told?.(null, error);
    } finally {
      if (this.asked.get(number) === stop) this.asked.delete(number);
    }
  }

  draw() {
    const first = Math.floor(this.top), count = Math.min(Math.ceil(this.view / this.height) + 1, this.total - first);
    while (this.drawn.length < count) this.drawn.push(this.body.appendChild(this.element()));
    const wanted = new Set();
    for (let at = 0; at < this.drawn.length; at += 1) {
      const element = this.drawn[at], number = first + at;
      element.hidden = at >= count;
      if (element.hidden) { element.removeAttribute("id"); element.classList.remove("chosen"); continue; }
      wanted.add(Math.floor(number / PAGE));
      this.fill(element, number);
    }
    this.body.style.transform = `translateY(${this.scroller.scrollTop - (this.top - first) * this.height}px)`;
    if (this.cursor >= 0) this.scroller.setAttribute("aria-activedescendant", `row-${this.cursor}`);
    else this.scroller.removeAttribute("aria-activedescendant");
    for (const [page, stop] of this.asked) if (!wanted.has(page) && page !== 0) { stop.abort(); this.asked.delete(page); }
    for (const page of wanted) this.page(page);
  }

  element() {
    return make("div", { class: "row", role: "row" }, ...this.columns.map((one) =>
      make("span", { role: "gridcell", class: [one.number && "number", one.narrow && `narrow-${one.narrow}`].filter(Boolean).join(" ") })));
  }

  fill(element, number) {
    const row = this.row(number), chosen = number === this.cursor;
    element.dataset.row = number;
    element.id = `row-${number}`;
    element.setAttribute("aria-rowindex", number + 1);
    element.setAttribute("aria-selected", chosen ? "true" : "false");
    element.classList.toggle("chosen", chosen);
    element.classList.toggle("waiting", !row);
    this.columns.forEach((column, at) => {
      const cell = element.children[at], text = row ? column.text(row) ?? "" : at === 0 ? "…" : "";
      if (cell.textContent !== text) cell.textContent = text;
      if (column.kind) {
        const kind = row ? column.kind(row) ?? "" : "";
        if (cell.dataset.kind !== kind) {
          if (cell.dataset.kind) cell.classList.remove(cell.dataset.kind);
          if (kind) cell.classList.add(kind);
          cell.dataset.kind = kind;
        }
      }
      cell.title = column.width.includes("fr") || text.length > 20 ? text : "";
    });
  }
}
