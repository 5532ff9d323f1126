/** React hooks that every dialogue uses: run an action, load data, poll, keep the focus. */
window.StashSense.part("hooks", (sense, api) => {
  const { useEffect, useRef, useState } = api.React;
  const IN_VIEW_MS = 200; // what is scrolled past faster is not loaded
  const FIRST_PAUSE_MS = 500; // between two polls
  const PAUSE_GROWS = 1.5;
  const LONGEST_PAUSE_MS = 5000;
  const MOST_REFUSALS = 5;
  const MOST_RETRIES = 2; // of a single call
  const NO_FAILURE = { error: "", away: false };
  const NOTHING_LOADED = { loading: false, value: null, error: "", of: null };

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
    const [state, setState] = useState(/** @type {Loaded<any> & {of: unknown[] | null}} */ (NOTHING_LOADED));
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
      if (!enabled) return undefined;
      let current = true;
      setState((before) => ({ ...before, loading: true, error: "", of: deps }));
      load().then(
        (value) => current && setState({ loading: false, value, error: "", of: deps }),
        (error) => current && setState({ loading: false, value: null, error: sense.errorText(error), of: deps }),
      );
      return () => {
        current = false;
      };
    }, [...deps, enabled, attempt]); // `load` is a new function in every rendering; `deps` tell when it loads something else
    // The effect runs after the first rendering with these `deps`, which must not look as if it had loaded already.
    const due = enabled && !(state.of && deps.every((each, at) => Object.is(each, state.of?.[at])));
    return { ...state, loading: due || state.loading, retry: () => setAttempt((before) => before + 1) };
  };

  /**
   * Calls `poll` until it resolves to false, the component unmounts or `key` changes; never while the tab is hidden.
   * The pause between two calls grows. Gives up after several failures in a row, until `retry` or until the user
   * comes back to the tab; while Stash itself is away, it never gives up. No key: no polling.
   */
  sense.usePolling = (poll, key) => {
    const [failure, setFailure] = useState(NO_FAILURE);
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
      if (!key) return undefined;
      let current = true;
      let phase = /** @type {"waiting" | "calling" | "given up" | "ended"} */ ("waiting");
      let failures = 0; // in a row
      let refusals = 0; // those of them that Stash or the sidecar answered
      let pause = FIRST_PAUSE_MS;
      /** @type {ReturnType<typeof setTimeout>} */
      let timer;
      const wait = () => {
        phase = "waiting";
        timer = setTimeout(next, pause);
        pause = Math.min(pause * PAUSE_GROWS, LONGEST_PAUSE_MS);
      };
      const next = async () => {
        if (document.hidden) return wait();
        phase = "calling";
        try {
          const more = await poll();
          if (!current) return;
          failures = refusals = 0;
          setFailure(NO_FAILURE);
          if (more) wait();
          else phase = "ended";
        } catch (problem) {
          if (!current) return;
          const away = sense.isStashAway(problem);
          failures += 1;
          refusals = away ? 0 : refusals + 1;
          const giveUp = refusals >= MOST_REFUSALS;
          if (giveUp || (away && failures > 1)) setFailure({ error: sense.errorText(problem), away });
          if (giveUp) phase = "given up";
          else wait();
        }
      };
      const comeBack = () => {
        if (document.hidden || phase === "calling" || phase === "ended") return;
        clearTimeout(timer);
        refusals = 0;
        pause = FIRST_PAUSE_MS;
        next();
      };
      wait();
      document.addEventListener("visibilitychange", comeBack);
      return () => {
        current = false;
        clearTimeout(timer);
        document.removeEventListener("visibilitychange", comeBack);
      };
    }, [key, attempt]);
    const retry = () => {
      setFailure(NO_FAILURE);
      setAttempt((before) => before + 1);
    };
    return { ...failure, retry };
  };

  /** Calls `look` whenever the user comes back to this tab or window, one call at a time. A failure is only reported. */
  sense.useReturn = (look) => {
    const latest = useRef(look);
    latest.current = look;
    useEffect(() => {
      let busy = false;
      const back = async () => {
        if (document.hidden || busy) return;
        busy = true;
        await latest.current().catch((error) => sense.report("what happened elsewhere could not be read", error));
        busy = false;
      };
      document.addEventListener("visibilitychange", back);
      window.addEventListener("focus", back);
      return () => {
        document.removeEventListener("visibilitychange", back);
        window.removeEventListener("focus", back);
      };
    }, []);
  };

  /**
   * The value of `work`, which is tried again after a failure: twice, and for as long as Stash itself is away.
   * Stops where `isWanted` turns false. `tell` hears of the failures while Stash is away.
   */
  sense.tryAgain = async (work, isWanted, tell) => {
    let refusals = 0;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await work();
      } catch (problem) {
        const away = sense.isStashAway(problem);
        if (!away) refusals += 1;
        if (!isWanted() || refusals > MOST_RETRIES) throw problem;
        if (away) tell(problem);
        const longer = pause;
        await new Promise((go) => setTimeout(go, longer));
        if (!isWanted()) throw problem;
      }
    }
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
