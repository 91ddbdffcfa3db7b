// Pages that are no long lists; here those of findings, devices, keys, and the box for messages.
import { get, post } from "./api.js";
import { byId, count, make } from "./dom.js";
import { diff, frames, notes, why } from "./judged.js";
import { ladder } from "./ladder.js";
import { map } from "./map.js";

// A table, whose roles are said because a narrow page shows its rows as paragraphs.
const list = (rows, columns) => make("table", { role: "table" },
  make("thead", {}, make("tr", { role: "row" }, ...columns.map(([label]) => make("th", { scope: "col", role: "columnheader" }, label)))),
  make("tbody", {}, ...rows.map((row) => make("tr", { role: "row" }, ...columns.map(([label, cell]) => make("td", { role: "cell", "data-label": label }, cell(row) ?? ""))))));
const number = (value) => value === null || value === undefined ? "" : value.toLocaleString("en");
const moment = (text) => text ? text.slice(0, 19).replace("T", " ") : "";

function finding(one, context) {
  return make("article", { class: `card ${one.severity}`, id: `finding-${one.index}` },
    make("h3", {}, `${one.severity}: ${one.title}`),
    make("p", {}, one.device ? `${one.device}: ` : "", one.evidence),
    frames(one.frames, context),
    make("p", {}, `advice: ${one.advice}`),
    make("p", { class: "quiet" }, `${one.rule}; source: ${one.source} (${one.confidence})`));
}

async function findings(context, signal) {
  const told = await get("findings", { capture: context.capture }, signal);
  if (told.state === "running") {
    return { again: 700, content: [make("p", { role: "status" }, "the rules are running …")] };
  }
  const all = told.findings.map((one, index) => ({ ...one, index }));
  const incidents = told.incidents.map((one) => make("article", { class: `card ${one.severity}` },
    make("h3", {}, `incident ${one.number}: ${one.title}`),
    make("p", {}, `probably: ${one.likely_cause}`), make("p", {}, `next: ${one.next_check}`),
    make("p", { class: "quiet" }, `${one.start_seconds.toFixed(1)} s to ${one.end_seconds.toFixed(1)} s, ${count(one.findings.length, "finding")}`),
    make("details", { "data-key": one.title }, make("summary", {}, "its findings"), ...one.findings.map((index) => finding(all[index], context)))));
  return { again: told.state === "live" ? 1500 : 0, content: [
    make("h2", {}, `${count(told.incidents.length, "incident")}, ${count(all.length, "finding")}`), ...incidents,
    make("h2", {}, "all findings"), ...all.map((one) => finding(one, context)),
    ...(all.length ? [] : [make("p", {}, "nothing was found")]),
  ] };
}

async function devices(context, signal) {
  const told = await get("devices", { capture: context.capture, limit: 1000 }, signal);
  const columns = [
    ["name", (row) => row.name], ["role", (row) => row.role], ["EUI-64", (row) => row.eui64],
    ["short", (row) => row.short], ["join", (row) => row.join_state], ["frames", (row) => number(row.frames)],
    ["RSSI dBm", (row) => row.rssi], ["last seen", (row) => moment(row.last_seen)],
    ["", (row) => row.eui64 && row.frames ? make("button", { type: "button", onclick: () => context.filterFor(`nwk_src_eui64 == ${row.eui64} or nwk_dst_eui64 == ${row.eui64} or mac_src == ${row.eui64} or mac_dst == ${row.eui64}`) }, "its frames") : ""],
  ];
  return { again: told.complete ? 0 : 700, content: [make("h2", {}, count(told.total, "device")), list(told.rows, columns)] };
}

async function keys(context, signal) {
  const told = await get("keys", { capture: context.capture }, signal);
  if (told.state === "running") return { again: 700, content: [make("p", { role: "status" }, "the keys are known at the capture's end …")] };
  const needs = (rows, title) => rows.length ? [make("h3", {}, title), list(rows, [
    ["layer", (row) => row.layer], ["frames", (row) => number(row.frames)], ["for", (row) => row.scope || "any network"], ["why", (row) => row.why],
    ["first", (row) => frames(row.first_frames, context)],
  ])] : [];
  return { content: [
    make("h2", {}, `${count(told.frames, "frame")}, ${number(told.secured_frames)} of them secured`),
    make("h3", {}, "keys held (their octets are never shown here)"),
    told.keys.length ? list(told.keys, [["kind", (row) => row.kind], ["scope", (row) => row.scope], ["origin", (row) => row.origin],
      ["learnt in", (row) => row.first_frame ? frames([row.first_frame], context) : ""], ["frames opened", (row) => number(row.frames_opened)]])
      : make("p", {}, "none: hanscope web --keys FILE reads them from a key file"),
    ...(told.needed.length ? needs(told.needed, "keys needed") : [make("p", { class: "ok" }, "no key is needed: every secured frame is open")]),
    ...needs(told.replayed, "replayed"),
  ] };
}

async function paste(context) {
  const box = make("textarea", { id: "pasted", "aria-label": "message", spellcheck: "false", placeholder: "hex, base64, DUIS XML or a radio frame" });
  const kind = make("select", { "aria-label": "kind" }, ...["auto", "gbcs", "dlms", "frame"].map((one) => make("option", {}, one)));
  const out = make("div", { role: "status" });
  const read = async () => {
    out.replaceChildren("reading …");
    try {
      const told = await post("message", box.value, { kind: kind.value });
      out.replaceChildren(...told.messages.map((one) => make("p", {},
        make("button", { type: "button", onclick: () => context.showMessage(one) }, one.source), ` ${one.error ? `not readable: ${one.error.text}` : one.summary}`)));
      if (told.messages.length) context.showMessage(told.messages[0]);
    } catch (error) {
      out.replaceChildren(make("p", { class: "error" }, error.message, error.hint ? ` (${error.hint})` : ""));
    }
  };
  box.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.ctrlKey) read(); });
  const button = make("button", { type: "button", id: "read", onclick: read }, "read it (ctrl+enter)");
  return { content: [make("h2", {}, "a message without a capture"), box, make("p", {}, kind, " ", button), out] };
}

const HELD = 1500; // milliseconds

// What an element is in a page that is made anew: its own key, or what it says and where.
const identity = (one) => one.dataset.key ?? `${one.closest("[data-key], [id]")?.dataset.key ?? ""} ${one.closest("[id]")?.id ?? ""} ${one.tagName} ${one.tagName === "SUMMARY" ? "" : one.textContent}`;

const PAGES = { ladder, map, findings, why, devices, keys, diff, notes, paste };

export class Page {
  constructor(context) {
    this.context = context;
    this.host = byId("page");
  }

  async show(name, renewed = false) {
    this.stop?.abort();
    const stop = this.stop = new AbortController();
    clearTimeout(this.timer);
    if (name !== this.name) this.empty(make("p", { role: "status" }, "…"));
    this.name = name;
    try {
      const { content, again } = await PAGES[name](this.context, stop.signal);
      if (stop.signal.aborted) return;
      if (!renewed) this.empty(...content);
      const held = renewed && !this.put(content);
      if (again || held) this.timer = setTimeout(() => this.show(name, true), again || HELD);
    } catch (error) {
      if (stop.signal.aborted) return;
      this.empty(make("p", { class: "error", role: "alert" }, error.message));
      if (error.status === 409) this.timer = setTimeout(() => this.show(name, true), 900);
    }
  }

  leave() {
    this.stop?.abort();
    clearTimeout(this.timer);
    this.name = undefined;
    this.empty();
  }

  empty(...content) {
    this.html = undefined;
    this.host.replaceChildren(...content);
  }

  // What comes again by itself takes nothing from its reader: what is the same stays, what was unfolded or had the focus
  // has it still, and where words are selected it waits (and says so: false).
  put(content) {
    const next = make("div", {}, ...content), html = next.innerHTML, selection = getSelection();
    if (html === this.html) return true;
    if (!selection.isCollapsed && this.host.contains(selection.anchorNode)) return false;
    const focused = this.host.contains(document.activeElement) ? identity(document.activeElement) : undefined;
    const unfolded = new Map([...this.host.querySelectorAll("details")].map((one) => [identity(one), one.open]));
    for (const one of next.querySelectorAll("details")) one.open = unfolded.get(identity(one)) ?? one.open;
    this.html = html;
    this.host.replaceChildren(...next.childNodes);
    if (focused !== undefined) [...this.host.querySelectorAll("button, a, summary, select, input")].find((one) => identity(one) === focused)?.focus({ preventScroll: true });
    return true;
  }
}
