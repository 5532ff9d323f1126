/** A face of a scene as its performer's picture: asked first, both shown, and the former one can be put back. */
window.StashSense.part("performer-picture", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const UPDATE = "mutation StashSensePicture($input: PerformerUpdateInput!) { performerUpdate(input: $input) { id } }";

  /**
   * What was replaced, by performer: outlives the dialogue, but not the page. The journal keeps ids, not pictures.
   * @type {Map<string, {before: string | null, after: string}>}
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
      const before = await currentPicture(performer.id); // first: nothing is replaced that could not be put back
      await sense.queryStash(UPDATE, { input: { id: performer.id, image: after.value } });
      const earlier = replaced.get(performer.id);
      const first = earlier && earlier.after === before ? earlier.before : before; // of several replacements in a row
      replaced.set(performer.id, { before: first, after: after.value });
      setOpen(false);
      await reread();
    });
    const back = sense.useAction(async () => {
      const was = replaced.get(performer.id);
      if (!was) return;
      if ((await currentPicture(performer.id)) !== was.after) {
        replaced.delete(performer.id);
        throw new Error(t("pictureChanged"));
      }
      await sense.queryStash(UPDATE, { input: { id: performer.id, image: was.before } });
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

  /** The performer's picture as a data: URL; null for Stash's placeholder. @param {string} id @returns {Promise<string | null>} */
  async function currentPicture(id) {
    const [performer] = await sense.performersById([id]);
    if (!performer) throw new Error(t("gone_performer"));
    const src = sense.performerPortrait(performer);
    if (!src) return null;
    const response = await fetch(src, { cache: "no-store" });
    const picture = await response.blob();
    if (!response.ok || !picture.type.startsWith("image/")) throw new Error(t("pictureUnread"));
    return new Promise((done, fail) => {
      const reader = new FileReader();
      reader.onload = () => done(String(reader.result));
      reader.onerror = () => fail(new Error(t("pictureUnread")));
      reader.readAsDataURL(picture);
    });
  }
});
