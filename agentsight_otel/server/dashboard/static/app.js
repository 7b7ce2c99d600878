// Conveniences only: every page works without this file.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/* The reader's time zone, for pages whose address names none. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").some((pair) => pair.startsWith("tz="))) {
  document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=strict`;
  const pages = document.body.dataset.zone;
  if (pages && pages !== zone && !new URLSearchParams(location.search).has("tz")) location.reload();
}

/* Chart tooltips: the SVG titles, shown at once and beside the pointer. */
function adoptTitles(root) {
  for (const mark of $$(".chart .hit", root)) {
    const title = $("title", mark);
    if (!title) continue;
    mark.dataset.tip = title.textContent;
    title.remove();
  }
  for (const drawing of $$(".chart svg[aria-labelledby]", root)) {
    const title = $("title", drawing);
    if (!title) continue;
    drawing.setAttribute("aria-label", title.textContent);
    drawing.removeAttribute("aria-labelledby");
    title.remove();
  }
}
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
document.body.append(tip);
document.addEventListener("pointermove", (event) => {
  const text = event.target.closest?.("[data-tip]")?.dataset.tip;
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX - width / 2, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY - height - 14 < 8 ? event.clientY + 18 : event.clientY - height - 14}px`;
});

/* Keyboard: j/k walk a list, o opens, m marks; arrows turn the pages of conversations; / searches. */
let at = -1;
function walk(step) {
  const items = $$(".list .item");
  if (!items.length) return;
  items[at]?.classList.remove("at");
  at = Math.max(0, Math.min(items.length - 1, at + step));
  items[at].classList.add("at");
  $(".title", items[at]).focus({ preventScroll: true });
  items[at].scrollIntoView({ block: "nearest" });
}
const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  o: () => $(".list .item.at .title")?.click(),
  m: () => ($(".list .item.at .star") ?? $("#mark"))?.click(),
  u: () => $("[data-key=up]")?.click(),
  t: () => $("[data-key=trace]")?.click(),
  ArrowLeft: () => $("[data-key=newer]")?.click(),
  ArrowRight: () => $("[data-key=older]")?.click(),
  "/": () => $("input[type=search]")?.focus(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (!keys[event.key]) return;
  if (event.key.startsWith("Arrow") && event.target.closest(".scroll, [role=region]")) return;
  event.preventDefault();
  keys[event.key]();
});

/* A click into a chart leads where the first cell of its row in the table below leads. */
document.addEventListener("click", (event) => {
  const href = event.target.closest?.(".hit[data-href]")?.dataset.href;
  if (href) location.assign(href);
});

/* Folded menus close on Escape and on a click elsewhere. */
document.addEventListener("click", (event) => {
  for (const menu of $$("details.drop[open]")) if (!menu.contains(event.target)) menu.open = false;
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.textContent = "Copied"; });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of $$("details.drop[open]")) { menu.open = false; $("summary", menu).focus(); }
});

/* Selects that submit their form when changed; the button beside them is for pages without script. */
for (const button of $$("[data-auto]")) button.hidden = true;
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit], input[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
  if (event.target.method === "get") {
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
    setTimeout(() => { for (const field of event.target.elements) field.disabled = false; });
  }
});

/* Live: says what is new; lines of an open conversation go to its end. What the reader looks at stays put. */
const live = $("#live");
if (live?.dataset.href && window.EventSource) {
  const chat = $(".chat");
  const words = (count) => `${count} new ${count === 1 ? live.dataset.one : live.dataset.many}`;
  let stream = null;
  let last = ""; // where a new stream goes on
  let total = 0; // new since the page was made
  let seen = 0; // of those, how many the reader has had on the screen
  const firstNew = () => chat && $("[data-new]", chat);
  const look = () => { // the reader has come to the new lines: nothing to tell any more
    const line = firstNew();
    if (!line || line.getBoundingClientRect().bottom > innerHeight) return;
    line.removeAttribute("data-new");
    const told = Object.assign(document.createElement("span"), { className: "sr", textContent: words(total - seen) });
    live.replaceChildren(told);
    seen = total;
  };
  const say = () => {
    const line = firstNew();
    const link = $("a", live) ?? document.createElement("a");
    link.href = line ? `#${line.id}` : location.pathname + location.search;
    link.textContent = words(total - seen) + (line ? " ↓" : " – show");
    if (!link.isConnected) live.replaceChildren(link);
  };
  const append = (html) => {
    const before = $(".empty", chat) ? null : chat.lastElementChild;
    if (!before) chat.replaceChildren();
    chat.insertAdjacentHTML("beforeend", html);
    const lines = before ? before.nextElementSibling : chat.firstElementChild;
    if (!firstNew()) (lines?.id ? lines : lines?.nextElementSibling)?.setAttribute("data-new", "");
  };
  const open = () => {
    if (stream && stream.readyState !== EventSource.CLOSED) return;
    stream = new EventSource(live.dataset.href + (last && `&last=${last}`));
    stream.onmessage = (event) => {
      const { count, html } = JSON.parse(event.data);
      last = event.lastEventId;
      total = count;
      if (html && chat) append(html);
      look();
      if (total > seen) say();
    };
  };
  document.addEventListener("scroll", look, { passive: true });
  // A browser opens few connections to one host: pages nobody looks at give theirs back
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return open();
    stream?.close();
    stream = null;
  });
  addEventListener("pagehide", () => stream?.close());
  setInterval(() => { if (!document.hidden) open(); }, 5000);
  open();
}

/* Relative times stay true while the page is open. */
const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
function tick() {
  for (const element of $$("time[data-ago]")) {
    const seconds = (Date.parse(element.dateTime) - Date.now()) / 1000;
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["", 0];
    element.textContent = unit ? relative.format(Math.round(seconds / size), unit) : "just now";
  }
}
setInterval(tick, 30000);

adoptTitles(document);
document.addEventListener("htmx:after:swap", () => adoptTitles(document));
