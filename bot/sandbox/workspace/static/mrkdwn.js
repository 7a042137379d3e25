// Slack's mrkdwn as nodes: bold, italic, strike, code, quotes, links, mentions, dates, emoji.

import { el, safeAddress } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫",
  rotating_light: "🚨", lock: "🔒", unlock: "🔓", key: "🔑", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  eyes: "👀", bell: "🔔", no_bell: "🔕", tada: "🎉", package: "📦", arrow_right: "➡️", arrow_up: "⬆️",
  large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠", red_circle: "🔴",
  large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", construction: "🚧", sos: "🆘", memo: "📝",
  calendar: "📅", clock1: "🕐", stopwatch: "⏱️", mag: "🔍", gear: "⚙️", information_source: "ℹ️", wrench: "🔧",
  thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", wave: "👋", raised_hand: "✋", octagonal_sign: "🛑",
  point_right: "👉", telephone_receiver: "📞", pager: "📟", speech_balloon: "💬", arrows_counterclockwise: "🔄",
};

export function emoji(name) {
  return EMOJI[name] ?? `:${name}:`;
}

function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);
}

export function decoded(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

const SPANS = [
  [/^```([\s\S]+?)```/, (found) => el("pre", {}, el("code", {}, decoded(found[1].replace(/^\n/, ""))))],
  [/^`([^`\n]+)`/, (found) => el("code", {}, decoded(found[1]))],
  [/^<([^<>\n]+)>/, (found, words) => reference(found[1], words)],
  [/^\*(?=\S)([^*\n]*[^*\s])\*(?![\p{L}\p{N}*])/u, (found, words) => el("strong", {}, spans(found[1], words))],
  [/^_(?=\S)([^_\n]*[^_\s])_(?![\p{L}\p{N}_])/u, (found, words) => el("em", {}, spans(found[1], words))],
  [/^~(?=\S)([^~\n]*[^~\s])~(?![\p{L}\p{N}~])/u, (found, words) => el("s", {}, spans(found[1], words))],
];

// `words` gives the names of people, groups and channels by id.
function spans(text, words) {
  const nodes = [];
  let plain = "";
  let rest = text;
  while (rest) {
    const inWord = /[\p{L}\p{N}]$/u.test(plain);
    const hit = SPANS.map(([pattern, draw]) => [rest.match(pattern), draw])
      .find(([found]) => found && !(inWord && "*_~".includes(found[0][0])));
    if (hit) {
      if (plain) nodes.push(withEmoji(decoded(plain)));
      plain = "";
      nodes.push(hit[1](hit[0], words));
      rest = rest.slice(hit[0][0].length);
    } else {
      plain += rest[0];
      rest = rest.slice(1);
    }
  }
  if (plain) nodes.push(withEmoji(decoded(plain)));
  return nodes;
}

function reference(inner, words) {
  const [target, label] = inner.split(/\|(.*)/s);
  if (target.startsWith("@")) return mention(`@${words.person(target.slice(1)) ?? label ?? target.slice(1)}`, target.slice(1) === words.me);
  if (target.startsWith("#")) return mention(`#${words.channel(target.slice(1)) ?? label ?? target.slice(1)}`);
  if (target.startsWith("!subteam^")) {
    const group = words.group(target.slice(9));
    return mention(group ? `@${group.handle}` : label ?? target.slice(9), group?.users.includes(words.me));
  }
  if (target.startsWith("!date^")) {
    const [, seconds, format, link] = target.split("^");
    return date(Number(seconds), format, link, label ?? "");
  }
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`, true);
  const address = safeAddress(decoded(target));
  if (!address) return document.createTextNode(`<${decoded(inner)}>`);
  return el("a", { href: address, target: "_blank", rel: "noreferrer" }, decoded(label ?? target));
}

export function mention(text, isMe = false) {
  return el("span", { class: isMe ? "mention me" : "mention" }, text);
}

function dayName(when) {
  const days = Math.round((new Date(when).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 864e5);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

// `<!date^…>` in the reader's own zone, with Slack's tokens.
export function date(seconds, format, link, fallback) {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime()) || !format) return document.createTextNode(decoded(fallback));
  const day = (options) => when.toLocaleDateString(undefined, options);
  const forms = {
    date: () => day({ year: "numeric", month: "long", day: "numeric" }),
    date_num: () => `${when.getFullYear()}-${String(when.getMonth() + 1).padStart(2, "0")}-${String(when.getDate()).padStart(2, "0")}`,
    date_slash: () => day({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date_short: () => day({ year: "numeric", month: "short", day: "numeric" }),
    date_long: () => day({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    day_divider_pretty: () => dayName(when) ?? day({ weekday: "long", month: "long", day: "numeric" }),
    time: () => when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }),
    time_secs: () => when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(when),
  };
  const text = format.replace(/\{(\w+)\}/g, (all, token) => {
    const plain = token.replace(/_pretty$/, "");
    if (token !== plain && token !== "day_divider_pretty") return dayName(when) ?? forms[plain]?.() ?? all;
    return forms[token]?.() ?? all;
  });
  const time = el("time", { datetime: when.toISOString(), title: when.toString() }, decoded(text));
  return link && safeAddress(link) ? el("a", { href: link, target: "_blank", rel: "noreferrer" }, time) : time;
}

function ago(when) {
  const minutes = Math.round((when - Date.now()) / 60000);
  const names = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (Math.abs(minutes) < 60) return names.format(minutes, "minute");
  if (Math.abs(minutes) < 1440) return names.format(Math.round(minutes / 60), "hour");
  return names.format(Math.round(minutes / 1440), "day");
}

export function mrkdwn(text, words) {
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(el("blockquote", {}, lines(quoted.join("\n"), words)));
    quoted = [];
  };
  const pieces = text.split(/(```[\s\S]+?```)/);
  for (const piece of pieces) {
    if (piece.startsWith("```") && piece.length > 6) {
      flush();
      nodes.push(...spans(piece, words));
      continue;
    }
    let open = [];
    for (const line of piece.split("\n")) {
      const quote = line.match(/^(?:&gt;|>) ?(.*)$/);
      if (quote) {
        if (open.length) nodes.push(...lines(open.join("\n"), words));
        open = [];
        quoted.push(quote[1]);
      } else {
        flush();
        open.push(line);
      }
    }
    flush();
    if (open.length) nodes.push(...lines(open.join("\n"), words));
  }
  return nodes;
}

function lines(text, words) {
  return text.split("\n").flatMap((line, index) => [...(index ? [el("br")] : []), ...spans(line, words)]);
}

export function textObject(object, words) {
  if (object.type === "mrkdwn") return mrkdwn(object.text, words);
  return [withEmoji(decoded(object.text))];
}
