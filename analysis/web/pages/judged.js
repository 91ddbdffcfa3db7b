// Why a device does not work, where two captures part, and notes.
import { get, post } from "./api.js";
import { count, make } from "./dom.js";

const MARKS = { reached: "✓", failed: "✗", implied: "(✓)", "under way": "…", "not seen": "–" };
const headings = { "step failed": "a step failed", findings: "no step failed, but something was found" };
const running = (text) => ({ again: 800, content: [make("p", { role: "status" }, text)] });

export function frames(numbers, context, most = 12) {
  const shown = numbers.slice(0, most).map((one) => make("button", { type: "button", onclick: () => context.openFrame(one), "aria-label": `frame ${one}` }, one));
  const all = numbers.length > 1 && numbers.length <= 500
    ? make("button", { type: "button", class: "linklike", onclick: () => context.filterFor(`frame in (${numbers.join(", ")})`) }, `these ${numbers.length} in the list`) : null;
  return make("div", { class: "frames" }, "frames ", ...shown, all);
}

function step(one, context) {
  return make("li", { class: `joined ${one.state.replace(" ", "-")}` },
    make("span", { class: "mark", "aria-hidden": "true" }, MARKS[one.state] ?? "–"),
    make("div", {}, make("b", {}, one.title), ` ${one.text.startsWith(one.state) ? one.text : one.state + (one.text ? `: ${one.text}` : "")}`,
      one.check_next ? make("p", {}, `check: ${one.check_next}`) : null,
      one.frames.length ? frames(one.frames, context, 6) : null));
}

function device(one, context, open) {
  const { name, role, eui64, short } = one.device, called = name || role || eui64 || short;
  const state = { "step failed": "error", findings: "warning" }[one.verdict] ?? "";
  return make("details", { class: `card ${state}`, "data-key": eui64 || short || called, open },
    make("summary", {}, make("b", {}, called), ` ${[eui64, role].filter((said) => said && said !== called && said !== "HOME").join(", ")}: ${one.verdict}`),
    make("ol", { class: "joining" }, ...one.steps.map((said) => step(said, context))),
    ...one.findings.map((said) => make("p", {}, make("b", {}, `${said.severity}: ${said.title}`), `: ${said.evidence}`, frames(said.frames, context, 6))));
}

export async function why(context, signal) {
  const told = await get("why", { capture: context.capture }, signal);
  if (told.state === "running") return running("the steps of every device are being looked at …");
  const bad = (one) => one.verdict === "step failed" || one.verdict === "findings";
  const opened = new Set([...document.querySelectorAll("#page details[open] > summary > b")].map((one) => one.textContent));
  const anew = !document.querySelector("#page .joining");
  const all = [told.home, ...told.devices].filter((one) => one.steps.length || one.findings.length);
  const cards = [...all.filter(bad), ...all.filter((one) => !bad(one))].map((one) => {
    const called = one.device.name || one.device.role || one.device.eui64 || one.device.short;
    return device(one, context, anew ? bad(one) : opened.has(called));
  });
  return { again: told.state === "live" ? 2500 : 0, content: [
    make("h2", {}, `why: ${headings[told.verdict] ?? told.verdict}`), ...cards,
    make("details", {}, make("summary", {}, "what was looked at"), make("dl", {}, ...Object.entries(told.looked_at).flatMap(([name, value]) =>
      [make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))]))),
    ...(told.cannot_tell.length ? [make("h3", {}, "what this capture cannot tell"), make("ul", {}, ...told.cannot_tell.map((one) => make("li", {}, one)))] : []),
  ] };
}

function divergence(one, context, openIn, other) {
  const link = (number, capture) => number === null ? null : make("button", { type: "button", onclick: () => openIn(capture, number) }, `frame ${number}`);
  return make("article", { class: "card warning" }, make("h3", {}, `${one.conversation}: ${one.kind}`),
    make("p", { class: "quiet" }, `${one.seconds.toFixed(3)} s in, after ${one.after}`),
    make("div", { class: "sides" },
      make("div", {}, "this one ", link(one.good_frame, context.capture), make("ul", {}, ...one.good.map((said) => make("li", {}, `− ${said}`)))),
      make("div", {}, "the other ", link(one.faulty_frame, other), make("ul", {}, ...one.faulty.map((said) => make("li", {}, `+ ${said}`))))));
}

let compared = "";
export async function diff(context, signal) {
  const others = context.captures.filter((one) => one.id !== context.capture && one.state !== "live");
  const explanation = make("p", {}, "This capture is taken for the good one. The other one:");
  if (!others.length) return { content: [make("h2", {}, "two captures side by side"), make("p", {}, "Open another capture to compare this one with: drop it here, or choose its file by 'open a capture'.")] };
  if (!others.some((one) => one.id === compared)) compared = others[0].id;
  const chosen = make("select", { id: "compared", "aria-label": "the other capture" }, ...others.map((one) => make("option", { value: one.id }, one.name)));
  chosen.value = compared;
  chosen.addEventListener("change", () => { compared = chosen.value; context.again(); });
  const head = [make("h2", {}, "two captures side by side"), explanation, chosen];
  const told = await get("diff", { capture: context.capture, with: compared }, signal);
  if (told.state === "running") return { again: 800, content: [...head, make("p", { role: "status" }, "they are being compared …")] };
  const only = (names, title) => names.length ? [make("p", {}, `${title}: ${names.join(", ")}`)] : [];
  return { content: [...head,
    make("p", {}, `${count(told.matched.length, "device")} matched, ${count(told.same, "step")} alike`),
    ...only(told.only_good, "only here"), ...only(told.only_faulty, "only in the other one"),
    make("h3", {}, told.divergences.length ? `${count(told.divergences.length, "place")} where they part, the first first` : "they take the same course"),
    ...told.divergences.slice(0, 50).map((one) => divergence(one, context, context.openIn, compared)),
    ...(told.timings.length ? [make("h3", {}, "times that changed (medians)"), make("ul", {}, ...told.timings.slice(0, 50).map((one) =>
      make("li", {}, `${one.kind} ${one.good.toPrecision(4)} s became ${one.faulty.toPrecision(4)} s: ${one.step} (${one.conversation})`)))] : []),
  ] };
}

export async function notes(context, signal) {
  const told = await get("notes", { capture: context.capture }, signal);
  const rows = told.notes.map((one) => make("article", { class: "card" },
    make("button", { type: "button", onclick: () => context.openFrame(one.frame) }, `frame ${one.frame}`),
    make("span", { class: "quiet" }, one.own ? " written here" : " in the capture"), make("p", { class: "note-text" }, one.text)));
  return { content: [make("h2", {}, count(told.total, "note")), ...rows, make("p", { class: "quiet" },
    "A note is written below its frame. The capture itself is never changed: notes go into the comments of the copy that pcapng gives, and are gone with the server otherwise.")] };
}

// The note about the frame that is chosen.
export class NoteBox {
  constructor(box, written) {
    Object.assign(this, { box, written, known: new Map() });
    box.addEventListener("change", () => this.write());
    box.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.ctrlKey) { event.preventDefault(); box.blur(); } });
  }

  async learn(capture) {
    const told = await get("notes", { capture });
    this.known = new Map(told.notes.map((one) => [one.frame, one.text]));
    this.written();
  }

  show(capture, frame) {
    this.box.parentElement.hidden = frame === undefined;
    Object.assign(this, { capture, frame });
    this.box.value = this.known.get(frame) ?? "";
  }

  async write() {
    const { capture, frame } = this, text = this.box.value.trim();
    try {
      await post(`notes/${frame}`, text, { capture });
      if (text) this.known.set(frame, text); else this.known.delete(frame);
      this.written(`the note about frame ${frame} is kept: pcapng gives a copy with it`);
    } catch (error) {
      this.written(error.message);
    }
  }
}
