"use strict";
document.documentElement.classList.add("scripted");
// The page is whole without this: it sorts and filters tables, zooms what lies over time, and links fields with their octets.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const made = (name, text, kind = "") => Object.assign(document.createElement(name), {textContent: text, className: kind});
const number = text => { const found = /^[+−-]?[\d,]*\.?\d+/.exec(text.trim()); return found ? parseFloat(found[0].replaceAll(",", "").replace("−", "-")) : NaN; };

for (const table of all("table.data")) {
  const body = table.tBodies[0], rows = [...body.rows];
  if (rows.length < 2) continue;
  const text = (row, at) => row.cells[at]?.textContent ?? "";
  all("thead th", table).forEach((head, at) => {
    const button = made("button", head.textContent, "sort");
    button.type = "button";
    head.replaceChildren(button);
    button.onclick = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      all("thead th", table).forEach(one => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const counted = head.classList.contains("num");
      const order = (a, b) => {
        const [one, two] = [text(a, at), text(b, at)];
        if (!counted) return one.localeCompare(two, "en", {numeric: true});
        const [x, y] = [number(one), number(two)];
        return (Number.isNaN(x) ? -Infinity : x) - (Number.isNaN(y) ? -Infinity : y);
      };
      body.append(...[...body.rows].sort((a, b) => down ? order(b, a) : order(a, b)));
    };
  });
  if (rows.length < 6) continue;
  const bar = made("p", "", "bar"), box = made("input", "", "filter"), count = made("span", "", "small");
  Object.assign(box, {type: "search", placeholder: "filter these rows"});
  box.setAttribute("aria-label", "filter the rows of this table");
  box.oninput = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const said = row.textContent.toLowerCase();
      row.hidden = !words.every(word => said.includes(word));
      shown += !row.hidden;
    }
    count.textContent = words.length ? ` ${shown} of ${rows.length}` : "";
  };
  bar.append(box, count);
  (table.closest(".scroll") ?? table).before(bar);
}

const STEPS = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
const two = value => String(Math.floor(value)).padStart(2, "0");
const told = (start, seconds, step) => {
  const whole = Math.round(((start ?? 0) + seconds) * 1000) / 1000, rest = ((whole % 86400) + 86400) % 86400;
  const part = step >= 1 ? "" : (rest % 1).toFixed(3).replace(/0+$/, "").slice(1).replace(/^\.$/, "");
  if (start === null) return `+${whole >= 3600 ? Math.floor(whole / 3600) + ":" + two(whole % 3600 / 60) : Math.floor(whole / 60)}:${two(whole % 60)}${part}`;
  if (step >= 86400) return new Date(whole * 1000).toLocaleDateString("en-GB", {day: "2-digit", month: "short", timeZone: "UTC"});
  return `${two(rest / 3600)}:${two(rest % 3600 / 60)}` + (step < 60 ? `:${two(rest % 60)}${part}` : "");
};

for (const svg of all("svg.over-time")) {
  const plot = svg.querySelector(".plot"), times = svg.querySelector(".times"), {begin, end, start} = svg.dataset;
  const [low, high] = [+begin, +end], clock = start === "" ? null : +start;
  const [, , units, height] = plot.getAttribute("viewBox").split(" ").map(Number);
  const left = +plot.getAttribute("x"), wide = +plot.getAttribute("width"), foot = svg.viewBox.baseVal.height;
  let from = low, to = high;
  const drawn = (name, values, text = "") => {
    const one = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(values)) one.setAttribute(key, value);
    one.textContent = text;
    return one;
  };
  const show = (a, b) => {
    const span = Math.min(Math.max(b - a, Math.min(.01, high - low)), high - low);
    from = Math.min(Math.max(a, low), high - span);
    to = from + span;
    const part = units / (high - low);
    plot.setAttribute("viewBox", `${(from - low) * part} 0 ${span * part} ${height}`);
    const step = STEPS.find(one => span / one <= 7) ?? STEPS.at(-1), zero = clock ?? 0, marks = [];
    for (let n = Math.ceil((zero + from) / step); n * step - zero <= to; n += 1) {
      const at = n * step - zero, x = left + (at - from) / span * wide;
      marks.push(drawn("line", {class: "grid", x1: x, x2: x, y1: foot - 26, y2: foot - 21}));
      marks.push(drawn("text", {class: "tick", x, y: foot - 6, "text-anchor": "middle"}, told(clock, at, step)));
    }
    times.replaceChildren(...marks);
    reset.disabled = span >= high - low;
  };
  const bar = made("p", "", "zoom"), reset = made("button", "whole");
  const button = (text, says, act) => {
    const one = text === "whole" ? reset : made("button", text);
    one.type = "button"; one.title = says; one.setAttribute("aria-label", says); one.onclick = act;
    bar.append(one);
  };
  const scaled = by => { const middle = (from + to) / 2, half = (to - from) / 2 * by; show(middle - half, middle + half); };
  const moved = by => show(from + (to - from) * by, to + (to - from) * by);
  button("+", "zoom in", () => scaled(.5));
  button("−", "zoom out", () => scaled(2));
  button("◀", "earlier", () => moved(-.5));
  button("▶", "later", () => moved(.5));
  button("whole", "the whole time", () => show(low, high));
  reset.disabled = true;
  svg.before(bar);
  let grasped = null;
  const second = event => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    return from + (Math.min(Math.max(x, left), left + wide) - left) / wide * (to - from);
  };
  svg.onpointerdown = event => { if (event.button === 0 && event.pointerType === "mouse" && !event.target.closest("a")) { grasped = second(event); event.preventDefault(); } };
  svg.onpointerup = event => {
    if (grasped === null) return;
    const other = second(event), [a, b] = [Math.min(grasped, other), Math.max(grasped, other)];
    grasped = null;
    if (b - a > (to - from) / 100) show(a, b);
  };
  svg.ondblclick = () => show(low, high);
}

const column = at => 6 + 3 * at + (at > 7 ? 1 : 0);
const TEXT = 56;
const lines = text => { const out = [0]; for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) out.push(at + 1); return out; };
const ranges = (node, offset, length) => {
  const starts = lines(node.data), out = [];
  for (let row = Math.floor(offset / 16); row * 16 < offset + length && row < starts.length; row += 1) {
    const low = Math.max(offset - row * 16, 0), high = Math.min(offset + length - row * 16, 16), line = starts[row];
    const stop = (starts[row + 1] ?? node.data.length + 1) - 1;
    for (const [a, b] of [[column(low), column(high - 1) + 2], [TEXT + low, TEXT + high]]) {
      const range = document.createRange();
      range.setStart(node, Math.min(line + a, stop));
      range.setEnd(node, Math.min(line + b, stop));
      out.push(range);
    }
  }
  return out;
};
for (const frame of all(".frame")) {
  const fields = all(".field", frame), panes = all(".pane", frame);
  if (!fields.length) continue;
  const chosen = (field, follow) => {
    fields.forEach(one => one.removeAttribute("aria-current"));
    field.setAttribute("aria-current", "true");
    if (follow) field.scrollIntoView({block: "nearest"});
    const [buffer, offset, length] = field.dataset.at.split(" ").map(Number), pane = panes[buffer];
    if (!pane || !globalThis.Highlight) return;
    CSS.highlights.set("octets", new Highlight(...ranges(pane.firstChild, offset, length)));
    frame.dataset.lit = `${buffer} ${offset} ${length}`;
  };
  for (const field of fields) {
    if (!field.dataset.at) continue;
    field.tabIndex = 0;
    field.onclick = () => chosen(field, false);
    field.onkeydown = event => {
      const step = {ArrowDown: 1, ArrowUp: -1}[event.key], next = fields[fields.indexOf(field) + step];
      if (step && next?.dataset.at) { event.preventDefault(); next.focus(); }
    };
    field.onfocus = field.onclick;
  }
  panes.forEach((pane, buffer) => {
    pane.onclick = event => {
      const spot = document.caretPositionFromPoint?.(event.clientX, event.clientY), range = spot ? null : document.caretRangeFromPoint?.(event.clientX, event.clientY);
      const at = spot?.offset ?? range?.startOffset;
      if (at === undefined) return;
      const starts = lines(pane.firstChild.data), row = starts.findLastIndex(one => one <= at), inside = at - starts[row];
      const octet = row * 16 + (inside >= TEXT ? inside - TEXT : Math.max(0, [...Array(16).keys()].findLastIndex(one => column(one) <= inside)));
      const places = fields.map(one => [one, ...(one.dataset.at ?? "").split(" ").map(Number)]).filter(one => one[1] === buffer && one[2] <= octet && octet < one[2] + one[3]);
      const found = places.sort((a, b) => a[3] - b[3])[0];
      if (found) chosen(found[0], true);
    };
  });
}

const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  target.querySelector("details.unfold")?.setAttribute("open", "");
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
