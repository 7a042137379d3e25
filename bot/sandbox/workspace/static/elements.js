// Interactive elements as nodes: buttons, selects, pickers, checkboxes, text; in messages and in modals.

import { el, safeAddress } from "./dom.js";
import { textObject } from "./mrkdwn.js";

let ids = 0;

function plain(object) {
  return object ? textObject(object, {}).map((node) => node.textContent ?? node).join("") : "";
}

function optionsOf(element) {
  return [...(element.options ?? []), ...(element.option_groups ?? []).flatMap((group) => group.options)];
}

// What an element holds: what was typed in this form, else what it starts with.
function held(block, element, scene, initial) {
  return scene.form?.get(block.block_id, element.action_id) ?? initial;
}

function toLocal(seconds) {
  if (!seconds) return "";
  const when = new Date(seconds * 1000);
  return new Date(when.getTime() - when.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function select(block, element, scene, choices, initial, taken) {
  const now = held(block, element, scene, initial ?? "");
  return el("select", { "aria-label": plain(element.placeholder) || element.action_id, value: now,
    onchange: (event) => taken(event.target.value || null, choices.find(({ value }) => value === event.target.value)?.text) },
  el("option", { value: "" }, plain(element.placeholder) || "Choose"),
  choices.map(({ value, text }) => el("option", { value, selected: value === now }, text)));
}

function boxes(block, element, scene, kind, choices, initial, taken) {
  const now = new Set([held(block, element, scene, initial)].flat());
  const name = `choice-${++ids}`;
  const group = el("div", { class: "boxes", role: kind === "radio" ? "radiogroup" : "group", "aria-label": element.action_id });
  const given = () => [...group.querySelectorAll("input:checked")].map((box) => box.value);
  group.append(...choices.map(({ value, text, description }) => el("label", {},
    el("input", { type: kind, name, value, checked: now.has(value), onchange: () => taken(kind === "radio" ? given()[0] : given()) }),
    el("span", {}, text, description ? el("small", {}, description) : null))));
  return group;
}

function field(type, initial, read = (value) => value || null) {
  return (block, element, scene, taken) => {
    const now = held(block, element, scene, element[initial]);
    return el("input", { type, value: type === "datetime-local" ? toLocal(now) : now ?? "", "aria-label": plain(element.placeholder) || element.action_id,
      onchange: (event) => taken(read(event.target.value)) });
  };
}

const choicesOf = (element, words) => optionsOf(element).map(({ value, text, description }) =>
  ({ value, text: textObject(text, words), description: description && textObject(description, words) }));
const values = (options) => (options ?? []).map(({ value }) => value);
const peopleOf = (scene) => scene.words.people.map(({ id, real_name }) => ({ value: id, text: [real_name] }));

const ELEMENTS = {
  button: (block, element, scene, taken) => el("button", {
    type: "button", class: element.style ?? "plain", "aria-label": element.accessibility_label,
    onclick: () => {
      const address = element.url && safeAddress(element.url);
      if (address) window.open(address, "_blank", "noreferrer");
      taken(element.value);
    },
  }, plain(element.text)),
  static_select: (block, element, scene, taken) =>
    select(block, element, scene, choicesOf(element, scene.words), element.initial_option?.value, taken),
  users_select: (block, element, scene, taken) => select(block, element, scene, peopleOf(scene), element.initial_user, taken),
  overflow: (block, element, scene, taken) => select(block, { ...element, placeholder: { type: "plain_text", text: "More" } }, scene, choicesOf(element, scene.words), "", taken),
  multi_static_select: (block, element, scene, taken) =>
    boxes(block, element, scene, "checkbox", choicesOf(element, scene.words), values(element.initial_options), taken),
  multi_users_select: (block, element, scene, taken) => boxes(block, element, scene, "checkbox", peopleOf(scene), element.initial_users ?? [], taken),
  checkboxes: (block, element, scene, taken) =>
    boxes(block, element, scene, "checkbox", choicesOf(element, scene.words), values(element.initial_options), taken),
  radio_buttons: (block, element, scene, taken) =>
    boxes(block, element, scene, "radio", choicesOf(element, scene.words), element.initial_option?.value, taken),
  datepicker: field("date", "initial_date"),
  timepicker: field("time", "initial_time"),
  datetimepicker: field("datetime-local", "initial_date_time", (value) => (value ? Math.floor(new Date(value).getTime() / 1000) : null)),
  plain_text_input: (block, element, scene, taken) => el(element.multiline ? "textarea" : "input", {
    rows: element.multiline ? 3 : undefined, maxlength: element.max_length, placeholder: plain(element.placeholder) || undefined,
    value: held(block, element, scene, element.initial_value ?? ""), onchange: (event) => taken(event.target.value),
    oninput: (event) => scene.form?.set(block.block_id, element.action_id, event.target.value),
  }),
};

// One element; using it is remembered in the form, and sent unless it stands in an input block that does not
// dispatch.
export function drawElement(block, element, scene) {
  const draw = ELEMENTS[element.type];
  if (!draw) return el("span", { class: "cannot-draw", role: "note" }, `cannot draw element of type ${element.type}`);
  const node = draw(block, element, scene, (value) => {
    if (element.type !== "button" && element.type !== "overflow") scene.form?.set(block.block_id, element.action_id, value);
    if (block.type !== "input" || block.dispatch_action) scene.use(block, element, value, node);
  });
  if (element.focus_on_load) node.autofocus = true;
  return node;
}

// An input block: label, element, hint, and the error beneath it.
export function drawInput(block, scene) {
  const id = `input-${++ids}`;
  const node = drawElement(block, block.element, scene);
  const error = scene.form?.errors[block.block_id];
  const notes = [block.hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  if (notes) node.setAttribute("aria-describedby", notes);
  if (error) node.setAttribute("aria-invalid", "true");
  const label = [textObject(block.label, scene.words), block.optional ? el("small", {}, " (optional)") : null];
  const grouped = node.matches("div");
  if (grouped) node.setAttribute("aria-labelledby", `${id}-label`);
  else node.removeAttribute("aria-label");
  node.id = id;
  const input = el("div", { class: error ? "input wrong" : "input" },
    grouped ? el("p", { class: "label", id: `${id}-label` }, ...label) : el("label", { class: "label", for: id }, ...label),
    node,
    block.hint ? el("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint, scene.words)) : null,
    error ? el("p", { class: "error", id: `${id}-error`, role: "alert" }, error) : null);
  // An error goes as soon as something else is filled in.
  input.addEventListener("input", () => {
    input.classList.remove("wrong");
    input.querySelector(".error")?.remove();
    node.removeAttribute("aria-invalid");
  });
  return input;
}
