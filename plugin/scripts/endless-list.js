/** Long lists: pages that load when their end comes near, blocks that are in the page only while near, and keys. */
window.StashSense.part("endless-list", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const NEAR_PX = 1200;
  const TYPED_IN = /^(INPUT|SELECT|TEXTAREA)$/;
  const ITEM = "[data-sense-item]";

  /** What each observed element wants to know. @type {WeakMap<Element, (near: boolean) => void>} */
  const watchers = new WeakMap();
  /** @type {IntersectionObserver | null} */
  let observer = null;

  /** Tells whether an element is near the window, until the returned function is called. */
  function watch(/** @type {Element} */ element, /** @type {(near: boolean) => void} */ tell) {
    observer ??= new IntersectionObserver(
      (changes) => changes.forEach((each) => watchers.get(each.target)?.(each.isIntersecting)),
      { rootMargin: `${NEAR_PX}px 0px` },
    );
    watchers.set(element, tell);
    observer.observe(element);
    return () => {
      watchers.delete(element);
      observer?.unobserve(element);
    };
  }

  /** Where an element is now: what the observer told may be from before the page was laid out again. */
  function isNear(/** @type {Element} */ element) {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > -NEAR_PX && top < window.innerHeight + NEAR_PX;
  }

  /** One after another, so that a fast scroll is no long task. @type {(() => void)[]} */
  const due = [];
  function soon(/** @type {() => void} */ work) {
    if (!due.length) setTimeout(nextDue, 0);
    due.push(work);
  }
  function nextDue() {
    due.shift()?.();
    if (due.length) setTimeout(nextDue, 0);
  }

  /** The pages of a list: the first at once, the next when `more` is called. Another `key` is another list. */
  sense.usePages = (read, key) => {
    const { useEffect, useRef, useState } = api.React;
    const empty = { key, pages: /** @type {any[]} */ ([]), loading: true, error: "", next: /** @type {string | null} */ (null) };
    const [state, setState] = useState(empty);
    const current = useRef({ key, busy: false });
    const load = async (/** @type {string | null} */ cursor) => {
      const mine = { key, busy: true };
      current.current = mine;
      setState((before) => (cursor ? { ...before, loading: true, error: "" } : empty));
      try {
        const page = await read(cursor);
        if (current.current !== mine) return; // of the list from before
        setState((before) => ({ ...before, loading: false, pages: [...before.pages, page], next: page.next_cursor }));
      } catch (error) {
        if (current.current !== mine) return;
        setState((before) => ({ ...before, loading: false, error: sense.errorText(error), next: cursor }));
      }
      mine.busy = false;
    };
    useEffect(() => {
      load(null);
      return () => {
        current.current = { key: "", busy: false };
      };
    }, [key]);
    const shown = state.key === key ? state : empty;
    const more = () => {
      if (!current.current.busy && shown.pages.length && shown.next && !shown.error) load(shown.next);
    };
    return { ...shown, more, retry: () => load(shown.next), reload: () => load(null) };
  };

  /** At the end of a list: loads on when it comes near, and says what failed. */
  sense.EndOfList = ({ list }) => {
    const { useEffect, useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [near, setNear] = useState(false);
    useEffect(() => (place.current ? watch(place.current, setNear) : undefined), []);
    useEffect(() => {
      if (near) list.more();
    }, [near, list.pages.length, list.loading]);
    return h(
      "div",
      { ref: place, className: "sense-end" },
      list.error ? h(sense.Problem, { error: list.error, retry: list.retry }) : list.loading && h(sense.Busy, null, t("loading")),
    );
  };

  /**
   * A part of a long list. Far from the window only its height stays, unless the focus or an open form is in it.
   * height: what it will take before it has ever been shown.
   */
  sense.Block = ({ height, first, render }) => {
    const { useEffect, useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [shown, setShown] = useState({ near: !!first, height });
    useEffect(() => {
      const element = place.current;
      if (!element) return undefined;
      let latest = first; // it may have changed again before it is its turn
      const change = () => {
        if (!element.isConnected) return;
        setShown((before) => {
          if (latest === before.near) return before;
          if (latest) return { ...before, near: true };
          if (isNear(element)) return before;
          const inUse = element.contains(document.activeElement) || element.querySelector("[data-sense-open]");
          return inUse ? before : { near: false, height: element.offsetHeight };
        });
      };
      return watch(element, (near) => {
        latest = near;
        soon(change);
      });
    }, []);
    return h("div", { ref: place, style: shown.near ? undefined : { height: shown.height } }, shown.near && render());
  };

  /**
   * Keys of a list while nobody types: j and k move between its items, the others press the button of the item that has
   * the focus whose `data-sense-key` it is, or else run what `keys` has for it.
   */
  sense.useListKeys = (place, keys) => {
    const { useEffect, useRef } = api.React;
    const latest = useRef(keys);
    latest.current = keys;
    useEffect(() => {
      const press = (/** @type {KeyboardEvent} */ event) => {
        const target = /** @type {HTMLElement} */ (event.target);
        if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
        if (TYPED_IN.test(target.tagName) || target.isContentEditable || !place.current) return;
        const item = document.activeElement?.closest(ITEM);
        if (event.key === "j" || event.key === "k") move(place.current, item, event.key === "j" ? 1 : -1);
        else {
          const button = /^[a-z]$/.test(event.key) && item?.querySelector(`[data-sense-key="${event.key}"]:not(:disabled)`);
          if (button) /** @type {HTMLElement} */ (button).click();
          else if (latest.current[event.key]) latest.current[event.key]?.();
          else return;
        }
        event.preventDefault();
        event.stopPropagation();
      };
      document.addEventListener("keydown", press);
      return () => document.removeEventListener("keydown", press);
    }, []);
  };

  /** From the item with the focus, else to the first one in the window. */
  function move(/** @type {HTMLElement} */ place, /** @type {Element | null | undefined} */ item, /** @type {number} */ step) {
    const items = /** @type {HTMLElement[]} */ ([...place.querySelectorAll(ITEM)]);
    const at = item ? items.indexOf(/** @type {HTMLElement} */ (item)) + step : items.findIndex((each) => each.getBoundingClientRect().bottom > 0);
    items[at]?.focus();
  }

  /** A button that asks once more before it acts. */
  sense.AskedButton = ({ label, question, act, disabled }) => {
    const { useState } = api.React;
    const [asking, setAsking] = useState(false);
    if (!asking) return h(Button, { variant: "secondary", size: "sm", disabled, onClick: () => setAsking(true) }, label);
    const agree = () => {
      setAsking(false);
      act();
    };
    return h(
      "span",
      { className: "sense-actions", role: "group", "aria-label": question },
      h("span", { role: "status" }, question),
      h(Button, { variant: "primary", size: "sm", autoFocus: true, disabled, onClick: agree }, label),
      h(Button, { variant: "link", size: "sm", onClick: () => setAsking(false) }, t("cancel")),
    );
  };
});
