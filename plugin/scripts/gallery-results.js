/** The people of a gallery: a row each, then the unknown groups, then skipped and failed images. */
window.StashSense.part("gallery-results", (sense, api) => {
  const { h, t } = sense;
  const { Form } = api.libraries.Bootstrap;
  const LISTED = 200; // skipped or failed images shown

  sense.GalleryResults = ({ gallery, settings, shown, running, update, changed, outdated }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const { result, resultId, partial } = shown;
    const [least, setLeast] = useState(sense.clampPercent(settings.minConfidence));
    const [gender, setGender] = useState("");
    const [also, setAlso] = useState(/** @type {Map<string, boolean>} */ (new Map()));
    const [alsoAll, setAlsoAll] = useState(settings.tagImages === true);
    const [viewed, setViewed] = useState(/** @type {ImageView | null} */ (null));
    const rows = useRef(/** @type {Map<string, Tagging>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {Tagging} */ tagging) => {
      rows.current.set(key, tagging);
    }, []);
    const opener = useRef(/** @type {Element | null} */ (null));
    const openImage = (/** @type {ImageView} */ next) => {
      opener.current = document.activeElement;
      setViewed(next);
    };
    const close = () => {
      setViewed(null);
      // Back to the thumbnail, once the list shows again.
      setTimeout(() => opener.current instanceof HTMLElement && opener.current.focus(), 0);
    };
    // While the job runs, the unknown groups change with every image.
    const groups = useMemo(() => (partial ? [] : result.unknown || []), [result, partial]);
    const everyone = useMemo(() => [...result.performers, ...groups.flatMap((each) => each.nearest || [])], [result, groups]);
    const people = sense.usePeople(everyone);
    const tags = sense.useTagged(gallery);
    const exclusion = sense.useExcludedFaces(resultId, changed);
    const busy = (/** @type {string} */ key) => {
      const row = rows.current.get(key);
      return !!row && (row.entries.length > 0 || row.add.step === "busy" || row.undo.step === "busy");
    };
    const gone = sense.useRemovedInUse(result.performers, (person) => person.performer_id, busy);
    const fits = (/** @type {GalleryPerson} */ person) => {
      if (Math.round(person.confidence * 100) < least) return false;
      return !gender || (people.performers.get(person.performer_id) || []).some((each) => each.gender === gender);
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
      viewed && h(sense.ImageViewer, { ...viewed, exclusion, close }),
      h(
        "div",
        { hidden: !!viewed },
        !running && h("p", { role: "status", className: "sense-summary", tabIndex: -1 }, t("processed", facts)),
        !!result.not_stored && h("p", { className: "sense-error" }, t("notStored", { n: result.not_stored })),
        people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
        (exclusion.outdated || outdated) &&
          !running &&
          h(sense.UpdateNote, { update, note: t(exclusion.outdated ? "updateNote" : "decidedNote"), label: t("update") }),
        result.performers.length > 0
          ? h(
              "div",
              { className: "sense-filters" },
              h(sense.GalleryFilters, { least, setLeast, gender, setGender, people: result.performers, performers: people.performers }),
              h(Form.Check, {
                type: "switch",
                id: "sense-also-all",
                label: t("alsoImagesAll"),
                checked: alsoAll,
                onChange: (/** @type {{target: HTMLInputElement}} */ event) => {
                  setAlsoAll(event.target.checked);
                  setAlso(new Map());
                },
              }),
              h(sense.AcceptAll, { visible, rows, performers: people.performers }),
            )
          : !running &&
              h(
                "div",
                { className: "sense-empty" },
                h("h6", null, t("nobody")),
                h("p", null, t("nobodyHint", facts)),
              ),
        hidden > 0 && h("p", { className: "text-muted", role: "status" }, t("hidden", { n: hidden })),
        h(
          "ul",
          { className: "sense-people" },
          // All rows, hidden ones too: what was done in a row, and its undo, outlast a filter and a new result.
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
              exclusion,
              alsoImages: also.get(person.performer_id) ?? alsoAll,
              setAlsoImages: (/** @type {boolean} */ on) =>
                setAlso((before) => new Map([...before, [person.performer_id, on]])),
              openImage,
              register,
            }),
          ),
        ),
        h(sense.UnknownPeople, { groups, resultId, gallery, people, exclusion, alsoAll, openImage, changed, tagged: tags.set }),
        h(sense.ExcludedEarlier, { exclusion }),
        h(LeftOut, { result }),
      ),
    );
  };

  /** An older result has no code; its sentence may begin with the image as well. @param {ImageFailure} failure */
  const failureText = ({ image_id: id, code, reason, numbers }) => {
    const start = `Image ${id}: `;
    const sentence = reason.startsWith(start) ? reason.slice(start.length) : reason;
    return t("imageWhy", { id, why: sense.problemText(code, sentence, numbers) });
  };

  /** @param {{result: GalleryResult}} props */
  const LeftOut = ({ result }) => {
    const { useState } = api.React;
    const [open, setOpen] = useState(false);
    const skipped = result.skipped || [];
    const errors = result.error_details?.length ? result.error_details.map(failureText) : result.errors || [];
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
          { onToggle: (/** @type {{currentTarget: HTMLDetailsElement}} */ event) => setOpen(event.currentTarget.open) },
          h("summary", null, t("skipped", { n: skipped.length })),
          open && h(sense.SkippedClips, { imageIds: skipped.slice(0, LISTED).map((each) => each.image_id) }),
          list(skipped.map((each) => failureText({ ...each, code: each.code || "not-a-picture" }))),
        ),
      errors.length > 0 &&
        h(
          "details",
          { open: true },
          h("summary", null, t("errors", { n: result.error_count || errors.length })),
          list(errors),
          more > 0 && h("p", null, t("moreErrors", { n: more })),
        ),
    );
  };
});
