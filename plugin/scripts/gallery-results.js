/** Who is in a gallery: a row a person, the unknown ones in groups, and what was left out and why. */
window.StashSense.part("gallery-results", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const LISTED = 200; // skipped or failed images shown

  sense.GalleryResults = ({ gallery, settings, shown, running, update, changed }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const { result, resultId, partial } = shown;
    const [least, setLeast] = useState(sense.clampPercent(settings.minConfidence));
    const [gender, setGender] = useState("");
    const [also, setAlso] = useState(/** @type {Map<string, boolean>} */ (new Map()));
    const [alsoAll, setAlsoAll] = useState(settings.tagImages === true);
    const [view, setView] = useState(/** @type {SeenInView | null} */ (null));
    const rows = useRef(/** @type {Map<string, Tagging>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {Tagging} */ tagging) => {
      rows.current.set(key, tagging);
    }, []);
    const opener = useRef(/** @type {Element | null} */ (null));
    const look = (/** @type {SeenInView} */ next) => {
      opener.current = document.activeElement;
      setView(next);
    };
    const close = () => {
      setView(null);
      // Back to the thumbnail, once the list shows again.
      setTimeout(() => opener.current instanceof HTMLElement && opener.current.focus(), 0);
    };
    // Before the last picture is looked at, who is unknown changes with every one.
    const groups = useMemo(() => (partial ? [] : result.unknown || []), [result, partial]);
    const asked = useMemo(() => [...result.performers, ...groups.flatMap((each) => each.nearest || [])], [result, groups]);
    const people = sense.useLocals(asked);
    const tags = useTagged(gallery);
    const split = sense.useSplit(resultId, changed);
    const busy = (/** @type {string} */ key) => {
      const row = rows.current.get(key);
      return !!row && (row.entries.length > 0 || row.add.step === "busy" || row.undo.step === "busy");
    };
    const gone = sense.useKept(result.performers, (person) => person.performer_id, busy);
    const fits = (/** @type {GalleryPerson} */ person) => {
      if (Math.round(person.confidence * 100) < least) return false;
      return !gender || (people.locals.get(person.performer_id) || []).some((each) => each.gender === gender);
    };
    const visible = result.performers.filter(fits);
    const hidden = result.performers.length - visible.length;
    const facts = {
      n: result.images_processed,
      m: result.total_images,
      f: result.faces_detected,
      p: result.performers.length,
    };
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    sense.useRefocus(root, resultId, ".sense-summary");
    return h(
      "div",
      { ref: root },
      !running && h("p", { role: "status", className: "sense-summary", tabIndex: -1 }, say("processed", facts)),
      !!result.not_stored && h("p", { className: "sense-error" }, say("notStored", { n: result.not_stored })),
      people.error && h(sense.Problem, { error: people.error }),
      split.unsettled && !running && h(UpdateNote, { update }),
      result.performers.length > 0
        ? h(
            "div",
            { className: "sense-filters" },
            h(sense.Filters, { least, setLeast, gender, setGender, people: result.performers, locals: people.locals }),
            h(Form.Check, {
              type: "switch",
              id: "sense-also-all",
              label: say("alsoImagesAll"),
              checked: alsoAll,
              onChange: (/** @type {{target: HTMLInputElement}} */ event) => {
                setAlsoAll(event.target.checked);
                setAlso(new Map());
              },
            }),
            h(sense.AcceptAll, { visible, rows, locals: people.locals }),
          )
        : !running &&
            h(
              "div",
              { className: "sense-empty" },
              h("h6", null, say("nobody")),
              h("p", null, say("nobodyHint", facts)),
            ),
      hidden > 0 && h("p", { className: "text-muted", role: "status" }, say("hidden", { n: hidden })),
      view && h(sense.SeenIn, { ...view, close }),
      h(
        "div",
        { hidden: !!view },
        h(
          "ul",
          { className: "sense-people" },
          // All of them: what was done in a row, and its undo, outlast a filter that hides it, and another result.
          [...result.performers, ...gone].map((person) =>
            h(sense.PersonRow, {
              key: person.performer_id,
              person,
              hidden: !visible.includes(person) && !gone.includes(person),
              gone: gone.includes(person),
              gallery: { id: gallery.id, tagged: tags.tagged },
              total: result.total_images,
              resultId,
              people,
              split,
              alsoImages: also.get(person.performer_id) ?? alsoAll,
              setAlsoImages: (/** @type {boolean} */ on) =>
                setAlso((before) => new Map([...before, [person.performer_id, on]])),
              look,
              register,
            }),
          ),
        ),
        h(sense.UnknownGroups, { groups, resultId, gallery, people, split, alsoAll, look, changed, tagged: tags.set }),
        h(sense.TakenEarlier, { split }),
      ),
      h(LeftOut, { result }),
    );
  };

  /** Who is on the gallery: as it was when the dialogue looked, and what was done to groups since. @param {StashGallery} gallery */
  const useTagged = (gallery) => {
    const { useMemo, useState } = api.React;
    const [since, setSince] = useState(/** @type {{of: StashGallery, on: Map<string, boolean>}} */ ({ of: gallery, on: new Map() }));
    const tagged = useMemo(() => {
      const ids = new Set(gallery.performers.map((each) => each.id));
      if (since.of === gallery) since.on.forEach((on, id) => (on ? ids.add(id) : ids.delete(id)));
      return ids;
    }, [gallery, since]);
    const set = (/** @type {string} */ id, /** @type {boolean} */ on) =>
      setSince((before) => ({ of: gallery, on: new Map([...(before.of === gallery ? before.on : []), [id, on]]) }));
    return { tagged, set };
  };

  /** What results before had and the latest has not, where it was in use; once shown as gone, it stays. */
  sense.useKept = (items, keyOf, inUse) => {
    const { useRef } = api.React;
    const known = useRef(/** @type {Map<string, {item: any, gone: boolean}>} */ (new Map()));
    const now = new Set(items.map(keyOf));
    for (const [key, kept] of [...known.current]) {
      if (now.has(key)) continue;
      kept.gone ||= inUse(key);
      if (!kept.gone) known.current.delete(key);
    }
    for (const item of items) known.current.set(keyOf(item), { item, gone: false });
    return [...known.current.values()].filter((kept) => kept.gone).map((kept) => kept.item);
  };

  /** @param {{update: () => Promise<unknown>}} props */
  const UpdateNote = ({ update }) => {
    const go = sense.useAction(update);
    return h(
      "div",
      { className: "sense-update sense-actions" },
      h("span", { role: "status" }, say("updateNote")),
      h(
        Button,
        { variant: "primary", size: "sm", title: say("updateHint"), disabled: go.step === "busy", onClick: go.start },
        go.step === "busy" ? say("updating") : say("update"),
      ),
      go.error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, go.error)),
    );
  };

  /** @param {{result: GalleryResult}} props */
  const LeftOut = ({ result }) => {
    const skipped = result.skipped || [];
    const errors = result.errors || [];
    const more = (result.error_count || errors.length) - errors.length;
    const list = (/** @type {string[]} */ lines) =>
      h(
        "ul",
        null,
        lines.slice(0, LISTED).map((line, index) => h("li", { key: index }, h(sense.Text, null, line))),
      );
    return h(
      "div",
      { className: "sense-left-out" },
      skipped.length > 0 &&
        h(
          "details",
          null,
          h("summary", null, say("skipped", { n: skipped.length })),
          list(skipped.map((each) => say("skippedWhy", { id: each.image_id, why: each.reason }))),
        ),
      errors.length > 0 &&
        h(
          "details",
          { open: true },
          h("summary", null, say("errors", { n: result.error_count || errors.length })),
          list(errors),
          more > 0 && h("p", null, say("moreErrors", { n: more })),
        ),
    );
  };
});
