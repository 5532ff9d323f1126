/**
 * The first script: what the others stand on.
 *
 * Stash joins all scripts into one, so each is wrapped in `StashSense.part`. A part that throws is reported
 * and left out; Stash's page never notices.
 */
(() => {
  "use strict";

  const found = window.PluginApi;
  const sense = /** @type {Sense} */ (/** @type {Partial<Sense>} */ ({ broken: [] }));

  /** @param {string} what @param {unknown} error */
  sense.report = (what, error) => console.error(`Stash Sense: ${what}`, error);

  /** @param {string} name @param {(sense: Sense, api: PluginApi) => void} make */
  const part = (name, make) => {
    if (!found) return; // an older Stash; nothing can be built on it
    try {
      make(sense, found);
    } catch (error) {
      sense.broken.push(name);
      sense.report(`${name} could not be set up`, error);
    }
  };
  window.StashSense = { part };

  part("core", (_, api) => {
    sense.h = api.React.createElement;

    sense.words = (error) => (error instanceof Error ? error.message : String(error));

    /** An action of a button: its state, and how to start it; never two at once. */
    sense.useAction = (act) => {
      const { useEffect, useRef, useState } = api.React;
      const [state, setState] = useState(/** @type {ActionState} */ ({ step: "idle", error: "" }));
      const alive = useRef(true);
      const busy = useRef(false);
      useEffect(
        () => () => {
          alive.current = false;
        },
        [],
      );
      const start = async () => {
        if (busy.current) return false;
        busy.current = true;
        setState({ step: "busy", error: "" });
        try {
          await act();
          if (alive.current) setState({ step: "done", error: "" });
          return true;
        } catch (error) {
          sense.report("an action failed", error);
          if (alive.current) setState({ step: "failed", error: sense.words(error) });
          return false;
        } finally {
          busy.current = false;
        }
      };
      const forget = () => {
        if (!busy.current) setState({ step: "idle", error: "" });
      };
      return { ...state, start, forget };
    };

    /** What a promise brings: loaded anew when `on` changes; a late answer to an old question is dropped. */
    sense.useLoaded = (load, on) => {
      const { useEffect, useState } = api.React;
      const [state, setState] = useState(/** @type {Loaded<any>} */ ({ loading: true, value: null, error: "" }));
      const [turn, setTurn] = useState(0);
      useEffect(() => {
        let current = true;
        setState((before) => ({ ...before, loading: true, error: "" }));
        load().then(
          (value) => current && setState({ loading: false, value, error: "" }),
          (error) => current && setState({ loading: false, value: null, error: sense.words(error) }),
        );
        return () => {
          current = false;
        };
      }, [...on, turn]); // `load` is made anew at every rendering; `on` says when it means something else
      return { ...state, again: () => setTurn((before) => before + 1) };
    };

    /** Where an action took away the button that had the focus: on to the first one that is there now. */
    sense.useRefocus = (place, on, to = "button:not(:disabled)") => {
      const { useEffect, useRef } = api.React;
      const before = useRef(on);
      useEffect(() => {
        if (before.current === on) return;
        before.current = on;
        const active = document.activeElement;
        if (active && active !== document.body && !active.classList.contains("modal")) return;
        /** @type {HTMLElement | null | undefined} */ (place.current?.querySelector(to))?.focus();
      }, [on]);
    };
  });
})();
