// The dialogs: the modal on top of a person's stack, and the question a button asks first.

import { el, post } from "./dom.js";
import { drawBlocks } from "./blocks.js";
import { textObject } from "./mrkdwn.js";

// What was filled in in one view, kept while the view stays open and through its updates.
class Form {
  constructor() {
    this.values = {};
    this.errors = {};
  }

  get(block, action) {
    return this.values[block]?.[action];
  }

  set(block, action, value) {
    (this.values[block] ??= {})[action] = value;
    delete this.errors[block];
  }
}

export function ask(confirm, words) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    const answer = (value) => () => {
      dialog.close();
      resolve(value);
    };
    dialog.oncancel = answer(false);
    dialog.replaceChildren(
      el("h2", { id: "confirm-title" }, textObject(confirm.title, words)),
      el("div", { class: "dialog-body" }, textObject(confirm.text, words)),
      el("div", { class: "dialog-foot" },
        el("button", { type: "button", onclick: answer(false) }, confirm.deny ? textObject(confirm.deny, words) : "Cancel"),
        el("button", { type: "button", class: confirm.style ?? "primary", onclick: answer(true) }, confirm.confirm ? textObject(confirm.confirm, words) : "Confirm")));
    dialog.showModal();
  });
}

export class Modal {
  constructor(page) {
    this.page = page;
    this.dialog = document.getElementById("modal");
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave(false);
    });
    this.forms = new Map();
    this.drawn = "";
  }

  show(views, words) {
    this.forms = new Map(views.map((view) => [view.id, this.forms.get(view.id) ?? new Form()]));
    this.view = views.at(-1);
    if (!this.view) {
      this.drawn = "";
      if (this.dialog.open) this.dialog.close();
      return;
    }
    this.words = words;
    const drawn = JSON.stringify([this.view.id, this.view.hash, this.view.notice, words.me]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.draw();
    }
    if (!this.dialog.open) this.dialog.showModal();
  }

  draw() {
    const { view, words } = this;
    const form = this.forms.get(view.id);
    const scene = { words, form, use: (block, element, value) => this.use(block, element, value) };
    this.dialog.replaceChildren(
      el("form", { method: "dialog", novalidate: true, onsubmit: (event) => this.submit(event) },
        el("div", { class: "dialog-head" },
          el("h2", { id: "modal-title" }, textObject(view.title, words)),
          el("button", { type: "button", class: "quiet", "aria-label": "Close this and all below", onclick: () => this.leave(true) }, "✕")),
        el("div", { class: "dialog-body" },
          view.notice ? el("p", { class: "error", role: "alert" }, view.notice) : null,
          drawBlocks(view.blocks, scene)),
        el("div", { class: "dialog-foot" },
          el("button", { type: "button", onclick: () => this.leave(false) }, view.close ? textObject(view.close, words) : view.previous_view_id ? "Back" : "Cancel"),
          view.submit ? el("button", { type: "submit", class: "primary", disabled: view.submit_disabled }, textObject(view.submit, words)) : null)));
  }

  async submit(event) {
    event.preventDefault();
    const { view } = this;
    const form = this.forms.get(view.id);
    const button = this.dialog.querySelector("button[type=submit]");
    if (!button || button.disabled) return;
    button.disabled = true;
    const answer = await post("/people/submit", { user: this.words.me, view_id: view.id, values: form.values });
    form.errors = answer.errors ?? {};
    button.disabled = false;
    if (this.view?.id === view.id) this.draw();
    this.dialog.querySelector("[aria-invalid]")?.focus();
    this.page.refresh();
  }

  async use(block, element, value) {
    if (element.confirm && !(await ask(element.confirm, this.words))) return;
    await post("/people/block_action", {
      user: this.words.me, view_id: this.view.id, block_id: block.block_id, action_id: element.action_id, value,
      values: this.forms.get(this.view.id).values,
    });
  }

  async leave(clear) {
    await post("/people/close", { user: this.words.me, view_id: this.view.id, clear });
    this.page.refresh();
  }
}
