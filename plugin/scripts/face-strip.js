/** The faces of a person or of an unknown group, best view first. Each opens its image and can be taken out. */
window.StashSense.part("face-strip", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const SHOWN = 6; // before "more"
  const MORE = 60;

  sense.FaceStrip = ({ faceIds, name, person, exclusion, openImage }) => {
    const { useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const left = faceIds.length - shown;
    return h(
      "ul",
      { className: "sense-strip sense-faces" },
      faceIds
        .slice(0, shown)
        .map((faceId, index) => h(Face, { key: faceId, faceId, number: index + 1, name, person, exclusion, openImage })),
      left > 0 &&
        h(
          "li",
          null,
          h(
            Button,
            { variant: "secondary", size: "sm", onClick: () => setShown(shown + MORE) },
            t("more", { n: left }),
          ),
        ),
    );
  };

  /** @param {FaceTileProps} props */
  const Face = ({ faceId, number, name, person, exclusion, openImage }) => {
    const { useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const excluded = !!exclusion?.isExcluded(faceId);
    const exclude = sense.useAction(async () => exclusion?.exclude(faceId, person));
    const restore = sense.useAction(async () => exclusion?.restore(faceId));
    const busy = exclude.step === "busy" || restore.step === "busy";
    const error = excluded ? restore.error : exclude.error;
    const not = person ? t("notName", { name: sense.shortened(person.name, 100) }) : t("notSame");
    sense.useRefocus(place, `${excluded} ${busy}`);
    return h(
      "li",
      { className: `sense-face-tile${excluded ? " sense-out" : ""}` },
      h(
        "button",
        {
          type: "button",
          className: "sense-face",
          "aria-label": t("showFace", { n: number, name }),
          title: t("showFace", { n: number, name }),
          onClick: () => openImage(faceId),
        },
        h(sense.FaceThumbnail, { faceId, alt: "" }),
      ),
      h(
        "div",
        { ref: place, className: "sense-face-do" },
        excluded
          ? h(
              api.React.Fragment,
              null,
              h("span", { role: "status" }, h(sense.Text, null, person ? not : t("removed"))),
              h(
                Button,
                { variant: "link", size: "sm", disabled: busy, onClick: restore.start },
                restore.step === "failed" ? t("failedRetry") : t("putBack"),
              ),
            )
          : exclusion &&
              h(
                "button",
                {
                  type: "button",
                  className: "sense-take-out",
                  "aria-label": person
                    ? t("notNameFace", { name: sense.shortened(person.name, 100), n: number })
                    : t("notSameFace", { n: number, name }),
                  title: not,
                  disabled: busy,
                  onClick: exclude.start,
                },
                "✕",
              ),
      ),
      error && h(sense.ErrorLine, { error: error }),
    );
  };

  /** Takes the face that is shown large out of its group, and puts it back. */
  sense.NotHere = ({ faceId, person, exclusion }) => {
    const { useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const excluded = exclusion.isExcluded(faceId);
    const act = sense.useAction(() => (excluded ? exclusion.restore(faceId) : exclusion.exclude(faceId, person)));
    const busy = act.step === "busy";
    const name = person && sense.shortened(person.name, 100);
    sense.useRefocus(place, `${excluded} ${busy}`);
    return h(
      "span",
      { ref: place, className: "sense-not-here" },
      excluded && h("span", { role: "status" }, h(sense.Text, null, name ? t("notName", { name }) : t("removed"))),
      h(
        Button,
        { variant: "secondary", disabled: busy, onClick: act.start },
        act.step === "failed"
          ? t("failedRetry")
          : excluded
            ? t("putBack")
            : h(sense.Text, null, name ? t("notHere", { name }) : t("notSame")),
      ),
      h(sense.ErrorLine, { error: act.error }),
    );
  };

  /** Faces taken out of groups of an earlier result. They can still be restored. */
  sense.ExcludedEarlier = ({ exclusion }) =>
    exclusion.earlier.length > 0 &&
    h(
      "section",
      { className: "sense-taken-earlier", "aria-label": t("removedEarlier") },
      h("h6", null, t("removedEarlier")),
      h(
        "ul",
        { className: "sense-strip sense-faces" },
        exclusion.earlier.map((taken) => h(Earlier, { key: taken.faceId, taken, exclusion })),
      ),
    );

  /** @param {{key: string, taken: ExcludedFace, exclusion: ExcludedFaces}} props */
  const Earlier = ({ taken, exclusion }) => {
    const restore = sense.useAction(() => exclusion.restore(taken.faceId));
    const label = taken.name === null ? t("notSame") : t("notName", { name: sense.shortened(taken.name, 100) });
    return h(
      "li",
      { className: "sense-face-tile sense-out" },
      h("span", { className: "sense-face" }, h(sense.FaceThumbnail, { faceId: taken.faceId, alt: label })),
      h(
        "div",
        { className: "sense-face-do" },
        h(sense.Text, null, label),
        h(
          Button,
          { variant: "link", size: "sm", disabled: restore.step === "busy", onClick: restore.start },
          restore.step === "failed" ? t("failedRetry") : t("putBack"),
        ),
      ),
      restore.error && h(sense.ErrorLine, { error: restore.error }),
    );
  };
});
