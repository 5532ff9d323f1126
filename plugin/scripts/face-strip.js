/** The faces of a person or of an unknown one, best view first; each can be looked at, and taken out. */
window.StashSense.part("face-strip", (sense, api) => {
  const { h, say } = sense;
  const { Button } = api.libraries.Bootstrap;
  const SHOWN = 6; // before "more"
  const MORE = 60;

  sense.FaceStrip = ({ faceIds, name, person, split, look }) => {
    const { useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const left = faceIds.length - shown;
    return h(
      "ul",
      { className: "sense-strip sense-faces" },
      faceIds
        .slice(0, shown)
        .map((faceId, index) => h(Face, { key: faceId, faceId, number: index + 1, name, person, split, look })),
      left > 0 &&
        h(
          "li",
          null,
          h(
            Button,
            { variant: "secondary", size: "sm", onClick: () => setShown(shown + MORE) },
            say("more", { n: left }),
          ),
        ),
    );
  };

  /** @param {FaceTileProps} props */
  const Face = ({ faceId, number, name, person, split, look }) => {
    const { useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const out = !!split?.isOut(faceId);
    const takeOut = sense.useAction(async () => split?.takeOut(faceId, person));
    const takeBack = sense.useAction(async () => split?.takeBack(faceId));
    const busy = takeOut.step === "busy" || takeBack.step === "busy";
    const error = out ? takeBack.error : takeOut.error;
    const not = person ? say("notName", { name: person.name.slice(0, 100) }) : say("notSame");
    sense.useRefocus(place, `${out} ${busy}`);
    return h(
      "li",
      { className: `sense-face-tile${out ? " sense-out" : ""}` },
      h(
        "button",
        {
          type: "button",
          className: "sense-face",
          "aria-label": say("showFace", { n: number, name }),
          title: say("showFace", { n: number, name }),
          onClick: () => look(faceId),
        },
        h(sense.FaceCrop, { faceId, alt: "" }),
      ),
      h(
        "div",
        { ref: place, className: "sense-face-do" },
        out
          ? h(
              api.React.Fragment,
              null,
              h("span", { role: "status" }, h(sense.Text, null, person ? not : say("takenOut"))),
              h(
                Button,
                { variant: "link", size: "sm", disabled: busy, onClick: takeBack.start },
                takeBack.step === "failed" ? say("again") : say("takeBack"),
              ),
            )
          : split &&
              h(
                "button",
                {
                  type: "button",
                  className: "sense-take-out",
                  "aria-label": person
                    ? say("notNameFace", { name: person.name.slice(0, 100), n: number })
                    : say("notSameFace", { n: number, name }),
                  title: not,
                  disabled: busy,
                  onClick: takeOut.start,
                },
                "✕",
              ),
      ),
      error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, error)),
    );
  };

  /** Those that were taken out of groups that are no more: what was said of them can still be taken back. */
  sense.TakenEarlier = ({ split }) =>
    split.earlier.length > 0 &&
    h(
      "section",
      { className: "sense-taken-earlier", "aria-label": say("takenEarlier") },
      h("h6", null, say("takenEarlier")),
      h(
        "ul",
        { className: "sense-strip sense-faces" },
        split.earlier.map((taken) => h(Earlier, { key: taken.faceId, taken, split })),
      ),
    );

  /** @param {{key: string, taken: TakenOut, split: Split}} props */
  const Earlier = ({ taken, split }) => {
    const takeBack = sense.useAction(() => split.takeBack(taken.faceId));
    const label = taken.name === null ? say("notSame") : say("notName", { name: taken.name.slice(0, 100) });
    return h(
      "li",
      { className: "sense-face-tile sense-out" },
      h("span", { className: "sense-face" }, h(sense.FaceCrop, { faceId: taken.faceId, alt: label })),
      h(
        "div",
        { className: "sense-face-do" },
        h(sense.Text, null, label),
        h(
          Button,
          { variant: "link", size: "sm", disabled: takeBack.step === "busy", onClick: takeBack.start },
          takeBack.step === "failed" ? say("again") : say("takeBack"),
        ),
      ),
      takeBack.error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, takeBack.error)),
    );
  };
});
