// The filter box: green when it is understood; else a caret under the mistake. Names and words are suggested.
import { get } from "./api.js";
import { byId, make } from "./dom.js";

export class FilterBox {
  constructor(context, apply) {
    // context(): {table, capture}
    Object.assign(this, { context, apply, found: [], chosen: -1 });
    this.box = byId("filter"); this.list = byId("suggestions"); this.mistake = byId("mistake");
    this.box.addEventListener("input", () => this.changed());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    this.list.addEventListener("mousedown", (event) => {
      const at = event.target.closest("li")?.dataset.at;
      event.preventDefault();
      if (at !== undefined) this.take(Number(at));
    });
  }

  get text() {
    return this.box.value.trim();
  }

  set(text) {
    this.box.value = text;
    this.close();
    return this.judge();
  }

  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.judge(); this.suggest(); }, 140);
  }

  async judge() {
    this.stop?.abort();
    this.stop = new AbortController();
    const text = this.text;
    if (!text) { this.told(""); await this.apply(""); return; }
    try {
      const told = await get("filter", { where: text, table: this.context().table }, this.stop.signal);
      if (!told.valid) { this.told("bad", { message: told.error.text, position: told.error.position }); return; }
      this.told("good");
      await this.apply(text);
    } catch (error) {
      if (error.name !== "AbortError") this.told("bad", error);
    }
  }

  told(state, error) {
    this.box.className = state;
    this.box.setAttribute("aria-invalid", state === "bad" ? "true" : "false");
    this.mistake.hidden = !error;
    if (!error) { this.mistake.replaceChildren(); return; }
    const parts = [`filter: ${error.message}`];
    if (error.position !== undefined) {
      // the caret counts characters, as the server does
      const before = [...this.text].slice(0, error.position).length;
      parts.push(make("pre", { "aria-hidden": "true" }, `${this.text}\n`, make("span", {}, " ".repeat(before) + "^")));
    }
    this.mistake.replaceChildren(...parts);
  }

  async suggest() {
    this.asking?.abort();
    this.asking = new AbortController();
    const { table, capture } = this.context();
    const at = [...this.box.value.slice(0, this.box.selectionStart)].length;
    try {
      const told = await get("complete", { where: this.box.value, at, table, capture }, this.asking.signal);
      if (document.activeElement !== this.box) return;
      this.span = [told.begin, told.end];
      this.found = told.suggestions;
      const word = [...this.box.value].slice(told.begin, told.end).join("");
      if (this.found.length === 1 && this.found[0].text === word) this.found = [];
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError") this.close();
    }
  }

  draw() {
    this.chosen = -1;
    this.list.replaceChildren(...this.found.map((one, at) =>
      make("li", { role: "option", id: `suggestion-${at}`, "data-at": at, "aria-selected": "false" }, make("b", {}, one.text), make("span", {}, one.meaning))));
    this.list.hidden = !this.found.length;
    this.box.setAttribute("aria-expanded", this.found.length ? "true" : "false");
    this.box.removeAttribute("aria-activedescendant");
  }

  close() {
    this.found = [];
    this.draw();
  }

  pick(at) {
    this.chosen = (at + this.found.length) % this.found.length;
    [...this.list.children].forEach((one, index) => one.setAttribute("aria-selected", index === this.chosen ? "true" : "false"));
    this.box.setAttribute("aria-activedescendant", `suggestion-${this.chosen}`);
    this.list.children[this.chosen].scrollIntoView({ block: "nearest" });
  }

  take(at) {
    const all = [...this.box.value], one = this.found[at];
    const before = all.slice(0, this.span[0]).join("") + one.text + " ";
    this.box.value = before + all.slice(this.span[1]).join("").trimStart();
    this.box.setSelectionRange(before.length, before.length);
    this.close();
    this.changed();
  }

  key(event) {
    if (this.found.length && event.key === "ArrowDown") this.pick(this.chosen + 1);
    else if (this.found.length && event.key === "ArrowUp") this.pick(this.chosen < 0 ? -1 : this.chosen - 1);
    else if (this.found.length && (event.key === "Tab" || (event.key === "Enter" && this.chosen >= 0)) && !event.shiftKey) this.take(Math.max(0, this.chosen));
    else if (event.key === "Enter") { this.close(); this.judge(); this.left?.(); }
    else if (event.key === "Escape" && this.found.length) this.close();
    else if (event.key === "Escape") this.left?.();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
