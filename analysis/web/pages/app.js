// The page: captures, views, and where somebody is in them, which stands in the address behind #.
import { address, get, post } from "./api.js";
import { byId, make, seconds, tabs, typing } from "./dom.js";
import { Detail } from "./frame.js";
import { FilterBox } from "./filter.js";
import { NoteBox } from "./judged.js";
import { Page } from "./pages.js";
import { Rows } from "./rows.js";
import { Timeline } from "./timeline.js";

const VIEWS = ["packets", "ladder", "exchanges", "messages", "findings", "why", "map", "devices", "keys", "diff", "notes", "paste"];
const OF_FRAMES = ["packets", "ladder", "map"]; // looks at the frames that one filter chooses
const LISTED = {
  packets: [
    { name: "frame", width: "7ch", number: true, text: (row) => `${noteBox.known.has(row[0]) ? "✎ " : ""}${row[0]}` },
    { name: "time", label: "time s", width: "12ch", number: true, text: (row) => seconds(row[1]) },
    { name: "source", width: "minmax(8ch, 18ch)", narrow: "hide", text: (row) => row[2] },
    { name: "destination", width: "minmax(8ch, 18ch)", narrow: "hide", text: (row) => row[3] },
    { name: "protocol", width: "10ch", narrow: "hide", text: (row) => row[4] },
    { name: "security", width: "8ch", text: (row) => row[5]?.replace("_", " "), kind: (row) => row[5] },
    { name: "summary", width: "1fr", narrow: "last", text: (row) => row[6] },
  ],
  exchanges: [
    { name: "exchange", width: "9ch", number: true, text: (row) => String(row.exchange) },
    { name: "start", width: "13ch", narrow: "hide", text: (row) => row.start?.slice(11, 23) },
    { name: "kind", width: "17ch", text: (row) => row.kind },
    { name: "name", width: "minmax(12ch, 2fr)", narrow: "last", text: (row) => row.name ?? row.use_case },
    { name: "initiator", width: "minmax(8ch, 18ch)", narrow: "hide", text: (row) => named(row.initiator) },
    { name: "responder", width: "minmax(8ch, 18ch)", narrow: "hide", text: (row) => named(row.responder) },
    { name: "frames", width: "7ch", number: true, narrow: "hide", text: (row) => String(row.frames ?? "") },
    { name: "outcome", width: "12ch", text: (row) => row.outcome, kind: (row) => row.outcome },
    { name: "status", width: "minmax(12ch, 1fr)", narrow: "hide", text: (row) => row.missing ?? row.status },
  ],
  messages: [
    { name: "message", width: "9ch", number: true, text: (row) => String(row.message) },
    { name: "time", width: "13ch", narrow: "hide", text: (row) => row.time?.slice(11, 23) },
    { name: "use case", width: "10ch", text: (row) => row.use_case ?? row.kind },
    { name: "kind", width: "10ch", text: (row) => row.cra },
    { name: "summary", width: "1fr", narrow: "last", text: (row) => row.summary ?? row.name },
    { name: "originator", width: "minmax(8ch, 18ch)", narrow: "hide", text: (row) => named(row.originator) },
    { name: "recipient", width: "minmax(8ch, 18ch)", narrow: "hide", text: (row) => named(row.recipient) },
    { name: "outcome", width: "12ch", narrow: "hide", text: (row) => row.outcome },
  ],
};

let names = new Map();
const named = (address) => names.get(address) ?? address;
const place = { capture: "", view: "packets", where: "", frame: "", message: "" };
let captures = [], list, waiting, toldOf = "", found = "", livelyAt = 0;

const detail = new Detail();
const filter = new FilterBox(() => ({ table: place.view in LISTED ? place.view : "packets", capture: place.capture }), applied);
const context = {
  get capture() { return place.capture; },
  get where() { return place.where; },
  showFrame: (number) => showFrame(number),
  get captures() { return captures; },
  get live() { return captures.find((one) => one.id === place.capture)?.state === "live"; },
  again: () => page.show(place.view),
  openIn: (capture, number) => go({ capture, view: "packets", where: "", frame: number, message: "" }),
  openFrame: (number) => go({ view: "packets", frame: number, message: "" }),
  filterFor: (text) => go({ view: "packets", where: text }),
  showMessage: (told) => { noteBox.show(place.capture); detail.show(told, told.summary ?? told.source); },
};
const page = new Page(context);
const timeline = new Timeline(async (text) => { remember({ where: text }); await filter.set(text); });
const noteBox = new NoteBox(byId("note"), (said) => { list?.draw(); if (said) byId("count").textContent = said; });

// --- where somebody is

function go(changes) {
  const next = { ...place, ...changes };
  const given = Object.entries(next).filter(([name, value]) => value !== "" && value !== undefined && !(name === "view" && value === "packets"));
  const hash = "#" + new URLSearchParams(given).toString();
  if (hash !== location.hash) history.pushState(null, "", hash);
  return arrive();
}

function remember(changes) {
  Object.assign(place, changes);
  const given = Object.entries(place).filter(([name, value]) => value !== "" && value !== undefined && !(name === "view" && value === "packets"));
  history.replaceState(null, "", "#" + new URLSearchParams(given).toString());
}

async function arrive() {
  const said = new URLSearchParams(location.hash.slice(1)), before = { ...place };
  for (const name of Object.keys(place)) place[name] = said.get(name) ?? "";
  if (!VIEWS.includes(place.view)) place.view = "packets";
  if (!captures.some((one) => one.id === place.capture)) place.capture = captures[0]?.id ?? "";
  if (before.capture !== place.capture) { found = ""; clearTimeout(countFindings.timer); }
  byId("captures").value = place.capture;
  drawViews();
  const listed = place.view in LISTED;
  byId("filtering").hidden = !listed && !OF_FRAMES.includes(place.view);
  byId("timeline").hidden = !OF_FRAMES.includes(place.view) || !place.capture;
  if (before.capture !== place.capture) { noteBox.known = new Map(); byId("more").open = false; }
  byId("table").hidden = !listed;
  byId("page").hidden = listed;
  if (listed) {
    page.leave();
    const fresh = !list || before.view !== place.view || before.capture !== place.capture;
    if (fresh) makeList();
    if (fresh || before.where !== place.where) {
      if (filter.text !== place.where || fresh) await filter.set(place.where);
    }
    if (place.frame && place.view === "packets") await showFrame(Number(place.frame), true);
    else if (place.message && place.view === "messages") await showMessage(Number(place.message));
    else detail.hide();
  } else {
    list?.close(); list = undefined;
    if (OF_FRAMES.includes(place.view)) await filter.set(place.where); // which draws it
    else page.show(place.view);
    if (place.view === "ladder" && place.frame) await showFrame(Number(place.frame));
    else detail.hide();
  }
  poll();
}

function drawViews() {
  tabs(byId("views"), VIEWS.map((id) => ({ id, label: id === "findings" ? id + found : id })), place.view, (id) => goView(id));
}

function goView(id) {
  // packets, their ladder and the map are looks at the same frames
  const same = [place.view, id].every((one) => OF_FRAMES.includes(one));
  return go(same ? { view: id } : { view: id, where: "", frame: "", message: "" });
}

// --- lists

function makeList() {
  list?.close();
  const view = place.view;
  list = new Rows(byId("table"), {
    columns: LISTED[view], label: view, told: toldOfList,
    load: (offset, limit, signal) => get(view === "packets" ? "list" : view, { capture: place.capture, where: place.where, offset, limit }, signal),
    choose: (row) => {
      if (view === "packets") showFrame(row[0]);
      else if (view === "messages") showMessage(row.message);
      else go({ view: "ladder", where: `exchange == ${row.exchange}`, frame: row.first_frame ?? "" });
    },
    enter: () => { if (view !== "exchanges") detail.tree.focus(); },
  });
}

function toldOfList(found, error) {
  if (error) { byId("count").textContent = error.message; return; }
  const { frames } = captures.find((one) => one.id === place.capture) ?? {};
  const of = place.where && place.view === "packets" && frames ? ` of ${frames.toLocaleString("en")}` : "";
  if (found.waiting) { byId("count").textContent = found.waiting; setTimeout(() => list?.grown(), 900); return; }
  byId("count").textContent = `${found.total.toLocaleString("en")}${of} ${place.view}${found.complete ? "" : " so far"}`;
}

async function applied(text) {
  if (text !== place.where) remember({ where: text });
  const frames = OF_FRAMES.includes(place.view);
  for (const kind of ["pcapng", "csv", "redacted"]) {
    const link = byId(`export-${kind}`), format = kind === "csv" ? "csv" : "pcapng";
    link.href = address("export", { capture: place.capture, where: text, format, table: frames ? "packets" : place.view, ...(kind === "redacted" ? { redacted: true } : {}) });
    link.hidden = kind !== "csv" && !frames;
    link.title = text ? "what the filter chooses" : "all of it";
  }
  byId("wireshark").hidden = place.view !== "packets";
  byId("wireshark-said").hidden = true;
  byId("count").textContent = list ? "…" : "";
  if (frames && place.capture) timeline.show(place.capture, text);
  if (frames && place.view !== "packets") page.show(place.view);
  await list?.renew();
}
filter.left = () => list?.scroller.focus();

// --- frames and messages

async function showFrame(number, find = false) {
  waiting?.abort();
  const stop = waiting = new AbortController();
  remember({ frame: String(number), message: "" });
  try {
    if (find && list) {
      const told = await get("list", { capture: place.capture, where: place.where, frame: number, limit: 0 }, stop.signal);
      if (told.exact) list.select(told.row, true);
    }
    const told = await get(`frames/${number}`, { capture: place.capture }, stop.signal);
    const links = told.messages.map((one) => make("a", { href: `#${new URLSearchParams({ capture: place.capture, view: "messages", message: one.message })}` }, `message ${one.message}`));
    noteBox.show(place.capture, number);
    if (told.columns.exchange !== undefined) links.push(make("a", { href: `#${new URLSearchParams({ capture: place.capture, view: "ladder", where: `exchange == ${told.columns.exchange}`, frame: number })}` }, `follow exchange ${told.columns.exchange}`));
    detail.show(told, `frame ${number}: ${told.columns.summary ?? told.columns.protocol ?? "nothing readable"}`, links);
  } catch (error) {
    failed(error, stop);
  }
}

async function showMessage(number) {
  waiting?.abort();
  const stop = waiting = new AbortController();
  remember({ message: String(number), frame: "" });
  try {
    const told = await get(`messages/${number}`, { capture: place.capture }, stop.signal);
    noteBox.show(place.capture);
    const links = told.frames.slice(0, 8).map((one) => make("a", { href: `#${new URLSearchParams({ capture: place.capture, frame: one })}` }, `frame ${one}`));
    detail.show(told, `message ${number}: ${told.use_case ?? ""} ${told.name ?? ""}`, links);
  } catch (error) {
    failed(error, stop);
  }
}

function failed(error, stop) {
  if (stop.signal.aborted) return;
  if (error.status === 409) { setTimeout(() => { if (!stop.signal.aborted) arrive(); }, 900); return; }
  detail.hide();
  byId("count").textContent = error.message;
}

// --- captures

async function poll() {
  clearTimeout(poll.timer);
  const before = captures.find((one) => one.id === place.capture);
  try {
    captures = (await get("captures")).captures;
  } catch (error) {
    byId("state").textContent = error.message;
    poll.timer = setTimeout(poll, 3000);
    return;
  }
  drawCaptures();
  const now = captures.find((one) => one.id === place.capture);
  if (now && list && before && (now.frames !== before.frames || now.generation !== before.generation || now.state !== before.state)) list.grown();
  if (now?.state === "ready" && toldOf !== now.id + now.generation) { toldOf = now.id + now.generation; learnNames(); countFindings(); noteBox.learn(now.id); if (!byId("timeline").hidden) timeline.renew(); }
  if (list) list.following = now?.state === "live"; // the last rows stay in view while they come
  if (now?.state === "live" && Date.now() > livelyAt) { livelyAt = Date.now() + 2000; learnNames(); countFindings(); if (!byId("timeline").hidden) timeline.renew(); }
  if (now && (now.state === "decoding" || now.state === "closed" || now.state === "live")) poll.timer = setTimeout(poll, 350);
}

async function learnNames() {
  const told = await get("devices", { capture: place.capture, limit: 1000 }).catch(() => undefined); // its state says what is wrong
  if (!told) return;
  names = new Map(told.rows.filter((one) => one.name).map((one) => [one.eui64, one.name]));
  list?.draw();
}

async function countFindings() {
  // The rules run meanwhile; the tab says what came of them.
  const capture = place.capture;
  clearTimeout(countFindings.timer);
  const told = await get("findings", { capture }).catch(() => undefined);
  if (!told || capture !== place.capture) return;
  if (told.state === "running") countFindings.timer = setTimeout(countFindings, 1000);
  else if (found !== ` (${told.findings.length})`) { found = ` (${told.findings.length})`; drawViews(); }
}

function drawCaptures() {
  const select = byId("captures");
  const known = [...select.options].map((one) => one.value + one.text).join("\n");
  if (known !== captures.map((one) => one.id + one.name).join("\n")) {
    select.replaceChildren(...captures.map((one) => make("option", { value: one.id }, one.name)));
    select.value = place.capture;
  }
  const now = captures.find((one) => one.id === place.capture), bar = byId("progress");
  bar.hidden = now?.state !== "decoding";
  if (!now) { byId("state").textContent = "drop a capture here, or open one"; return; }
  if (now.octets) { bar.max = now.octets; bar.value = now.octets_read; }
  const lost = now.lost?.length ? `, ${now.lost.length} places could not be read` : "";
  byId("state").textContent = now.trouble || `${(now.frames ?? 0).toLocaleString("en")} frames${now.state === "ready" ? "" : `, ${now.state}`}${lost}`;
}

// The report takes its time: it is asked for until it is written.
async function report() {
  const button = byId("report"), { capture } = place, name = captures.find((one) => one.id === capture)?.name ?? "capture";
  button.disabled = true;
  button.textContent = "report: the rules are running …";
  let answer;
  do {
    answer = await fetch(address("report", { capture }));
    if (answer.status === 202) await new Promise((done) => setTimeout(done, 800));
  } while (answer.status === 202 && captures.some((one) => one.id === capture && one.state !== "failed" && one.state !== "live"));
  button.disabled = false;
  const written = answer.status === 200;
  button.textContent = written ? "report" : "report: it cannot be written of this";
  if (!written) return;
  const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: `${name.replace(/[^\w.-]+/g, "_")}-report.html` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function copyLink() {
  const button = byId("link");
  try { await navigator.clipboard.writeText(location.href); button.textContent = "copied"; } catch { button.textContent = location.href; }
  setTimeout(() => { button.textContent = "copy a link to this"; }, 2500);
}

async function copyWireshark() {
  const said = byId("wireshark-said"), told = await get("filter", { where: place.where || "frame", table: "packets" });
  const { filter: text, copy, reason } = told.wireshark ?? { reason: told.error.text };
  said.hidden = false;
  said.textContent = text ? `${text}${copy ? " (in a copy by hanscope wireshark)" : ""}` : `${reason}: Wireshark has no such filter`;
  if (text) try { await navigator.clipboard.writeText(text); } catch { /* it stands there to be copied by hand */ }
}

async function upload(file) {
  byId("state").textContent = `opening ${file.name} …`;
  try {
    const told = await post("captures", file, { name: file.name });
    captures.push(told);
    drawCaptures();
    await go({ capture: told.id, view: "packets", where: "", frame: "", message: "" });
  } catch (error) {
    byId("state").textContent = error.message;
  }
}

byId("captures").addEventListener("change", (event) => go({ capture: event.target.value, where: "", frame: "", message: "" }));
byId("report").addEventListener("click", report);
byId("link").addEventListener("click", copyLink);
byId("wireshark").addEventListener("click", copyWireshark);
byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => { if (event.target.files[0]) upload(event.target.files[0]); event.target.value = ""; });
byId("close-detail").addEventListener("click", () => { detail.hide(); remember({ frame: "", message: "" }); list?.scroller.focus(); });
let dragged = 0;
for (const [kind, step] of [["dragenter", 1], ["dragleave", -1]]) {
  window.addEventListener(kind, (event) => { event.preventDefault(); dragged += step; byId("drop").hidden = dragged <= 0; });
}
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => {
  event.preventDefault();
  dragged = 0; byId("drop").hidden = true;
  if (event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
});

// --- theme and keys

const THEMES = ["", "light", "dark"], NAMES = ["as the system says", "light", "dark"];
function theme(next) {
  if (next) document.documentElement.dataset.theme = next; else delete document.documentElement.dataset.theme;
  byId("theme").setAttribute("aria-label", `theme: ${NAMES[THEMES.indexOf(next)]}`);
  try { localStorage.setItem("hanscope-theme", next); } catch { /* it is forgotten then */ }
}
byId("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "") + 1) % 3]));
try { theme(THEMES.includes(localStorage.getItem("hanscope-theme")) ? localStorage.getItem("hanscope-theme") : ""); } catch { theme(""); }
byId("help").addEventListener("click", () => byId("keys-help").showModal());
window.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey || byId("keys-help").open) return;
  if (event.key === "f" || event.key === "/") byId("filter").focus();
  else if (event.key === "?") byId("keys-help").showModal();
  else if (event.key >= "1" && event.key <= "9") goView(VIEWS[event.key - 1]);
  else if (event.key === "Escape") list?.scroller.focus();
  else return;
  event.preventDefault();
});
window.addEventListener("popstate", arrive);

await poll();
await arrive();
list?.scroller.focus();
