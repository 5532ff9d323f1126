/** An unknown person of a scene: their faces, when they are on screen, and who they are by the user's word. */
window.StashSense.part("scene-unknown", (sense, api) => {
  const { h, t } = sense;

  sense.SceneUnknown = ({ groups, resultId, ...common }) =>
    h(sense.UnknownGroups, { groups, resultId, sizeOf: (/** @type {SceneUnknown} */ group) => group.frame_count, Group, common });

  /** @param {SceneGroupProps} props */
  const Group = ({ groupKey, group, gone, scene, duration, people, changed, tagged, play, register }) => {
    const { useEffect } = api.React;
    const naming = sense.useFaceNaming({ type: "scene", id: scene.id, faceIds: () => group.face_ids, imageIds: null, tagged, changed });
    useEffect(() => register(groupKey, naming));
    const { outcome } = naming;
    const named =
      outcome?.kind === "named"
        ? { performer_id: outcome.performer_id, name: sense.performerName(outcome.performer), confidence: 1 }
        : null;
    const title = named ? sense.shortened(named.name, 300) : t("unknownInScene");
    const spans = sense.validSpans(group.spans, duration);
    const nearest = group.nearest || [];
    const ambiguous = group.verdict === "ambiguous";
    const reason = named ? { reason_code: "named", reason_people: [named] } : group;
    return h(
      "li",
      { className: "sense-group sense-scene-person", "aria-label": title },
      h(sense.SceneFace, { person: group, name: title, play }),
      h(
        "div",
        { className: "sense-who" },
        h("h6", null, h(sense.Text, null, title)),
        gone
          ? h("p", { className: "text-muted" }, t("gone"))
          : h(
              api.React.Fragment,
              null,
              h(
                "div",
                { className: "sense-facts" },
                h("span", null, sense.onScreenText(spans)),
                h("span", null, t("inFrames", { n: group.frame_count })),
              ),
              h("small", { className: "sense-reason" }, h(sense.Text, null, sense.reasonText(reason, people.performers))),
              h(sense.Timeline, { spans, duration, name: sense.shortened(title, 100), play }),
              h(sense.SceneFaces, { person: group, name: title, play }),
            ),
        gone && !naming.written && !naming.open
          ? h("p", { role: "status", className: "text-muted" }, t("undone"))
          : h(sense.FaceNamingForm, {
              naming,
              people,
              likely: ambiguous ? nearest.slice(0, 2) : [],
              others: ambiguous ? nearest.slice(2) : nearest,
              faceId: group.face_ids[0],
              more: "",
            }),
      ),
    );
  };
});
