/** React hooks that every dialogue uses: run an action, load data, poll, keep the focus. */
window.StashSense.part("hooks", (sense, api) => {
  const { useEffect, useRef, useState } = api.React;
  const IN_VIEW_MS = 200; // what is scrolled past faster is not loaded

  /** The state of a button's action, and a function that starts it. It never runs twice at once. */
  sense.useAction = (act) => {
    const [state, setState] = useState(/** @type {ActionState} */ ({ step: "idle", error: "" }));
    const mounted = useRef(true);
    const busy = useRef(false);
    useEffect(
      () => () => {
        mounted.current = false;
      },
      [],
    );
    const start = async () => {
      if (busy.current) return false;
      busy.current = true;
      setState({ step: "busy", error: "" });
      try {
        await act();
        if (mounted.current) setState({ step: "done", error: "" });
        return true;
      } catch (error) {
        sense.report("an action failed", error);
        if (mounted.current) setState({ step: "failed", error: sense.errorText(error) });
        return false;
      } finally {
        busy.current = false;
      }
    };
    const reset = () => {
      if (!busy.current) setState({ step: "idle", error: "" });
    };
    return { ...state, start, reset };
  };

  /**
   * The value of a promise. Loads again when `deps` change, and drops an answer that arrives too late.
   * Loads nothing while `enabled` is false.
   */
  sense.useLoaded = (load, deps, enabled = true) => {
    const [state, setState] = useState(/** @type {Loaded<any>} */ ({ loading: enabled, value: null, error: "" }));
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
      if (!enabled) return undefined;
      let current = true;
      setState((before) => ({ ...before, loading: true, error: "" }));
      load().then(
        (value) => current && setState({ loading: false, value, error: "" }),
        (error) => current && setState({ loading: false, value: null, error: sense.errorText(error) }),
      );
      return () => {
        current = false;
      };
    }, [...deps, enabled, attempt]); // `load` is a new function in every rendering; `deps` tell when it loads something else
    return { ...state, retry: () => setAttempt((before) => before + 1) };
  };

  /**
   * Calls `poll` until it resolves to false, the component unmounts or `key` changes; never while the tab is hidden.
   * Gives up after several failures in a row. No key: no polling.
   */
  sense.usePolling = (poll, key, { firstMs, everyMs, failures: most }) => {
    const [error, setError] = useState("");
    useEffect(() => {
      if (!key || error) return undefined;
      let current = true;
      let failures = 0;
      /** @type {ReturnType<typeof setTimeout>} */
      let timer;
      const next = async () => {
        try {
          if (!document.hidden && !(await poll())) return;
          failures = 0;
        } catch (problem) {
          failures += 1;
          if (failures >= most) {
            if (current) setError(sense.errorText(problem));
            return;
          }
        }
        if (current) timer = setTimeout(next, everyMs);
      };
      timer = setTimeout(next, firstMs);
      return () => {
        current = false;
        clearTimeout(timer);
      };
    }, [key, error]);
    return { error, retry: () => setError("") };
  };

  /** Moves the focus to the first button in `place` when an action has removed the element that had it. */
  sense.useRefocus = (place, key, selector = "button:not(:disabled)") => {
    const before = useRef(key);
    useEffect(() => {
      if (before.current === key) return;
      before.current = key;
      const active = document.activeElement;
      if (active && active !== document.body && !active.classList.contains("modal")) return;
      /** @type {HTMLElement | null | undefined} */ (place.current?.querySelector(selector))?.focus();
    }, [key]);
  };

  /** Whether an element has been in view for a moment. Once true, it stays true. */
  sense.useInView = (place, enabled) => {
    const [seen, setSeen] = useState(false);
    useEffect(() => {
      if (!enabled || seen || !place.current) return undefined;
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const observer = new IntersectionObserver((changes) => {
        clearTimeout(timer);
        if (changes[changes.length - 1]?.isIntersecting) timer = setTimeout(() => setSeen(true), IN_VIEW_MS);
      });
      observer.observe(place.current);
      return () => {
        clearTimeout(timer);
        observer.disconnect();
      };
    }, [enabled, seen]);
    return seen;
  };

  /** Items of earlier results that the latest one lacks, if they were in use then. They stay from then on. */
  sense.useRemovedInUse = (items, keyOf, inUse) => {
    const known = useRef(/** @type {Map<string, {item: any, removed: boolean}>} */ (new Map()));
    const present = new Set(items.map(keyOf));
    for (const [key, entry] of [...known.current]) {
      if (present.has(key)) continue;
      entry.removed ||= inUse(key);
      if (!entry.removed) known.current.delete(key);
    }
    for (const item of items) known.current.set(keyOf(item), { item, removed: false });
    return [...known.current.values()].filter((entry) => entry.removed).map((entry) => entry.item);
  };
});
