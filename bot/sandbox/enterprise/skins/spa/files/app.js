"use strict";
// The whole console: one page, drawn from the answers of /api. Nothing is drawn anew unless it has changed.

const VIEWS = {
  Packages: { title: "Packages", from: "/api/packages", draw: packages },
  Operations: { title: "Operations", from: "/api/operations", draw: operations, below: "System" },
  "General Settings": { title: "General Settings", from: "/api/general", draw: nothing, below: "System" },
  "Database Affinity": { title: "Database Affinity", from: "/api/affinity", draw: nothing, below: "System" },
  "Health Agents": { title: "Health Agents", from: "/api/agents", draw: nothing, below: "System" },
  Logs: { title: "Logs", from: "/api/logs", draw: logs, below: "System" },
  Network: { title: "Network", from: "/api/network", draw: nothing },
  Security: { title: "Security", from: "/api/security", draw: security },
  Enterprise: { title: "Enterprise", from: "/api/enterprise", draw: enterprise },
};
const SYSTEM = Object.keys(VIEWS).filter((name) => VIEWS[name].below === "System");
const TABS = { Packages: "Packages", System: "Operations", Network: "Network", Security: "Security", Enterprise: "Enterprise" };
const EVERY = 1000;

const app = document.getElementById("app");
const state = { session: null, view: "Packages", page: null, data: null, dialog: null, chosen: null, error: "", silent: false };
let drawn = "";

// Asking

class Refused extends Error {}

async function ask(method, address, body) {
  const headers = { "X-CSRF-Token": state.session ? state.session.token : "" };
  const form = body instanceof FormData;
  if (body && !form) headers["Content-Type"] = "application/json";
  const content = body && !form ? JSON.stringify(body) : body;
  const answer = await fetch(address, { method, headers, body: content, credentials: "same-origin" });
  if (!(answer.headers.get("Content-Type") || "").includes("json")) {
    location.reload(); // no console is there any more: let its page be seen
    throw new Refused("");
  }
  const data = await answer.json();
  if (answer.status === 401) {
    const had = state.session && state.session.user;
    Object.assign(state, { session: data, page: null, data: null, dialog: null, chosen: null, error: "" });
    state.session.expired = data.expired || Boolean(had);
    throw new Refused((data.errors || []).join("; "));
  }
  if (!answer.ok) throw new Refused(data.error);
  return data;
}

async function act(address, body, then) {
  try {
    const data = await ask("POST", address, body || {});
    Object.assign(state, { error: "", page: null, dialog: null });
    await then(data);
  } catch (error) {
    state.error = error instanceof Refused ? error.message : "The appliance does not answer.";
    if (state.session && state.session.user) state.dialog = null;
  }
  draw();
}

async function refresh() {
  const view = state.view;
  try {
    const data = await ask("GET", VIEWS[view].from);
    if (view === state.view) state.data = data;
    state.silent = false;
  } catch (error) {
    state.silent = !(error instanceof Refused);
  }
  draw();
}

async function begin() {
  try {
    state.session = await ask("GET", "/api/session");
    state.silent = false;
  } catch (error) {
    state.silent = !(error instanceof Refused);
  }
  draw();
}

async function poll() {
  if (!state.session) await begin();
  if (state.session && state.session.user && !state.page) await refresh();
  setTimeout(poll, EVERY);
}

function show(name) {
  Object.assign(state, { view: name, page: null, data: null, dialog: null, error: "" });
  draw();
  return refresh();
}

const recorded = (data) => { state.page = { title: data.recorded, draw: () => [h("p", {}, "The request was recorded.")] }; };

// Drawing

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "click") {
      element.addEventListener("click", value);
      element.addEventListener("keydown", (event) => { if (event.key === "Enter") value(event); });
    } else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null));
  return element;
}

const button = (label, click, main) => h("div", { role: "button", tabindex: "0", class: main ? "main" : "", click }, label);

function table(heads, rows) {
  return h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", {}, head)))), h("tbody", {}, rows));
}

const row = (...cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)));

function draw() {
  const now = JSON.stringify([state.session, state.view, state.page, state.data, state.dialog, state.chosen, state.error, state.silent]);
  if (now === drawn) return;
  drawn = now;
  app.replaceChildren(...(state.session && state.session.user ? inside() : outside()));
}

function outside() {
  if (!state.session) return [foot()];
  const user = h("input", { type: "text", id: "u", autocomplete: "off" });
  const password = h("input", { type: "password", id: "p", autocomplete: "off" });
  const submit = (event) => {
    event.preventDefault();
    act("/api/sign-in", { user: user.value, password: password.value }, (session) => {
      state.session = session;
      return show("Packages");
    });
  };
  return [h("main", {},
    h("h1", {}, "Sign in"),
    state.session.expired && !state.error ? h("div", { role: "status" }, "Your session has ended. Sign in again.") : null,
    state.error ? h("div", { role: "alert" }, state.error) : null,
    h("form", { onsubmit: submit },
      h("div", { class: "field" }, h("label", { for: "u" }, h("span", {}, "Username")), user),
      h("div", { class: "field" }, h("label", { for: "p" }, h("span", {}, "Password")), password),
      h("button", { type: "submit" }, "Sign in"))), foot()];
}

function inside() {
  const view = state.page || VIEWS[state.view];
  const current = VIEWS[state.view].below || state.view;
  const out = () => act("/api/sign-out", null, (session) => { state.session = session; });
  const tab = (name, to, on) => h("span", { role: "tab", tabindex: "0", "aria-selected": String(on), click: () => show(to) }, name);
  const unknown = state.data && state.data.advisory && !state.page;
  return [
    h("div", { class: "bar" },
      h("strong", {}, "Imprivata"), h("span", {}, state.session.appliance),
      h("div", { role: "tablist" }, Object.entries(TABS).map(([name, to]) => tab(name, to, name === current))),
      h("span", { class: "who" }, state.session.user), button("Sign out", out)),
    h("main", {},
      h("h1", {}, unknown ? state.data.advisory : view.title),
      current === "System" && !state.page ? h("div", { role: "tablist" }, SYSTEM.map((name) => tab(name, name, name === state.view))) : null,
      state.data && state.data.locked ? h("div", { role: "status" }, "Enterprise lock: the enterprise is being upgraded.") : null,
      state.error ? h("div", { role: "alert" }, state.error) : null,
      unknown ? h("table", {}, row("Subsystem", state.data.subsystem)) : null,
      state.page ? state.page.draw(state.page) : state.data && !unknown ? view.draw(state.data) : null),
    foot(),
    ...(state.dialog ? [h("div", { class: "curtain" }), dialog(state.dialog)] : []),
  ];
}

function foot() {
  return h("footer", {}, state.silent ? "The appliance does not answer. Trying again. " : "", "A simulation. Not an Imprivata product.");
}

// The views

function packages(data) {
  const list = (answer) => { state.data = answer; };
  const chosen = () => ({ package: state.chosen });
  const choose = (name) => () => { state.chosen = name; draw(); };
  return [
    ...data.errors.map((words) => h("div", { role: "alert" }, words)),
    data.work ? work(data.work, list) : null,
    table(["Name", "Type", "Size", "Status"], data.packages.map((listed) => {
      const on = String(listed.name === state.chosen);
      return h("tr", { class: "choice", "aria-selected": on, click: choose(listed.name) },
        h("td", {}, h("span", { role: "radio", "aria-checked": on, tabindex: "0" }, listed.name)),
        h("td", {}, listed.kind), h("td", {}, listed.size), h("td", {}, listed.status));
    })),
    button("Upload Imprivata Package", () => act("/api/packages/check", null, () => { state.page = { title: "Upload Imprivata Package", draw: upload }; })),
    button("Distribute", () => act("/api/distribution/check", chosen(), (about) => { state.dialog = about; })),
    button("Install", () => act("/api/installation/check", chosen(), (about) => { state.page = { ...about, title: "IPM Information", draw: information }; })),
    button("Remove", () => act("/api/packages/remove", chosen(), recorded)),
  ];
}

function work(going, list) {
  const words = (one) => one.error ? `Error: ${one.error}` : one.percent === null ? "Waiting for its turn" : one.complete ? "Finished" : `${one.percent}%`;
  const track = (one) => one.percent === null || one.complete || one.error ? null
    : h("span", { class: "track" }, h("span", { style: `width: ${one.percent}%` }));
  return h("section", {},
    h("h2", {}, `${going.kind === "distribution" ? "Distribution" : "Installation"} of ${going.package}`),
    table(["Appliance", "Progress"], going.rows.map((one) => row(one.appliance, [track(one), words(one)].filter(Boolean)))),
    going.done ? button("Done", () => act("/api/distribution/done", null, list), true) : null);
}

function upload() {
  const file = h("input", { type: "file", id: "f" });
  const send = () => {
    if (state.page.busy) return;
    const form = new FormData();
    if (file.files.length) form.append("file", file.files[0]);
    state.page.busy = true;
    act("/api/packages", form, () => show("Packages")).then(() => { if (state.page) state.page.busy = false; });
  };
  return [h("div", { class: "field" }, h("label", { for: "f" }, h("span", {}, "Imprivata Package")), file), button("Upload", send, true),
    button("Cancel", () => show("Packages"))];
}

function dialog(about) {
  const list = (answer) => { state.data = answer; };
  return h("div", { role: "dialog", "aria-modal": "true", "aria-labelledby": "d" },
    h("h2", { id: "d" }, "Distribute"),
    h("p", {}, "Copy ", h("strong", {}, about.package), ` to ${about.appliances.join(", ")}.`),
    button("Send", () => act("/api/distribution", { package: about.package }, list), true),
    button("Cancel", () => { state.dialog = null; draw(); }));
}

function information(about) {
  const scope = (name) => () => { about.scope = name; draw(); };
  return [
    h("table", {}, h("tbody", {}, [["Name", about.package], ["Hotfix", about.release], ["Size", about.size]].map(([head, value]) =>
      h("tr", {}, h("th", { scope: "row" }, head), h("td", {}, value))))),
    h("div", { role: "radiogroup", "aria-label": "Where" }, Object.entries(about.scopes).map(([name, label]) =>
      h("div", { role: "radio", tabindex: "0", "aria-checked": String(name === about.scope), click: scope(name) }, label))),
    button("Install", () => act("/api/installation", { package: about.package, scope: about.scope }, () => show("Packages")), true),
    button("Cancel", () => show("Packages")),
  ];
}

function enterprise(data) {
  return [
    table(["Appliance", "Type", "Hotfix"], data.appliances.map((one) => row(one.name, one.kind, one.level))),
    button("Remove Appliance", () => act("/api/enterprise/remove", null, recorded)),
    button("Permanently Delete", () => act("/api/enterprise/delete", null, recorded)),
  ];
}

function operations(data) {
  return [
    h("dl", {}, [["Appliance", data.appliance], ["Type", data.kind], ["Imprivata Server", data.server]].map(([head, value]) =>
      [h("dt", {}, head), h("dd", {}, value)])),
    button("Reboot/shutdown options", () => act("/api/power", null, recorded)),
    button("Stop/restart options", () => act("/api/server", null, recorded)),
  ];
}

function logs() {
  return [
    h("p", {}, h("a", { class: "link", href: "/api/logs/file", download: "" }, "Download logs")),
    button("Clear Logs", () => act("/api/logs/clear", null, recorded)),
  ];
}

function security() {
  return [h("p", {}, "The certificate of this console is self-signed."), button("Recreate Self Signed Certs", () => act("/api/certificates", null, recorded))];
}

function nothing() {
  return [h("p", {}, "Nothing here belongs to the procedure.")];
}

poll();
