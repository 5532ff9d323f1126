/** Chooses a performer of the library by typing: Stash's own field where the page has one, else ours. */
window.StashSense.part("performer-picker", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const LOADS_MS = 3000;

  sense.PerformerPicker = ({ pick, cancel }) => {
    const own = h(sense.PerformerSearch, { pick });
    const load = api.loadableComponents?.PerformerSelect;
    const offered = load || api.components?.PerformerSelect;
    const close = (/** @type {KeyboardEvent & {currentTarget: HTMLElement}} */ event) => {
      // Stash's field prevents every Escape, even with no list to close.
      const listed = event.currentTarget.querySelector('[role="listbox"], .react-select__menu');
      if (event.key !== "Escape" || (event.defaultPrevented && listed)) return;
      event.preventDefault(); // or the whole dialogue would close
      cancel();
    };
    return h(
      "div",
      { className: "sense-picker", onKeyDown: close },
      offered ? h(sense.ErrorBoundary, { fallback: own }, h(StashSelect, { load, pick })) : own,
      h(Button, { variant: "secondary", size: "sm", onClick: cancel }, t("cancel")),
    );
  };

  /**
   * Throws where it does not load, or shows no field.
   * @param {{load: (() => Promise<unknown>) | undefined, pick: (find: () => Promise<Performer>) => void}} props
   */
  const StashSelect = ({ load, pick }) => {
    const { useEffect, useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [empty, setEmpty] = useState(false);
    const loaded = sense.useLoaded(async () => {
      const late = new Promise((_, fail) => setTimeout(() => fail(new Error("it did not load in time")), LOADS_MS));
      await Promise.race([load?.(), late]);
      return true;
    }, []);
    const Select = api.components?.PerformerSelect;
    useEffect(() => {
      if (loaded.value) setEmpty(!place.current?.querySelector("input"));
    }, [loaded.value]);
    if (loaded.error || empty || (loaded.value && !Select)) throw new Error(loaded.error || "it shows no field");
    if (!loaded.value) return h(sense.Busy, null, t("loading"));
    const choose = (/** @type {{id: string}[]} */ [chosen]) => {
      if (!chosen) return;
      pick(async () => {
        const [performer] = await sense.performersById([chosen.id]);
        if (!performer) throw new Error(t("gone_performer"));
        return performer;
      });
    };
    return h(
      "div",
      { ref: place, className: "sense-stash-select" },
      h(Select, {
        values: [],
        isMulti: false,
        creatable: false,
        autoFocus: true,
        "aria-label": t("searchLabel"),
        noSelectionString: t("searchLabel"),
        onSelect: choose,
      }),
    );
  };
});
