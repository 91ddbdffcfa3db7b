// The network at a moment: who is there, and who spoke to whom just before. The moment can be moved, or runs.
import { get } from "./api.js";
import { draw, make } from "./dom.js";
import { lasting } from "./timeline.js";

const SPANS = [[10000, "10 s"], [60000, "1 minute"], [600000, "10 minutes"], [3600000, "1 hour"], [2 ** 40, "all before"]];
const STEPS = 200, TICK = 300, MOMENTS = 1000, LINE = 16, GROWS = 1500;
const kept = { at: undefined, span: 2 ** 40 };

const called = (one) => one.name || one.role || one.address;

// Room for it, in units of its own: a telephone is higher than wide.
const room = () => (window.innerWidth <= 760 ? { wide: 440, tall: 560, aside: 82, line: 10, longest: 17 } : { wide: 900, tall: 520, aside: 110, line: 26, longest: 26 });

// A name in one line, or in two that are as equal as its words allow; what is longer still is cut.
function inLines(name, { line, longest }) {
  const cut = (text) => (text.length > longest ? text.slice(0, longest - 1) + "…" : text);
  if (name.length <= line) return [name];
  const words = name.split(" ");
  const halves = words.slice(1).map((_, at) => [words.slice(0, at + 1).join(" "), words.slice(at + 1).join(" ")]);
  const longer = ([first, second]) => Math.max(first.length, second.length);
  return (halves.sort((a, b) => longer(a) - longer(b))[0] ?? [name]).map(cut);
}

// The name beside the dot: below it in the lower half, above it otherwise.
function label(name, x, y, space) {
  const parts = inLines(name, space), first = y > space.tall / 2 ? y + 34 : y - 22 - LINE * (parts.length - 1);
  return draw("text", { "text-anchor": "middle" }, ...parts.map((part, at) => draw("tspan", { x, y: first + LINE * at }, part)));
}

// Where everybody stands: the hub in the middle, the others around it, always at the same places.
function places(nodes) {
  const { wide, tall, aside } = room();
  const hub = nodes.findIndex((one) => one.role === "coordinator" || one.short === "0000");
  const others = nodes.map((one, at) => at).filter((at) => at !== hub).sort((a, b) => (nodes[a].address < nodes[b].address ? -1 : 1));
  const found = new Map();
  if (hub >= 0) found.set(nodes[hub].address, [wide / 2, tall / 2]);
  others.forEach((at, order) => {
    const ring = others.length > 16 && order % 2 ? 0.62 : 1, turn = (order / others.length) * 2 * Math.PI - Math.PI / 2;
    found.set(nodes[at].address, [wide / 2 + Math.cos(turn) * (wide / 2 - aside) * ring, tall / 2 + Math.sin(turn) * (tall / 2 - 58) * ring]);
  });
  return found;
}

function picture(told, where, context) {
  const space = room(), { wide, tall } = space;
  const at = (index) => where.get(told.nodes[index].address) ?? [wide / 2, tall - 14];
  const most = Math.max(1, ...told.links.map((one) => one.frames));
  const lines = told.links.filter((one) => one.to !== null && one.to !== one.from).map((one) => {
    const [x1, y1] = at(one.from), [x2, y2] = at(one.to), bend = 0.08; // the two ways of a link do not hide each other
    const path = `M${x1} ${y1}Q${(x1 + x2) / 2 - (y2 - y1) * bend} ${(y1 + y2) / 2 + (x2 - x1) * bend} ${x2} ${y2}`;
    return draw("path", { class: "hop", d: path, "stroke-width": (1 + 5 * Math.sqrt(one.frames / most)).toFixed(1) },
      draw("title", {}, `${called(told.nodes[one.from])} to ${called(told.nodes[one.to])}: ${one.frames} frames`));
  });
  const all = new Map(told.links.filter((one) => one.to === null).map((one) => [one.from, one.frames]));
  const dots = told.nodes.map((one, index) => {
    const [x, y] = at(index), said = `${called(one)}: ${one.frames} frames sent${one.rssi === undefined ? "" : `, ${one.rssi} dBm`}${all.has(index) ? `, ${all.get(index)} of them to all` : ""}`;
    const open = () => context.filterFor(/^[0-9a-f]{16}$/.test(one.address) ? `nwk_src_eui64 == ${one.address} or nwk_dst_eui64 == ${one.address} or mac_src == ${one.address} or mac_dst == ${one.address}` : `mac_src == ${one.address} or mac_dst == ${one.address}`);
    const parts = [draw("title", {}, said)];
    if (all.has(index)) parts.push(draw("circle", { class: "to-all", cx: x, cy: y, r: 22 }));
    parts.push(draw("circle", { class: one.frames ? "node-dot" : "node-dot silent", cx: x, cy: y, r: 14 }),
      label(called(one), x, y, space));
    const group = draw("g", { class: "station", role: "button", tabindex: 0, "data-address": one.address, "aria-label": `${said}; its frames` }, ...parts);
    group.addEventListener("click", open);
    group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } });
    return group;
  });
  return draw("svg", { viewBox: `0 0 ${wide} ${tall}`, role: "group", "aria-label": "network" }, ...lines, ...dots);
}

function table(told) {
  const name = (index) => (index === null ? "all" : called(told.nodes[index]));
  return make("table", {}, make("thead", {}, make("tr", {}, ...["from", "to", "frames"].map((one) => make("th", { scope: "col" }, one)))),
    make("tbody", {}, ...told.links.slice(0, 60).map((one) => make("tr", {}, ...[name(one.from), name(one.to), one.frames].map((cell) => make("td", {}, cell))))));
}

export async function map(context, signal) {
  const ask = (more) => get("network", { capture: context.capture, where: context.where, ...more }, signal);
  const last = await ask({ span: kept.span });
  if (kept.capture !== context.capture) Object.assign(kept, { capture: context.capture, at: undefined });
  const where = places(last.nodes);
  let length = last.milliseconds;
  const slider = make("input", { type: "range", min: 0, max: MOMENTS, "aria-label": "moment" });
  slider.value = kept.at ?? MOMENTS;
  const spans = make("select", { "aria-label": "what of the past is counted" }, ...SPANS.map(([value, label]) => make("option", { value }, label)));
  spans.value = String(kept.span);
  const said = make("span", { class: "quiet", role: "status" }), host = make("div", { class: "network" }), rows = make("div", {});
  let busy = false, again = false, playing;
  const redraw = async () => {
    if (busy) { again = true; return; }
    busy = true;
    const share = Number(slider.value), end = share >= MOMENTS, at = Math.round((share / MOMENTS) * length);
    kept.at = end ? undefined : share; kept.span = Number(spans.value);
    try {
      const told = await ask({ at: end ? undefined : at, span: kept.span });
      for (const one of told.nodes) if (!where.has(one.address)) { where.clear(); for (const [key, value] of places(told.nodes)) where.set(key, value); break; }
      length = told.milliseconds;
      const focused = host.contains(document.activeElement) ? document.activeElement.dataset.address : undefined;
      host.replaceChildren(picture(told, where, context));
      if (focused) host.querySelector(`[data-address="${focused}"]`)?.focus({ preventScroll: true });
      rows.replaceChildren(table(told));
      slider.setAttribute("aria-valuetext", lasting(told.at));
      said.textContent = `${lasting(told.at)}: ${told.nodes.length} devices heard by then, ${told.frames.toLocaleString("en")} frames${told.left_out ? `; ${told.left_out} devices and hops are not drawn` : ""}`;
    } catch (error) {
      if (!signal.aborted) said.textContent = error.message;
    }
    busy = false;
    if (again && !signal.aborted) { again = false; await redraw(); }
  };
  const stop = () => { clearInterval(playing); playing = undefined; play.textContent = "play"; };
  const play = make("button", { type: "button", id: "play", onclick: () => {
    if (playing) { stop(); return; }
    if (Number(slider.value) >= MOMENTS) slider.value = 0;
    play.textContent = "stop";
    playing = setInterval(() => { slider.value = Number(slider.value) + MOMENTS / STEPS; redraw(); if (Number(slider.value) >= MOMENTS) stop(); }, TICK);
  } }, "play");
  slider.addEventListener("input", () => redraw());
  spans.addEventListener("change", () => redraw());
  signal.addEventListener("abort", stop);
  await redraw();
  const growing = context.live ? setInterval(() => { if (kept.at === undefined && !playing) redraw(); }, GROWS) : undefined;
  signal.addEventListener("abort", () => clearInterval(growing)); // drawn anew in its place: what is chosen from a list is not shut
  return { content: [
    make("div", { class: "moving" }, play, slider, spans), make("p", {}, said), host,
    make("details", {}, make("summary", {}, "who spoke to whom, as a table"), rows),
  ] };
}
