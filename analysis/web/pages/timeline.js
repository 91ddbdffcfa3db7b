// The timeline: frames in each span of the capture; a part of it that is brushed becomes part of the filter.
import { get } from "./api.js";
import { byId, draw, make } from "./dom.js";

const CLAUSE = /^(?:\(([\s\S]*)\) and )?time >= '([^']+)' and time < '([^']+)'$/, HEIGHT = 44;

// A filter without the span that was brushed, and that span.
export function parted(text) {
  const found = CLAUSE.exec(text.trim());
  return found ? { base: found[1] ?? "", begin: found[2], end: found[3] } : { base: text.trim() };
}

export const joined = (base, begin, end) => `${base ? `(${base}) and ` : ""}time >= '${begin}' and time < '${end}'`;

const instant = (ns) => `${new Date(Number(ns / 1000000000n) * 1000).toISOString().slice(0, 19)}.${String(ns % 1000000000n).padStart(9, "0")}Z`;

export const lasting = (ms) => (ms < 120000 ? `${(ms / 1000).toFixed(ms < 10000 ? 3 : 1)} s` : ms < 7200000 ? `${(ms / 60000).toFixed(1)} min` : `${(ms / 3600000).toFixed(1)} h`);

export class Timeline {
  constructor(choose) {
    // choose(filter): what was brushed, with what the filter asked for before.
    Object.assign(this, { choose, zoom: {}, where: "", at: 0, from: undefined });
    this.host = byId("timeline");
    this.strip = make("div", { class: "strip", role: "slider", tabindex: 0, "aria-label": "timeline: arrows move, with shift they brush, enter filters, escape clears" });
    this.said = make("span", { class: "quiet", id: "timeline-said" });
    this.zoomIn = make("button", { type: "button", class: "linklike", hidden: true, onclick: () => this.look({ begin: Math.floor(this.span[0]), end: Math.ceil(this.span[1]) }) }, "look closer");
    this.zoomOut = make("button", { type: "button", class: "linklike", hidden: true, onclick: () => this.look({}) }, "all of it");
    this.clear = make("button", { type: "button", class: "linklike", hidden: true, onclick: () => this.take(parted(this.where).base) }, "clear the span");
    this.host.replaceChildren(this.strip, make("div", { class: "under" }, this.said, this.zoomIn, this.zoomOut, this.clear));
    this.strip.addEventListener("pointerdown", (event) => this.pressed(event));
    this.strip.addEventListener("pointermove", (event) => { if (this.from !== undefined && this.strip.hasPointerCapture(event.pointerId)) { this.at = this.binAt(event); this.paint(); } });
    this.strip.addEventListener("pointerup", (event) => this.released(event));
    this.strip.addEventListener("pointercancel", () => { this.from = undefined; this.paint(); });
    this.strip.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => { if (this.told && Math.abs(this.bins() - this.told.all.length) > 20) this.renew(); }).observe(this.strip);
  }

  bins() { return Math.max(40, Math.min(600, Math.floor((this.strip.clientWidth || 600) / 3))); }

  show(capture, where) {
    if (capture !== this.capture) { this.zoom = {}; this.told = undefined; this.from = undefined; }
    Object.assign(this, { capture, where });
    return this.renew();
  }

  look(zoom) { this.zoom = zoom; return this.renew(); }

  async renew() {
    this.stop?.abort();
    const stop = this.stop = new AbortController();
    const { base, begin, end } = parted(this.where);
    try {
      const told = await get("timeline", { capture: this.capture, where: base, bins: this.bins(), ...this.zoom }, stop.signal);
      this.told = told;
      const start = BigInt(told.start_ns), ms = (text) => Number(BigInt(Date.parse(text.slice(0, 19) + "Z")) * 1000000n + BigInt((text.slice(20, -1) || "0").padEnd(9, "0")) - start) / 1e6;
      this.span = begin ? [ms(begin), ms(end)] : undefined;
      this.at = Math.min(this.at, told.all.length - 1);
      this.paint();
    } catch (error) {
      if (!stop.signal.aborted) this.said.textContent = error.status === 409 ? "" : error.message;
    }
  }

  // --- drawing

  paint() {
    const { told } = this, count = told.all.length, most = Math.max(1, ...told.all);
    const tall = (value) => (value ? Math.max(2, Math.sqrt(value / most) * (HEIGHT - 4)) : 0);
    const bars = (values, kind) => draw("path", { class: kind, d: values.map((value, at) => (value ? `M${at} ${HEIGHT}v${-tall(value)}h1v${tall(value)}z` : "")).join("") });
    const parts = [bars(told.all, told.chosen ? "every" : "some")];
    if (told.chosen) parts.push(bars(told.chosen, "some"));
    parts.push(draw("path", { class: "trouble", d: told.trouble.map((value, at) => (value ? `M${at} 0h1v4h-1z` : "")).join("") }));
    const brush = this.brushed();
    if (brush) parts.push(draw("rect", { class: "brush", x: brush[0], y: 0, width: Math.max(0.5, brush[1] - brush[0]), height: HEIGHT }));
    parts.push(draw("path", { class: "cursor", d: `M${this.at + 0.5} 0v${HEIGHT}` }));
    this.strip.replaceChildren(draw("svg", { viewBox: `0 0 ${count} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...parts));
    this.tell(brush);
  }

  brushed() {
    if (this.from !== undefined) return [Math.min(this.from, this.at), Math.max(this.from, this.at) + 1];
    if (!this.span) return undefined;
    const { begin, step, all } = this.told, place = (value) => Math.min(Math.max((value - begin) / step, 0), all.length);
    return this.span.map(place);
  }

  tell(brush) {
    const { told } = this, at = (bin) => told.begin + bin * told.step, values = told.chosen ?? told.all;
    const [low, high] = this.from !== undefined && brush ? brush : [this.at, this.at + 1];
    const sum = values.slice(low, high).reduce((one, two) => one + two, 0), bad = told.trouble.slice(low, high).reduce((one, two) => one + two, 0);
    const text = `${lasting(at(low))} to ${lasting(at(high))}: ${sum.toLocaleString("en")} frames${bad ? `, ${bad.toLocaleString("en")} of all with trouble` : ""}`;
    const own = this.span ? `only ${lasting(this.span[0])} to ${lasting(this.span[1])}` : "";
    this.said.textContent = this.from === undefined && !this.moving ? own || `${lasting(told.milliseconds)}, ${told.start.slice(0, 19).replace("T", " ")} UTC` : text;
    for (const [name, value] of [["valuemin", 0], ["valuemax", told.all.length - 1], ["valuenow", this.at], ["valuetext", text]]) this.strip.setAttribute(`aria-${name}`, value);
    this.zoomIn.hidden = !this.span || this.zoom.end !== undefined;
    this.zoomOut.hidden = this.zoom.end === undefined;
    this.clear.hidden = !this.span;
  }

  // --- brushing

  binAt(event) {
    const box = this.strip.getBoundingClientRect(), count = this.told.all.length;
    return Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * count)));
  }

  pressed(event) {
    if (!this.told || event.button) return;
    this.strip.setPointerCapture(event.pointerId);
    this.at = this.from = this.binAt(event);
    this.paint();
  }

  released(event) {
    if (this.from === undefined) return;
    this.at = this.binAt(event);
    const moved = this.from !== this.at;
    if (moved) this.apply(); else this.drop();
  }

  apply() {
    this.moving = false;
    const { told } = this, [low, high] = this.brushed() ?? [this.at, this.at + 1];
    const moment = (bin) => instant(BigInt(told.start_ns) + BigInt(Math.round((told.begin + bin * told.step) * 1e6)));
    this.from = undefined;
    this.take(joined(parted(this.where).base, moment(low), moment(high)));
  }

  // The span goes, also while the answer that draws it is still awaited: the filter knows of it before the strip does.
  drop() {
    this.from = undefined;
    this.moving = false;
    const { base, begin } = parted(this.where);
    if (begin) this.take(base); else this.paint();
  }

  take(text) {
    this.where = text;
    this.choose(text);
  }

  key(event) {
    if (!this.told || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.told.all.length - 1, step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -last, End: last }[event.key];
    if (step) {
      if (event.shiftKey) this.from ??= this.at; else this.from = undefined;
      this.at = Math.min(last, Math.max(0, this.at + step));
      this.moving = true;
      this.paint();
    } else if (event.key === "Enter") this.apply();
    else if (event.key === "Escape") this.drop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
