/** The faces of a person in a scene: a click on one plays the scene from there. */
window.StashSense.part("scene-faces", (sense) => {
  const { h, t } = sense;

  /** The best views, the very best first. Results of a running job may not have them yet. */
  sense.bestFaces = ({ best_frame: best, best_faces: faces }) => {
    const all = [...(best ? [best] : []), ...(Array.isArray(faces) ? faces : [])].filter((each) => each.face_id);
    return [...new Map(all.map((each) => [each.face_id, each])).values()];
  };

  sense.onScreenText = (spans) => {
    const seconds = sense.secondsIn(spans);
    if (!spans[0]) return "";
    return seconds < 0.5 ? t("seenAt", { time: sense.formatClock(spans[0][0]) }) : t("onScreen", { time: sense.formatDuration(seconds) });
  };

  /** @param {{face: FrameFace, name: string, number: number, play: (seconds: number) => void}} props */
  const Face = ({ face, name, number, play }) => {
    const label = t("playFace", { n: number, name, time: sense.formatClock(face.time_s) });
    return h(
      "button",
      { type: "button", className: "sense-face", "aria-label": label, title: label, onClick: () => play(face.time_s) },
      h(sense.FaceThumbnail, { faceId: face.face_id, alt: "" }),
    );
  };

  /** The best face, large. */
  sense.SceneFace = ({ person, name, play }) => {
    const [best] = sense.bestFaces(person);
    return h(
      "figure",
      { className: "sense-best-face" },
      best
        ? h(Face, { face: best, name, number: 1, play })
        : h("div", { className: "sense-portrait sense-none" }, t("noImage")),
      h("figcaption", null, best ? t("seenAt", { time: sense.formatClock(best.time_s) }) : ""),
    );
  };

  /** The other good views. */
  sense.SceneFaces = ({ person, name, play }) => {
    const others = sense.bestFaces(person).slice(1);
    if (!others.length) return null;
    return h(
      "div",
      { className: "sense-strip" },
      others.map((face, index) => h(Face, { key: face.face_id, face, name, number: index + 2, play })),
    );
  };
});
