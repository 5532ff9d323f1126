/** A face of a scene as its performer's picture: asked first, both shown, and the former one can be put back. */
window.StashSense.part("performer-picture", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  /**
   * The journal's entries of what was replaced here, by performer. The sidecar keeps the pictures: the plugin's page
   * puts them back too, also after a reload and in another tab.
   * @type {Map<string, JournalEntry[]>}
   */
  const replaced = new Map();

  sense.PerformerPicture = ({ performer, faceIds, changed }) => {
    const { useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [open, setOpen] = useState(false);
    const [chosen, setChosen] = useState(faceIds[0] || "");
    const [, redraw] = useState(0);
    const after = sense.useLoaded(() => sense.faceCrop(chosen), [chosen], open);
    const replace = sense.useAction(async () => {
      if (!after.value) throw new Error(t("noImage"));
      const entry = await sense.replacePicture(performer.id, after.value);
      replaced.set(performer.id, [...(replaced.get(performer.id) || []), entry]);
      setOpen(false);
      await reread();
    });
    const back = sense.useAction(async () => {
      // The newest first: each puts back what it replaced, the last one the very first picture.
      for (let entries = replaced.get(performer.id) || []; entries.length; entries = entries.slice(0, -1)) {
        const [newest] = entries.slice(-1);
        if (newest)
          await sense.undoEntry(newest).catch((error) => {
            if (error instanceof sense.PictureChanged) replaced.delete(performer.id);
            throw error;
          });
        replaced.set(performer.id, entries.slice(0, -1));
      }
      replaced.delete(performer.id);
      replace.reset();
      await reread();
    });
    const reread = async () => {
      redraw((before) => before + 1);
      sense.refreshPage("scene");
      const [now] = await sense.performersById([performer.id]).catch(() => []); // only its new address is missing then
      if (now) changed(now);
    };
    const busy = replace.step === "busy" || back.step === "busy";
    const name = sense.shortened(sense.performerName(performer), 100);
    const error = replace.error || back.error;
    sense.useRefocus(place, `${open} ${busy}`);
    return h(
      "div",
      { ref: place, className: "sense-picture" },
      replaced.has(performer.id) &&
        h(
          "span",
          { className: "sense-actions" },
          h("span", { role: "status", className: "sense-already" }, t("pictureReplaced")),
          h(
            Button,
            { variant: "secondary", size: "sm", disabled: busy, onClick: back.start },
            back.step === "busy" ? t("undoing") : t("pictureBack"),
          ),
        ),
      h(
        Button,
        { variant: "link", size: "sm", "aria-expanded": open, disabled: busy, onClick: () => setOpen(!open) },
        t("usePicture"),
      ),
      open &&
        h(
          "div",
          { className: "sense-picture-form", role: "group", "aria-label": t("pictureQuestion", { name }) },
          h("p", null, h(sense.Text, null, t("pictureQuestion", { name }))),
          h(
            "div",
            { className: "sense-pair" },
            h(Shown, { src: sense.performerPortrait(performer), label: t("pictureBefore") }),
            h(Shown, { src: after.value, label: t("pictureAfter") }),
          ),
          faceIds.length > 1 && h(Faces, { faceIds, chosen, choose: setChosen }),
          h("p", { className: "text-muted" }, t("pictureHint")),
          h(
            "div",
            { className: "sense-actions" },
            h(
              Button,
              { variant: "primary", size: "sm", disabled: busy || !after.value, onClick: replace.start },
              replace.step === "busy" ? t("saving") : t("pictureReplace"),
            ),
            h(Button, { variant: "secondary", size: "sm", disabled: busy, onClick: () => setOpen(false) }, t("cancel")),
          ),
        ),
      error && h(sense.ErrorLine, { error }),
    );
  };

  /** @param {{src: string | null | undefined, label: string}} props */
  const Shown = ({ src, label }) =>
    h(
      "figure",
      null,
      h(sense.Portrait, { key: src, src: src || null, name: label, external: null }),
      h("figcaption", null, label),
    );

  /** @param {{faceIds: string[], chosen: string, choose: (id: string) => void}} props */
  const Faces = ({ faceIds, chosen, choose }) =>
    h(
      "div",
      { className: "sense-strip", role: "group", "aria-label": t("pictureOthers") },
      faceIds.map((faceId, index) =>
        h(
          "button",
          {
            key: faceId,
            type: "button",
            className: "sense-face",
            "aria-pressed": faceId === chosen,
            "aria-label": t("face", { n: index + 1 }),
            onClick: () => choose(faceId),
          },
          h(sense.FaceThumbnail, { faceId, alt: "" }),
        ),
      ),
    );
});
