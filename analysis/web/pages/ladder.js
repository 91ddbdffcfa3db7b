// The ladder: who said what to whom, one step under the other; a step leads to its first frame.
import { get } from "./api.js";
import { make } from "./dom.js";

function arrow(one, parties) {
  const count = parties.length, from = one.from, to = one.to ?? (from === count - 1 ? 0 : count - 1);
  const low = Math.min(from, to), high = Math.max(from, to);
  const left = ((low + 0.5) / count) * 100, width = Math.max(((high - low) / count) * 100, 2);
  const line = make("span", { class: `arrow ${to >= from ? "right" : "left"}${one.to === null ? " all" : ""}` });
  line.style.left = `${left}%`;
  line.style.width = `${width}%`;
  const said = make("span", { class: "said" }, text(one));
  if ((low + high + 1) / 2 / count < 0.5) said.style.left = `calc(${left}% + 4px)`;
  else said.style.right = `calc(${100 - left - width}% + 4px)`;
  return [said, line];
}

function text(one) {
  const marks = [];
  if (one.retries) marks.push(`${one.retries} again`);
  if (one.answer_seconds !== null) marks.push(`after ${one.answer_seconds.toFixed(3)} s`);
  return one.text + (marks.length ? ` (${marks.join(", ")})` : "");
}

export async function ladder(context, signal) {
  const told = await get("follow", { capture: context.capture, where: context.where }, signal);
  const { parties } = told, name = (place) => (place === null ? "all" : parties[place].name || parties[place].address);
  const entries = told.entries.map((one) => {
    if (one.type !== "step") return make("div", { class: `between ${one.outcome ?? ""}`, role: "listitem" }, `${one.seconds.toFixed(3)} s  ${one.text}`);
    const label = `${one.seconds.toFixed(6)} s, ${name(one.from)} to ${name(one.to)}: ${text(one)}`;
    return make("div", { role: "listitem" }, make("button", { type: "button", class: "step", "aria-label": label, title: label, onclick: () => context.showFrame(one.frames[0]) },
      make("span", { class: "when" }, one.seconds.toFixed(3)),
      make("span", { class: "narrow" }, `${name(one.from)} → ${name(one.to)}: ${text(one)}`),
      make("span", { class: "lanes" }, ...arrow(one, parties))));
  });
  const head = make("div", { class: "step head", "aria-hidden": "true" }, make("span", { class: "when" }, "s"),
    make("span", { class: "lanes names" }, ...parties.map((one) => make("span", {}, one.name || one.address))));
  const host = make("div", { class: "ladder", role: "list", "aria-label": `ladder of ${told.title}` }, head, ...entries);
  host.style.setProperty("--lanes", parties.length);
  host.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!step) return;
    const all = [...host.querySelectorAll("button.step")];
    all[Math.min(Math.max(all.indexOf(document.activeElement) + step, 0), all.length - 1)]?.focus();
    event.preventDefault();
  });
  const rest = told.left_out ? [make("p", { class: "quiet" }, `${told.left_out} more frames are left out: filter further`)] : [];
  return { content: [host, ...rest] };
}
