// A frame, or a message: its fields and octets, linked both ways.
import { byId, make } from "./dom.js";
import { Octets } from "./octets.js";
import { FieldTree } from "./tree.js";

function placed(fields, rename) {
  // Fields with `places` in which their own buffer comes first, by the names that the tabs have.
  return fields.map((one) => ({
    ...one,
    places: [{ buffer: rename(one.buffer), offset: one.offset, length: one.length }, ...(one.places ?? [])],
    children: placed(one.children ?? [], rename),
  }));
}

function messageParts(message, prefix) {
  const rename = (name) => (name === "message" ? prefix : `${prefix}-${name}`);
  const buffers = Object.fromEntries(Object.entries(message.buffers ?? {}).map(([name, octets]) => [rename(name), octets]));
  const title = { text: `message ${message.message ?? ""}: ${message.use_case ?? ""} ${message.name ?? message.summary ?? message.kind}`.replace(/ +/g, " "), meaning: "", offset: 0, length: message.length, places: [], folded: false, children: placed(message.fields, rename) };
  return { buffers, top: title };
}

export function partsOf(told) {
  // The trees and buffers of a frame with its messages, or of a message alone.
  if (told.kind !== "frame" || told.columns === undefined) {
    const { buffers, top } = messageParts(told, "message");
    return { tops: top.children, buffers };
  }
  const buffers = {}, tops = [];
  const { record, ...own } = told.buffers;
  Object.assign(buffers, own);
  tops.push(...placed(told.fields, (name) => name));
  for (const message of told.messages) {
    const parts = messageParts(message, `message-${message.message}`);
    Object.assign(buffers, parts.buffers);
    tops.push(parts.top);
  }
  if (told.record.length) {
    const children = placed(told.record, () => "record");
    tops.push({ text: "captured record", meaning: "", offset: 0, length: 0, places: [], folded: true, children });
    if (record !== undefined) buffers.record = record;
  }
  return { tops, buffers };
}

function explained(node) {
  const told = node?.field.explanation;
  byId("explained").textContent = told ? `${told.text} (${[told.document, told.clause].filter(Boolean).join(", ")})` : "";
}

export class Detail {
  constructor() {
    this.octets = new Octets((buffer, offset) => {
      const node = this.tree.at(buffer, offset);
      if (!node) return;
      this.tree.select(node, true);
      this.octets.light(node.field.places);
      explained(node);
    });
    this.tree = new FieldTree(byId("tree"), (node) => { this.octets.lightIn(node.field.places); explained(node); });
  }

  show(told, title, links = []) {
    const { tops, buffers } = partsOf(told);
    byId("detail").hidden = false;
    byId("detail-title").textContent = title;
    byId("detail-links").replaceChildren(...links);
    const issues = [...(told.issues ?? []), ...(told.messages ?? []).flatMap((one) => one.issues ?? [])];
    const said = issues.map((one) => `${one.severity}: ${one.layer}, offset ${one.offset}: ${one.text}`);
    if (told.comment) said.unshift(`comment: ${told.comment}`);
    if (told.error) said.unshift(`not readable: ${told.error.text}`);
    for (const layer of ["mac", "nwk", "aps"]) if (told.columns?.[`${layer}_reason`]) said.push(`${layer.toUpperCase()} ${told.columns[`${layer}_security`]}: ${told.columns[`${layer}_reason`]}`);
    byId("notes").replaceChildren(...said.slice(0, 20).map((one) => make("div", {}, one)));
    this.octets.show(buffers);
    this.tree.show(tops);
    explained();
  }

  hide() {
    byId("detail").hidden = true;
  }
}
