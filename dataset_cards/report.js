"use strict";
// Every text of the data reaches the page as a text node: nothing here parses HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const controls = byId("controls");
const feed = byId("samples");
const dialog = byId("sample");
const PAGE = 48; // samples that are drawn at once, however many there are: whole rows of 2, 3 or 4

let found = []; // places in data.views that pass the filters
let first = 0; // place in `found` of the first that is drawn
let opened = -1; // place in `found` of the sample in the dialog

/** Make an element; children are elements or texts, and null is left out. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

const text = (tag, style, content) => make(tag, { class: `text ${style}`, dir: "auto" }, content);
const plain = (name) => name.replaceAll("_", " ");
const title = (name) => plain(name).replace(/^./, (first) => first.toUpperCase());
const number = (value, digits = { maximumFractionDigits: 4 }) =>
  value.toLocaleString("en", digits).replace("-", "\u2212");
const LANGUAGES = { english: "en", chinese: "zh-Hans" };

// Words that changed: parts are texts that both have, or [before, after].

function sentence(parts, side, tag, style) {
  const line = make("span", { class: "text", dir: "auto" });
  for (const part of parts) {
    const words = Array.isArray(part) ? part[side] : part;
    if (!words) continue;
    if (line.childNodes.length) line.append(" ");
    line.append(Array.isArray(part) ? make(tag, { class: style }, words) : words);
  }
  if (!line.childNodes.length) line.append(make("span", { class: "empty" }, "nothing"));
  return line;
}

/** Return the rows of a sentence and, where it has one, of its negative. */
function pair(parts, place) {
  const line = (field, label, side, tag, style) =>
    ({ field, place, shown: make("p", {}, make("span", { class: "label" }, label), sentence(parts, side, tag, style)) });
  const yes = line("long_positive", "✓ ", 0, "span", "was");
  return parts.some(Array.isArray) ? [yes, line("long_negative", "✗ ", 1, "mark", "now")] : [yes];
}

// Texts with what stands beside them: rows are {field, place, shown}, and `shown` an element.

const SCORES = {
  clip: { name: "cosine", means: "of picture and text", digits: { minimumFractionDigits: 3, maximumFractionDigits: 3 } },
  f_clipscore_grad: {
    name: "F-CLIPScore",
    means: "CLIP4DM's: 0 where no word is misaligned, less where some are",
    digits: { maximumSignificantDigits: 2 },
  },
};

/** Return what stands beside a text: nothing where there are no such scores, "none" where it has none. */
function beside(view, field, place, kind) {
  const scores = (view.beside[field] || {})[kind] || [];
  if (place >= scores.length) return "";
  return scores[place] === null ? "none" : number(scores[place], SCORES[kind].digits);
}

const mendedBy = (view) => ["mended", (view.who.realigned || {}).model].filter(Boolean).join(" by ");

/** Add below a text that it was mended, and by whom. */
function marked(view, { field, place, shown }) {
  const anew = (view.beside[field] || {}).realigned || [];
  if (anew.includes(place)) shown.append(make("small", { class: "mended" }, mendedBy(view)));
  return shown;
}

/** Return texts as a table with their scores, or one below the other where they have none. */
function scored(view, rows) {
  const kinds = Object.keys(SCORES).filter((kind) => rows.some((row) => (view.beside[row.field] || {})[kind]));
  const shown = rows.map((row) => marked(view, row));
  if (!kinds.length) return [make("div", { class: "lines" }, ...shown)];
  const heads = kinds.map((kind) => make("th", { scope: "col", title: SCORES[kind].means }, SCORES[kind].name));
  const lines = rows.map(({ field, place }, row) =>
    make("tr", { class: field }, make("td", {}, shown[row]),
      ...kinds.map((kind) => make("td", {}, beside(view, field, place, kind)))));
  const head = make("thead", {}, make("tr", {}, make("td"), ...heads));
  return [make("table", { class: "scored" }, head, make("tbody", {}, ...lines))];
}

function difference(parts) {
  const line = make("span", { class: "text", dir: "auto" });
  for (const part of parts) {
    if (line.childNodes.length) line.append(" ");
    if (!Array.isArray(part)) line.append(part);
    else {
      if (part[0]) line.append(make("del", {}, part[0]));
      if (part[0] && part[1]) line.append(" ");
      if (part[1]) line.append(make("ins", {}, part[1]));
    }
  }
  return line;
}

// Pictures with their regions.

function picture(view, maxHeight, grow) {
  const figure = make("figure", { class: "shot" });
  const shot = view.picture;
  if (!shot.uri) {
    figure.append(make("div", { class: "none" }, shot.note));
    return figure;
  }
  const frame = make("div", { class: "frame" });
  const alt = view.caption || view.alt || "without text";
  frame.append(make("img", { src: shot.uri, width: shot.width, height: shot.height, alt, decoding: "async" }));
  const wide = Math.round(Math.min(shot.width * grow, (maxHeight * shot.width) / shot.height));
  frame.style.width = `min(100%, ${wide}px)`;
  if (view.regions && view.regions.length) frame.append(boxes(view.regions));
  figure.append(frame);
  return figure;
}

function boxes(regions) {
  const layer = make("div", { class: "boxes", "aria-hidden": "true" });
  regions.forEach((region, place) => {
    const [x0, y0, x1, y1] = region.box;
    const sides = `${y0 < 0.1 ? " high" : ""}${x0 > 0.55 ? " far" : ""}`; // where its phrase has room
    const box = make("div", { class: `box hue${place % 6}${sides}` }, make("span", {}, region.phrase));
    Object.assign(box.style, {
      left: `${100 * x0}%`, top: `${100 * y0}%`, width: `${100 * (x1 - x0)}%`, height: `${100 * (y1 - y0)}%`,
    });
    layer.append(box);
  });
  return layer;
}

// One card of the gallery.

function card(view, place) {
  const words = make("div", { class: "words" });
  const why = view.reason ? `${view.kind} by ${view.stage}: ${view.reason}` : null;
  if (why) {
    words.append(make("p", { class: "why" }, why));
    const meaning = data.reasons[view.reason];
    if (meaning) words.append(make("p", {}, make("small", {}, meaning)));
  }
  words.append(make("h3", {}, "Alt text"), view.alt ? text("p", "alt", view.alt) : make("p", { class: "empty" }, "none"));
  if (!why) {
    words.append(make("h3", {}, "Caption"));
    const changed = view.changes && view.changes.caption;
    if (changed) words.append(make("p", {}, difference(changed[0])));
    else if (view.caption === view.alt) words.append(make("p", { class: "empty" }, "the alt text as it came"));
    else words.append(text("p", "caption", view.caption));
    const first = view.pairs.find((parts) => parts.some(Array.isArray));
    if (first) words.append(make("h3", {}, "Negative"), make("p", {}, sentence(first, 1, "mark", "now")));
  }
  words.append(make("ul", { class: "tags" }, ...hints(view).map((hint) => make("li", {}, hint))));
  const label = `${title(view.kind)} sample ${view.key}: ${(view.caption || view.alt || why || "").slice(0, 120)}`;
  return make(
    "article",
    { class: "card", tabindex: place === first ? "0" : "-1", "aria-posinset": place + 1, "aria-setsize": found.length,
      "aria-label": label, "data-place": place },
    make("div", {}, picture(view, 230, 1), words),
  );
}

function hints(view) {
  if (view.reason) return view.value ? [view.value] : [];
  const counted = Object.entries(view.texts).filter(([name]) => name !== "short_negative")
    .map(([name, texts]) => [name === "short_positive" ? "tags" : plain(name), texts.length]);
  counted.unshift(["sentences", view.pairs.length]);
  counted.push(["regions", view.regions.length]);
  const told = counted.filter(([, many]) => many)
    .map(([name, many]) => (many > 1 ? `${many} ${name}` : name.endsWith("s") ? `1 ${name.slice(0, -1)}` : name));
  const anew = Object.values(view.beside).map((columns) => (columns.realigned || []).length).reduce((a, b) => a + b, 0);
  if (anew) told.push(`${anew} ${mendedBy(view)}`);
  if (view.set === "here" || view.set === "there") told.push(`only ${view.set}`);
  return [...told, ...Object.entries(view.scores).map(([name, score]) => `${plain(name)} ${number(score)}`)];
}

/** Draw the page of the gallery that holds a place in `found`. */
function show(place) {
  first = place - (place % PAGE);
  const page = found.slice(first, first + PAGE);
  feed.replaceChildren(...page.map((view, after) => card(data.views[view], first + after)));
  if (!page.length) feed.append(make("p", { class: "empty" }, "No sample fits. Clear a filter or search for less."));
  byId("pages").hidden = found.length <= PAGE;
  byId("page").value = first;
  byId("before").disabled = first === 0;
  byId("after").disabled = first + PAGE >= found.length;
}

/** Name the pages in their menu, by the samples that they hold. */
function namePages() {
  const starts = Array.from({ length: Math.ceil(found.length / PAGE) }, (_, page) => page * PAGE);
  byId("page").replaceChildren(...starts.map((start) =>
    make("option", { value: start }, `${number(start + 1)} to ${number(Math.min(start + PAGE, found.length))}`)));
  byId("of").textContent = `of ${number(found.length)}`;
}

// Which samples are shown.

const spoken = (parts, side) =>
  parts.map((part) => (Array.isArray(part) ? part[side] : part)).filter(Boolean).join(" ");

function haystack(view) {
  if (view.hay === undefined) {
    const texts = [view.uid, view.key, view.source, view.alt, view.caption, view.reason, view.value];
    for (const parts of view.pairs || []) texts.push(...[0, 1].map((side) => spoken(parts, side)));
    texts.push(...Object.values(view.texts || {}).flat(), ...(view.regions || []).map((region) => region.phrase));
    view.hay = texts.filter(Boolean).join("\n").normalize("NFKC").toLowerCase();
  }
  return view.hay;
}

function scoreOf(view, name) {
  if (name in (view.scores || {})) return [view.scores[name]];
  const ofTexts = name.startsWith("clip_") && ((view.beside || {})[name.slice(5)] || {}).clip;
  const scores = name === "regions" ? (view.regions || []).map((region) => region.score) : ofTexts || [];
  return scores.filter((score) => score !== null);
}

const value = (id) => (byId(id) ? byId(id).value : "");

function passes(view, wanted) {
  if (wanted.kind === "published" && view.kind !== "published") return false;
  if (wanted.kind === "rejected" && !view.reason) return false;
  if (wanted.reason && `${view.stage}/${view.reason}` !== wanted.reason) return false;
  if (wanted.set && view.set !== wanted.set) return false;
  const [what, name] = [wanted.has.slice(0, wanted.has.indexOf(":")), wanted.has.slice(wanted.has.indexOf(":") + 1)];
  if (what === "field" && !(view.fields || []).includes(name)) return false;
  if (what === "recipe" && !(view.recipes || []).includes(name)) return false;
  if (wanted.least !== "" || wanted.most !== "") {
    const least = wanted.least === "" ? -Infinity : Number(wanted.least);
    const most = wanted.most === "" ? Infinity : Number(wanted.most);
    if (!scoreOf(view, wanted.score).some((score) => score >= least && score <= most)) return false;
  }
  return wanted.words.every((word) => haystack(view).includes(word));
}

function sorted(places, order, score) {
  const keys = {
    short: (view) => (view.caption || view.alt).length,
    long: (view) => -(view.caption || view.alt).length,
    low: (view) => Math.min(Infinity, ...scoreOf(view, score)),
    high: (view) => -Math.max(-Infinity, ...scoreOf(view, score)),
  };
  const key = keys[order];
  if (!key) return places;
  const keyed = places.map((place) => [key(data.views[place]), place]);
  return keyed.sort((a, b) => (a[0] === b[0] ? a[1] - b[1] : a[0] < b[0] ? -1 : 1)).map(([, place]) => place);
}

function filter() {
  const wanted = {
    kind: controls.elements.kind.value, reason: value("reason"), has: value("has"), set: value("set"),
    score: value("score"), least: value("least"), most: value("most"),
    words: value("query").normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean),
  };
  const places = [];
  data.views.forEach((view, place) => { if (passes(view, wanted)) places.push(place); });
  found = sorted(places, value("order"), wanted.score);
  namePages();
  show(0);
  byId("found").textContent = found.length === 1 ? "1 sample" : `${number(found.length)} samples`;
}

// The sheet of one sample.

function section(name, ...content) {
  return content.length ? [make("h3", {}, name), ...content] : [];
}

function sheet(view) {
  const left = make("div", {}, picture(view, 560, 2), ...phrases(view));
  const right = make("div");
  if (view.reason) {
    const meaning = data.reasons[view.reason];
    right.append(make("p", { class: "callout" }, make("b", {}, `${view.kind} by ${view.stage}: ${view.reason}`),
      meaning ? `. ${title(meaning)}` : "", view.value ? make("span", { class: "text" }, `: ${view.value}`) : null));
    right.append(...section("Alt text", view.alt ? text("p", "", view.alt) : make("p", { class: "empty" }, "none")));
  } else {
    right.append(make("div", { class: "two" },
      make("div", {}, ...section("Alt text, as it came", view.alt ? text("p", "", view.alt) : make("p", { class: "empty" }, "none"))),
      make("div", {}, ...section("Caption, to train on", text("p", "", view.caption)))));
    right.append(...changes(view), ...sentences(view), ...tags(view));
    for (const [name, texts] of Object.entries(view.texts)) {
      if (!name.startsWith("short_")) right.append(...section(title(name), ...list(view, name, texts)));
    }
  }
  right.append(...folded(view));
  return make("div", { class: "sheet" }, left, right);
}

function phrases(view) {
  const items = (view.regions || []).map((region, place) => {
    const scores = [region.score, region.raw].filter((score) => score !== null).map(number);
    const label = scores.length ? `${region.phrase} (${scores.join(", raw ")})` : region.phrase;
    const button = make("button", { type: "button", class: `hue${place % 6}`, "data-box": place }, label);
    return make("li", {}, button);
  });
  return items.length ? section("Regions", make("ul", { class: "phrases" }, ...items)) : [];
}

function sentences(view) {
  const rows = view.pairs.flatMap(pair);
  return rows.length ? section("Sentences, positive and negative", ...scored(view, rows)) : [];
}

function list(view, name, texts) {
  const language = LANGUAGES[name] ? { lang: LANGUAGES[name] } : {};
  if (texts.length === 1 && !view.beside[name]) return [make("p", { class: "text", dir: "auto", ...language }, texts[0])];
  if (!view.beside[name]) {
    return [make("ol", { class: "list" }, ...texts.map((one) => make("li", { class: "text", dir: "auto" }, one)))];
  }
  return scored(view, texts.map((one, place) => ({ field: name, place, shown: make("p", {}, text("span", "", one)) })));
}

function tags(view) {
  const one = (field, style, before) => (tag, place) => {
    const score = beside(view, field, place, "clip");
    return make("li", { class: style, dir: "auto" }, before + tag, score ? make("small", {}, ` ${score}`) : null);
  };
  const both = [...(view.texts.short_positive || []).map(one("short_positive", "", "")),
    ...(view.texts.short_negative || []).map(one("short_negative", "not", "not "))];
  return both.length ? section("Tags", make("ul", { class: "tags" }, ...both)) : [];
}

function changes(view) {
  const entries = Object.entries(view.changes || {});
  if (!entries.length) return [];
  const fields = entries.flatMap(([name, rows]) =>
    section(title(name), ...rows.map((parts) => make("div", { class: "two" },
      make("p", {}, sentence(parts, 0, "del", "")), make("p", {}, sentence(parts, 1, "ins", ""))))));
  const heads = make("div", { class: "two" }, make("h3", {}, `In ${data.other}`), make("h3", {}, "Here"));
  return [make("details", { open: "" }, make("summary", {}, "Texts that differ"), heads, ...fields)];
}

function folded(view) {
  const parts = [];
  const add = (name, rows, open) => {
    const kept = rows.filter(([, told]) => told !== "" && told !== undefined);
    if (!kept.length) return;
    const items = kept.flatMap(([key, told]) => [make("dt", {}, plain(key)), make("dd", {}, String(told))]);
    parts.push(make("details", open ? { open: "" } : {}, make("summary", {}, name), make("dl", {}, ...items)));
  };
  add("Scores", [...Object.entries(view.scores || {}).map(([name, score]) => [name, number(score)]),
    ...Object.entries(view.others || {})], true);
  const who = Object.entries(view.who || {}).map(([field, by]) =>
    [field, Object.entries(by).map(([name, told]) => `${plain(name)} ${told}`).join("; ")]);
  add("Who wrote it", who, false);
  add("Measured", Object.entries(view.facts), Boolean(view.reason));
  add("Where it is", [["uid", view.uid], ["shard", view.shard], ["key", view.key], ["source", view.source], ["url", view.url]], false);
  return parts;
}

function open(place) {
  if (place < 0 || place >= found.length) return;
  opened = place;
  const view = data.views[found[place]];
  const step = (label, by, key) => {
    const button = make("button", { type: "button", "aria-label": label, "aria-keyshortcuts": key }, by < 0 ? "←" : "→");
    button.disabled = place + by < 0 || place + by >= found.length;
    button.addEventListener("click", () => open(opened + by));
    return button;
  };
  const close = make("button", { type: "button", "aria-keyshortcuts": "Escape" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const head = make("h2", { id: "sample-title" }, view.key, " ", make("small", {}, `${place + 1} of ${number(found.length)}`));
  dialog.replaceChildren(
    make("div", { class: "top" }, head, step("Previous sample", -1, "ArrowLeft"), step("Next sample", 1, "ArrowRight"), close),
    sheet(view));
  dialog.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
  close.focus({ preventScroll: true });
}

// Keyboard and pointer.

function focusCard(place) {
  if (place < 0 || place >= found.length) return;
  if (place < first || place >= first + PAGE) show(place);
  for (const other of feed.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  const target = feed.children[place - first];
  target.tabIndex = 0;
  target.focus();
}

function columns() {
  const cards = [...feed.children];
  const below = cards.findIndex((other) => other.offsetTop > cards[0].offsetTop);
  return below < 0 ? cards.length : below;
}

feed.addEventListener("keydown", (event) => {
  const here = event.target.closest(".card");
  if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
  const place = Number(here.dataset.place);
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(), Home: -place,
    End: found.length - 1 - place };
  if (event.key === "Enter" || event.key === " ") open(place);
  else if (event.key in moves) focusCard(place + moves[event.key]);
  else return;
  event.preventDefault();
});
feed.addEventListener("click", (event) => {
  const here = event.target.closest(".card");
  if (here && !String(getSelection())) open(Number(here.dataset.place));
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") open(opened - 1);
  if (event.key === "ArrowRight") open(opened + 1);
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => focusCard(opened));

function light(event, on) {
  const button = event.target.closest("[data-box]");
  if (!button) return;
  const box = dialog.querySelectorAll(".box")[Number(button.dataset.box)];
  if (box) box.classList.toggle("on", on);
}
for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
  dialog.addEventListener(name, (event) => light(event, on));
}

document.addEventListener("keydown", (event) => {
  if (dialog.open || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "/") { byId("query").focus(); event.preventDefault(); }
  if (event.key === "r" && byId("boxes")) byId("boxes").click();
});
byId("query").addEventListener("keydown", (event) => {
  if (!["ArrowDown", "Enter"].includes(event.key) || !found.length) return;
  focusCard(0);
  event.preventDefault();
});
if (byId("boxes")) {
  byId("boxes").addEventListener("change", (event) => feed.classList.toggle("all-boxes", event.target.checked));
}
controls.addEventListener("input", (event) => { if (event.target.id !== "boxes") filter(); });
for (const [id, by] of [["before", -PAGE], ["after", PAGE]]) {
  byId(id).addEventListener("click", () => focusCard(first + by));
}
byId("page").addEventListener("change", (event) => focusCard(Number(event.target.value)));
controls.addEventListener("submit", (event) => event.preventDefault());
controls.addEventListener("reset", () => setTimeout(() => { feed.classList.remove("all-boxes"); filter(); }));
for (const button of document.querySelectorAll("[data-reason], [data-set]")) {
  button.addEventListener("click", () => {
    controls.reset();
    const [id, wanted] = "reason" in button.dataset ? ["reason", button.dataset.reason] : ["set", button.dataset.set];
    if (byId(id)) byId(id).value = wanted;
    setTimeout(() => { filter(); byId("gallery").scrollIntoView(); });
  });
}

// Light and dark: the system's until the reader chooses.

const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = document.documentElement.dataset;
const isDark = () => (chosen.theme ? chosen.theme === "dark" : system.matches);
const nameTheme = () => { byId("theme").textContent = isDark() ? "Light theme" : "Dark theme"; };
byId("theme").addEventListener("click", () => { chosen.theme = isDark() ? "light" : "dark"; nameTheme(); });
system.addEventListener("change", nameTheme);
nameTheme();
byId("theme").hidden = false;

filter();
