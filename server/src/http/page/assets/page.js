// Keeps the view that is shown up to date: the server says when something has changed, and the view is asked for again.
// Nothing on the page needs this script to be read or to be used.
"use strict";
(() => {
  const sign = document.getElementById("live");
  if (!sign || !window.EventSource) return;
  let busy = false;
  let missed = false;

  const say = (text, live) => {
    if (sign.textContent !== text) sign.textContent = text;
    sign.classList.toggle("on", live);
  };

  // A field that is being filled in, a box that is ticked, a form that is unfolded, a text that is
  // being selected and a button that is about to be pressed are not taken from under the reader.
  const isInUse = (part) => {
    const selection = document.getSelection();
    const selected = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    const field = document.activeElement.closest("input, select, textarea");
    const kept = part.querySelector("button:hover, input:checked, details[open]");
    return selected || part.contains(field) || kept !== null;
  };

  // What a link or button does, by which it is found again.
  const purpose = (control) =>
    control.form ? control.form.action + "?" + new URLSearchParams(new FormData(control.form)) : control.href;

  const replace = (part, next) => {
    const focused = part.contains(document.activeElement) ? purpose(document.activeElement) : null;
    part.replaceChildren(...document.importNode(next, true).childNodes);
    if (focused === null) return;
    const same = [...part.querySelectorAll("a, button")].find((control) => purpose(control) === focused);
    if (same) same.focus({ preventScroll: true });
  };

  const refresh = async () => {
    if (busy || document.hidden) {
      missed = true;
      return;
    }
    busy = true;
    missed = false;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected) {
        // the session has ended
        location.reload();
        return;
      }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
        if (next && !isInUse(part) && part.innerHTML !== next.innerHTML) {
          replace(part, next);
        }
      }
    } catch {
      say("Not reached", false);
    } finally {
      busy = false;
      if (missed && !document.hidden) refresh();
    }
  };

  // A page that answers a form has no address to be asked for again by: it stays as it is.
  if (!document.querySelector("[data-live]")) return;
  const events = new EventSource(sign.dataset.events);
  events.addEventListener("hello", () => say("Live", true));
  events.addEventListener("change", () => {
    say("Live", true);
    refresh();
  });
  events.addEventListener("error", () => say("Not live", false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && missed) refresh();
  });
})();
