// What is shown inside an app's pages: the inbox, and content in places of a page. journeysOnsite.start({...}) begins; no inline
// script or style is needed, and what templates say is set as text, never as HTML. docs/onsite.md has the options and the style sheet.
(() => {
  const API = "{{ api }}";
  const state = { options: null, messages: [], shown: new Set(), stop: null, watchers: new Set() };
  const settled = (promise) => promise.catch(() => {});

  function headers(options) {
    const said = { Authorization: `Basic ${btoa(`${options.writeKey}:`)}` };
    if (options.userId && options.signature) {
      said["Journeys-User"] = encodeURIComponent(options.userId);
      said["Journeys-Signature"] = options.signature;
    } else if (options.anonymousId) said["Journeys-Visitor"] = encodeURIComponent(options.anonymousId);
    return said;
  }

  async function call(path, more = {}) {
    const said = { ...headers(state.options), ...more.headers };
    const answer = await fetch(API + path, { ...more, headers: said, credentials: "omit", cache: "no-store" });
    if (!answer.ok) throw Object.assign(new Error(`the API answered ${answer.status}`), { status: answer.status });
    return answer;
  }

  const tell = (path, body) => settled(call(path, {
    method: "POST", keepalive: true, ...(body ? { body, headers: { "Content-Type": "application/json" } } : {}),
  }));
  const told = (message, what, action) =>
    tell(`/v1/inbox/${message.id}/${what}${action === undefined ? "" : `?action=${action}`}`);

  // A link of the web or of an app; never one that runs a script.
  function safe(link) {
    try {
      const { protocol } = new URL(link, location.href);
      return /^(javascript|data|vbscript|blob|file):$/i.test(protocol) ? null : link;
    } catch { return null; }
  }

  function element(name, marks = {}, ...inside) {
    const made = document.createElement(name);
    for (const [mark, value] of Object.entries(marks)) if (value !== null && value !== undefined) made.setAttribute(mark, value);
    made.append(...inside.filter((each) => each !== null && each !== undefined));
    return made;
  }

  let numbers = 0;

  // One message or piece of content: an article with its title, text, picture, links and, where it may be put away, a button for that.
  function article(content, { level = 3, clicked, dismissed, words }) {
    const id = `journeys-${(numbers += 1)}`;
    const links = (content.actions || []).map((action, place) => {
      const href = safe(action.link);
      const link = href && element("a", { class: "journeys-action", href }, action.title);
      if (link) link.addEventListener("click", () => clicked(place));
      return link;
    }).filter(Boolean);
    const close = dismissed && element(
      "button", { type: "button", class: "journeys-close", "aria-label": `${words.dismiss}: ${content.title}` }, "×",
    );
    if (close) close.addEventListener("click", dismissed);
    return element(
      "article", { class: "journeys-message", "aria-labelledby": id, lang: content.language },
      content.image && safe(content.image) ? element("img", { src: content.image, alt: content.alt || "", loading: "lazy" }) : null,
      element(`h${level}`, { class: "journeys-title", id }, content.title),
      ...content.body.split("\n").filter((line) => line.trim()).map((line) => element("p", {}, line)),
      links.length ? element("p", { class: "journeys-actions" }, ...links) : null,
      close,
    );
  }

  const WORDS = { dismiss: "Dismiss", inbox: "Messages", empty: "No messages", unread: "new" };
  const words = () => ({ ...WORDS, ...(state.options.words || {}) });

  function see(message) {
    if (message.seen || state.shown.has(message.id)) return;
    state.shown.add(message.id);
    told(message, "seen");
  }

  const gone = (message) => {
    state.messages = state.messages.filter((each) => each.id !== message.id);
    drawn();
    return told(message, "dismissed");
  };

  const acts = (message) => ({
    clicked: (place) => told(message, "clicked", place), dismissed: () => gone(message), words: words(),
  });

  // The inbox as a list, in the element that the page keeps for it. What stays is not touched, so that it keeps the focus.
  function list() {
    const place = state.options.inbox && document.querySelector(state.options.inbox);
    if (!place) return;
    if (!place.querySelector(".journeys-inbox")) {
      place.replaceChildren(
        element("h2", { class: "journeys-inbox-title", tabindex: "-1" }, words().inbox),
        element("p", { class: "journeys-count", role: "status" }),
        element("ul", { class: "journeys-inbox" }),
      );
    }
    const items = place.querySelector(".journeys-inbox"), known = new Map([...items.children].map((item) => [item.dataset.id, item]));
    for (const [id, item] of known) if (!state.messages.some((message) => message.id === id)) removed(item, place);
    state.messages.forEach((message, n) => {
      const item = known.get(message.id) || listed(message);
      if (items.children[n] !== item) items.insertBefore(item, items.children[n] || null);
      item.classList.toggle("journeys-unread", !message.seen);
    });
    const unread = state.messages.filter((each) => !each.seen).length;
    const told = state.messages.length ? (unread ? `${unread} ${words().unread}` : "") : words().empty;
    const count = place.querySelector(".journeys-count");
    if (count.textContent !== told) count.textContent = told;
  }

  function listed(message) {
    const item = element("li", { "data-id": message.id }, article(message, acts(message)));
    item.journeys = message;
    if (watcher) watcher.observe(item);
    return item;
  }

  function removed(item, place) {
    if (item.contains(document.activeElement)) place.querySelector("h2").focus();
    item.remove();
  }

  // What scrolls into view has been seen.
  const watcher = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting && entry.target.journeys) see(entry.target.journeys);
  }, { threshold: 0.5 });

  function banner() {
    const there = document.querySelector(".journeys-banner[data-id]");
    if (there && state.messages.some((each) => each.id === there.dataset.id)) return; // until it is put away, or not true any more
    if (there) there.remove();
    const wanted = state.messages.find((each) => each.placement === "banner" && !each.seen && !state.shown.has(each.id));
    if (!wanted || state.options.quiet) return;
    const region = element("section", { class: "journeys-banner", "aria-label": words().inbox, "data-id": wanted.id });
    region.append(article(wanted, { ...acts(wanted), level: 2 }));
    document.body.prepend(region);
    see(wanted);
  }

  function modal(content, actions, id) {
    if (document.querySelector("dialog.journeys-modal")) return false;
    const inside = article(content, { ...actions, level: 2, dismissed: () => dialog.close() });
    const dialog = element(
      "dialog", { class: "journeys-modal", "aria-labelledby": inside.getAttribute("aria-labelledby"), "data-id": id }, inside,
    );
    dialog.addEventListener("close", () => { dialog.remove(); actions.dismissed(); });
    document.body.append(dialog);
    dialog.showModal();
    return true;
  }

  function popup() {
    const open = document.querySelector("dialog.journeys-modal[data-id]");
    if (open && !state.messages.some((each) => each.id === open.dataset.id)) open.remove(); // it is not true any more
    const wanted = state.messages.find((each) => each.placement === "modal" && !each.seen && !state.shown.has(each.id));
    if (wanted && !state.options.quiet && modal(wanted, acts(wanted), wanted.id)) see(wanted);
  }

  function drawn() {
    list(); banner(); popup();
    for (const watching of state.watchers) watching(state.messages);
  }

  const take = (inbox) => { state.messages = inbox.messages; drawn(); };

  // Content: what a place shows this visitor, where the page wants it or where its author does.
  function placed(content, place) {
    const about = (what, action) => tell(`/v1/content/${what}`, JSON.stringify({ token: content.token, action }));
    const actions = { clicked: (n) => about("clicked", n), dismissed: () => about("dismissed"), words: words() };
    if (content.placement === "modal") return !state.options.quiet && modal(content, actions) && about("seen");
    if (content.placement === "banner") {
      const region = element("section", { class: "journeys-banner", "aria-label": content.title });
      region.append(article(content, { ...actions, level: 2, dismissed: () => { region.remove(); actions.dismissed(); } }));
      document.body.prepend(region);
      return about("seen");
    }
    if (!place) return null;
    place.replaceChildren(article(content, { ...actions, level: 2, dismissed: undefined }));
    return once(place.firstElementChild, () => about("seen"));
  }

  // The first time that something scrolls into view.
  function once(item, then) {
    if (!("IntersectionObserver" in window)) return then();
    const watching = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { watching.disconnect(); then(); }
    }, { threshold: 0.5 });
    return watching.observe(item);
  }

  // Server-sent events by fetch, because EventSource sends no headers and an address is written down by every proxy.
  async function listen(signal) {
    let last = "", pause = 3000;
    while (!signal.aborted) {
      try {
        const answer = await call("/v1/inbox/stream", { signal, headers: last ? { "Last-Event-ID": last } : {} });
        pause = 3000;
        let rest = "";
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
          const events = (rest + piece.value).split("\n\n");
          rest = events.pop();
          for (const event of events) last = heard(event) || last;
        }
      } catch (error) {
        if (error.status === 401 || error.status === 403 || error.status === 422) return; // whoever is called so has no inbox
        pause = Math.min(pause * 2, 60000);
      }
      if (!signal.aborted) await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random())));
    }
  }

  function heard(event) {
    const fields = Object.fromEntries(event.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: (.*)/s)));
    if (fields.event === "inbox") take(JSON.parse(fields.data));
    return fields.id;
  }

  window.journeysOnsite = {
    start(options) {
      this.stop();
      state.options = options;
      if (options.userId && options.signature) {
        const controller = new AbortController();
        state.stop = () => controller.abort();
        settled(listen(controller.signal));
      }
    },
    stop() {
      if (state.stop) state.stop();
      Object.assign(state, { stop: null, messages: [], shown: new Set() });
    },
    // What these places show now: { "home-hero": "#hero" }; returns what was found for each, null where nothing is for this visitor.
    async show(places) {
      const asked = Object.keys(places).map((name) => `place=${encodeURIComponent(name)}`).join("&");
      const found = (await (await call(`/v1/content?${asked}`)).json()).places;
      for (const [name, content] of Object.entries(found)) {
        const place = places[name] && document.querySelector(places[name]);
        if (content) placed(content, place);
        else if (place) place.replaceChildren();
      }
      return found;
    },
    onChange(watching) { state.watchers.add(watching); return () => state.watchers.delete(watching); },
    dismiss: (id) => { const found = state.messages.find((each) => each.id === id); return found && gone(found); },
    get messages() { return [...state.messages]; },
  };
})();
