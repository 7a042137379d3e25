// The page: one person at a time, what they see, kept live by server-sent events.

import { el, post, reconcile } from "./dom.js";
import { drawBlocks } from "./blocks.js";
import { emoji, mrkdwn } from "./mrkdwn.js";
import { Modal, ask } from "./modal.js";

const HOME = "home";
const byId = (id) => document.getElementById(id);

class Page {
  constructor() {
    const asked = new URLSearchParams(location.search);
    this.me = asked.get("user") ?? sessionStorage.getItem("me");
    this.place = null;
    this.thread = null;
    this.modal = new Modal(this);
    byId("me").addEventListener("change", (event) => this.become(event.target.value));
    byId("composer").addEventListener("submit", (event) => this.send(event));
    byId("reply").addEventListener("submit", (event) => this.reply(event));
    byId("thread-close").addEventListener("click", () => this.openThread(null));
  }

  async start() {
    const { people } = await (await fetch("/people")).json();
    const active = people.filter((person) => !person.bot && !person.deactivated);
    if (!active.some(({ id }) => id === this.me)) this.me = active[0].id;
    await this.refresh();
    const events = new EventSource("/people/events");
    events.onmessage = () => this.refresh();
    events.onerror = () => { byId("link").textContent = "The local workspace does not answer."; };
  }

  become(user) {
    this.me = user;
    this.place = null;
    this.thread = null;
    sessionStorage.setItem("me", user);
    this.refresh();
  }

  // Changes come in bursts: one look at a time, and one more when something changed meanwhile.
  async refresh() {
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    try {
      do {
        this.again = false;
        const user = this.me;
        const answer = await fetch(`/people/screen?user=${encodeURIComponent(user)}`);
        const screen = await answer.json();
        if (user === this.me) this.draw(screen);
        else this.again = true;
      } while (this.again);
    } catch {
      byId("link").textContent = "The local workspace does not answer.";
    } finally {
      this.looking = false;
    }
  }

  draw(screen) {
    this.screen = screen;
    const people = new Map(screen.people.map((person) => [person.id, person]));
    const groups = new Map(screen.groups.map((group) => [group.id, group]));
    this.words = {
      me: screen.me,
      people: screen.people.filter((person) => !person.bot && !person.deactivated),
      person: (id) => people.get(id)?.real_name,
      group: (id) => groups.get(id),
      channel: (id) => screen.channels.find((channel) => channel.id === id)?.name,
    };
    this.place ??= screen.channels[0]?.id ?? HOME;
    byId("link").textContent = screen.connections ? "The app is connected." : "No app is connected.";
    byId("link").dataset.on = String(screen.connections > 0);
    this.drawPeople();
    this.drawPlaces();
    this.drawNotices();
    this.drawPlace();
    this.drawThread();
    this.modal.show(screen.views, this.words);
  }

  drawPeople() {
    reconcile(byId("me"), this.screen.people.filter((person) => !person.bot && (!person.deactivated || person.id === this.me)).map((person) => {
      const note = person.deactivated ? "deactivated" : person.guest ? "guest" : person.title;
      return { key: person.id, json: JSON.stringify(person), draw: () => el("option", { value: person.id }, `${person.real_name}${note ? ` (${note})` : ""}`) };
    }));
    byId("me").value = this.me;
  }

  drawPlaces() {
    const places = this.screen.channels.map(({ id, is_im, name, unread }) =>
      ({ id, unread: id === this.place ? 0 : unread, name: is_im ? this.screen.app.name : `# ${name}` }));
    places.push({ id: HOME, unread: 0, name: `${this.screen.app.name} home` });
    reconcile(byId("places"), places.map((place) => {
      const current = place.id === this.place;
      return { key: place.id, json: JSON.stringify([place, current]), draw: () => el("button",
        { type: "button", class: place.unread ? "place unread" : "place", "aria-current": current ? "page" : undefined, onclick: () => this.go(place.id) },
        el("span", {}, place.name), place.unread ? el("span", { class: "count", "aria-label": `${place.unread} unread` }, String(place.unread)) : null) };
    }));
  }

  go(place) {
    this.place = place;
    this.thread = null;
    if (place === HOME) post("/people/home", { user: this.me });
    this.draw(this.screen);
    byId("scroll").scrollTop = byId("scroll").scrollHeight;
  }

  drawNotices() {
    const here = this.screen.notices.filter((notice) => !notice.ts);
    reconcile(byId("notices"), here.map((notice) => ({ key: notice.id, json: notice.id, draw: () => this.notice(notice) })));
  }

  notice(notice) {
    return el("div", { class: "notice", role: "alert" }, el("span", {}, notice.text),
      el("button", { type: "button", onclick: () => post("/people/dismiss", { user: this.me, notice: notice.id }) }, "Dismiss"));
  }

  drawPlace() {
    const isHome = this.place === HOME;
    const channel = this.screen.channels.find(({ id }) => id === this.place);
    const name = isHome ? `${this.screen.app.name} home` : channel.is_im ? this.screen.app.name : `# ${channel.name}`;
    byId("place").textContent = name;
    byId("messages").hidden = byId("composer").hidden = isHome;
    byId("home").hidden = !isHome;
    if (isHome) return this.drawHome();
    const label = channel.is_im ? name : `#${channel.name}`;
    byId("words-label").textContent = `Message ${label}`;
    byId("words").placeholder = `Message ${label}`;
    byId("hint").textContent = `Type ${this.screen.command} for the app's command, or plain words for everybody here.`;
    const scroll = byId("scroll");
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    const shown = channel.messages.filter((message) => !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast");
    this.drawMessages(byId("messages"), shown);
    if (atEnd) scroll.scrollTop = scroll.scrollHeight;
    if (channel.unread && !document.hidden) post("/people/read", { user: this.me, channel: channel.id });
  }

  drawHome() {
    const { home } = this.screen;
    const json = JSON.stringify([home?.hash, this.me]);
    if (byId("home").drawnFrom === json) return;
    byId("home").drawnFrom = json;
    const use = (block, element, value) => this.useInView(home, block, element, value);
    byId("home").replaceChildren(...(home ? drawBlocks(home.blocks, { words: this.words, use }) : [el("p", { class: "hint" }, "The app has published nothing here.")]));
  }

  async useInView(view, block, element, value) {
    if (element.confirm && !(await ask(element.confirm, this.words))) return;
    await post("/people/block_action", { user: this.me, view_id: view.id, block_id: block.block_id, action_id: element.action_id, value });
  }

  drawMessages(list, messages) {
    reconcile(list, messages.map((message) => {
      const notices = this.screen.notices.filter(({ ts, channel }) => ts === message.ts && channel === message.channel);
      return { key: message.ts, json: JSON.stringify([message, notices, this.me, this.screen.people]), draw: () => this.message(message, notices) };
    }));
  }

  message(message, notices) {
    const author = this.screen.people.find(({ id }) => id === message.user);
    const name = author?.real_name ?? message.user;
    const when = new Date(Number(message.ts) * 1000);
    const scene = { words: this.words, use: (block, element, value, node) => this.use(message, block, element, value, node) };
    const body = message.blocks.length ? drawBlocks(message.blocks, scene) : message.text ? [el("div", { class: "text" }, mrkdwn(message.text, this.words))] : [];
    const replies = message.reply_count;
    return el("li", { class: message.ephemeral ? "message ephemeral" : "message" }, el("article", { "aria-label": `Message from ${name}` },
      message.ephemeral ? el("p", { class: "only" }, "Only visible to you") : null,
      message.pinned_to ? el("p", { class: "only" }, "Pinned") : null,
      el("p", { class: "by" }, el("strong", {}, name), author?.bot ? el("span", { class: "tag" }, "App") : null, " ",
        el("time", { datetime: when.toISOString(), title: when.toString() }, when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }))),
      body,
      message.edited ? el("span", { class: "edited" }, "(edited)") : null,
      (message.files ?? []).map((file) => el("p", { class: "file" }, el("a", { href: file.url_private, download: file.name }, file.title), ` ${file.size} bytes`)),
      message.reactions ? el("p", { class: "reactions" }, message.reactions.map(({ name: one, count }) => el("span", { class: "tag" }, `${emoji(one)} ${count}`))) : null,
      notices.map((notice) => this.notice(notice)),
      message.ephemeral || (message.thread_ts && message.thread_ts !== message.ts) ? null : el("button",
        { type: "button", class: replies ? "replies" : "replies none", onclick: () => this.openThread(message.ts) },
        replies ? `${replies} ${replies === 1 ? "reply" : "replies"}` : "Reply in thread")));
  }

  async use(message, block, element, value, node) {
    if (element.confirm && !(await ask(element.confirm, this.words))) return;
    node.setAttribute("aria-busy", "true");
    const answer = await post("/people/click", { user: this.me, channel: message.channel, ts: message.ts, block_id: block.block_id, action_id: element.action_id, value });
    node.removeAttribute("aria-busy");
    if (!answer.ok) this.refresh();
  }

  openThread(ts) {
    this.thread = ts;
    this.drawThread();
  }

  drawThread() {
    byId("thread").hidden = !this.thread;
    if (!this.thread) return;
    const channel = this.screen.channels.find(({ id }) => id === this.place);
    this.drawMessages(byId("replies"), (channel?.messages ?? []).filter(({ ts, thread_ts }) => this.thread === ts || this.thread === thread_ts));
  }

  async send(event) {
    event.preventDefault();
    const text = byId("words").value.trim();
    if (!text) return;
    byId("words").value = "";
    const path = text.startsWith("/") ? "/people/command" : "/people/message";
    await post(path, { user: this.me, channel: this.place, text });
    byId("scroll").scrollTop = byId("scroll").scrollHeight;
  }

  async reply(event) {
    event.preventDefault();
    const text = byId("reply-words").value.trim();
    if (!text) return;
    byId("reply-words").value = "";
    await post("/people/message", { user: this.me, channel: this.place, thread_ts: this.thread, text });
  }
}

new Page().start();
