// Layout blocks as nodes. What cannot be drawn is shown as such, with its JSON.

import { el, safeAddress } from "./dom.js";
import { date, emoji, mention, textObject } from "./mrkdwn.js";
import { drawElement, drawInput } from "./elements.js";

const STATUS = { pending: "○", in_progress: "◔", complete: "✓", error: "✕" };
const STATUS_WORDS = { pending: "Pending", in_progress: "In progress", complete: "Complete", error: "Error" };

// `scene` is {words, use(action), form?}: names by id, what happens when an element is used, and the modal's form.
export function drawBlocks(blocks, scene) {
  return blocks.map((block) => {
    try {
      return (DRAW[block.type] ?? unknown)(block, scene);
    } catch (error) {
      return unknown(block, scene, String(error));
    }
  });
}

export function unknown(thing, _scene, why = "") {
  return el("div", { class: "cannot-draw", role: "note" },
    el("p", {}, `cannot draw block of type ${thing.type}${why ? `: ${why}` : ""}`),
    el("pre", {}, JSON.stringify(thing, null, 2)));
}

function image(thing, scene) {
  const title = thing.title ? el("figcaption", {}, textObject(thing.title, scene.words)) : null;
  return el("figure", {}, title, el("img", { src: safeAddress(thing.image_url), alt: thing.alt_text }));
}

function task(block, scene) {
  return el("div", { class: `task ${block.status}` },
    el("p", {}, el("span", { class: "status", role: "img", "aria-label": STATUS_WORDS[block.status] }, STATUS[block.status]), " ", block.title),
    ["details", "output"].filter((name) => block[name]).map((name) => richText(block[name], scene)));
}

function cell(thing, scene) {
  if (thing.type === "rich_text") return richText(thing, scene);
  return thing.text ?? String(thing.value);
}

function table(block, scene) {
  const align = (column) => `text-align: ${block.column_settings?.[column]?.align ?? "left"}`;
  const row = (cells, tag) => el("tr", {}, cells.map((one, column) => el(tag, { style: align(column) }, cell(one, scene))));
  const [head, ...body] = block.rows;
  return el("div", { class: "table" }, el("table", {}, el("thead", {}, row(head, "th")), el("tbody", {}, body.map((cells) => row(cells, "td")))));
}

const INLINE = {
  text: (part) => part.text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line])),
  link: (part) => el("a", { href: safeAddress(part.url), target: "_blank", rel: "noreferrer" }, part.text ?? part.url),
  user: (part, words) => mention(`@${words.person(part.user_id) ?? part.user_id}`, part.user_id === words.me),
  usergroup: (part, words) => mention(`@${words.group(part.usergroup_id)?.handle ?? part.usergroup_id}`, words.group(part.usergroup_id)?.users.includes(words.me)),
  channel: (part, words) => mention(`#${words.channel(part.channel_id) ?? part.channel_id}`),
  emoji: (part) => emoji(part.name),
  broadcast: (part) => mention(`@${part.range}`, true),
  date: (part) => date(part.timestamp, part.format, part.url, part.fallback ?? ""),
};
const STYLES = { code: "code", strike: "s", italic: "em", bold: "strong", underline: "u" };

function inline(parts, words) {
  return parts.map((part) => Object.entries(STYLES).reduce(
    (node, [style, tag]) => (part.style?.[style] ? el(tag, {}, node) : node),
    INLINE[part.type](part, words))).flat();
}

function richText(block, scene) {
  const draw = {
    rich_text_section: (part) => el("p", {}, inline(part.elements, scene.words)),
    rich_text_quote: (part) => el("blockquote", {}, inline(part.elements, scene.words)),
    rich_text_preformatted: (part) => el("pre", {}, el("code", {}, inline(part.elements, scene.words))),
    rich_text_list: (part) => el(part.style === "ordered" ? "ol" : "ul",
      { start: part.offset ? part.offset + 1 : undefined, style: `margin-left: ${part.indent ?? 0}rem` },
      part.elements.map((item) => el("li", {}, inline(item.elements, scene.words)))),
  };
  return el("div", { class: "rich" }, block.elements.map((part) => draw[part.type](part)));
}

const DRAW = {
  header: (block, scene) => el("h3", { class: "block-header" }, textObject(block.text, scene.words)),
  section: (block, scene) => el("div", { class: "section" },
    el("div", { class: "section-body" },
      block.text ? el("div", { class: "text" }, textObject(block.text, scene.words)) : null,
      block.fields ? el("div", { class: "fields" }, block.fields.map((field) => el("div", { class: "field" }, textObject(field, scene.words)))) : null),
    block.accessory ? el("div", { class: "accessory" }, block.accessory.type === "image" ? image(block.accessory, scene) : drawElement(block, block.accessory, scene)) : null),
  divider: () => el("hr"),
  context: (block, scene) => el("div", { class: "context" }, block.elements.map((part) =>
    part.type === "image" ? el("img", { src: safeAddress(part.image_url), alt: part.alt_text }) : el("span", {}, textObject(part, scene.words)))),
  actions: (block, scene) => el("div", { class: "actions", role: "group" }, block.elements.map((one) => drawElement(block, one, scene))),
  input: drawInput,
  image,
  rich_text: richText,
  table,
  task_card: task,
  plan: (block, scene) => el("div", { class: "plan" }, el("h4", {}, block.title), (block.tasks ?? []).map((one) => task(one, scene))),
  alert: (block, scene) => el("div", { class: `alert ${block.level ?? "default"}`, role: "note" }, textObject(block.text, scene.words)),
};
