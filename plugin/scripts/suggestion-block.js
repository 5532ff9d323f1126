/** Some suggestions about one person: where, with the faces, to tag or to refuse. */
window.StashSense.part("suggestion-block", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const HOMES = { image: "images", gallery: "galleries", scene: "scenes" };
  const MOST_FACES = 3; // of one suggestion

  sense.SuggestionBlock = ({ block, actions, people, audit, showAll, acceptAll }) => {
    const { useState } = api.React;
    const { group, suggestions, head, hidden } = block;
    const performers = people.performers.get(group.performer_id);
    const [chosen, setChosen] = useState("");
    const create = sense.useAction(async () => {
      people.learn(group.performer_id, await sense.createFromMatch(group, people.learn));
    });
    const more = sense.useAction(() => showAll(group));
    const name = sense.shortened(sense.libraryName(group, performers), 100);
    const performer = performers?.length === 1 ? performers[0] : undefined;
    const choose = (/** @type {string} */ id) => {
      setChosen(id);
      const found = performers?.find((each) => each.id === id);
      if (found) people.learn(group.performer_id, found);
    };
    return h(
      "section",
      { className: "sense-suggested", "aria-label": name },
      head &&
        h(
          "div",
          { className: "sense-card-head" },
          h(
            "h5",
            null,
            performer ? h(Link, { to: `/performers/${encodeURIComponent(performer.id)}` }, h(sense.Text, null, name)) : h(sense.Text, null, name),
            ` (${group.count})`,
          ),
          performers && performers.length > 1 && h(sense.PerformerChoice, { performers, chosen, choose, disabled: false }),
          performers?.length === 0 &&
            !audit &&
            h(Button, { variant: "secondary", size: "sm", disabled: create.step === "busy", onClick: create.start }, t("createPerformer")),
          performer &&
            group.count > 1 &&
            h(
              Button,
              { variant: "secondary", size: "sm", onClick: () => acceptAll(group) },
              t(audit ? "untagAll" : "acceptAll", { n: group.count }),
            ),
          h(sense.ErrorLine, { error: create.error }),
        ),
      h(
        "ul",
        { className: "sense-tiles" },
        suggestions.map((suggestion) => h(Tile, { key: suggestion.suggestion_id, suggestion, group, name, performer, actions, audit })),
      ),
      hidden > 0 &&
        h(Button, { variant: "link", size: "sm", disabled: more.step === "busy", onClick: more.start }, t("more", { n: hidden })),
      h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** @param {SuggestionTileProps} props */
  const Tile = ({ suggestion, group, name, performer, actions, audit }) => {
    const { suggestion_id: key, target_type: type, target_id: id, title, confidence, face_ids, times_s, seen } = suggestion;
    const state = actions.states.get(key);
    const where = t(`at_${type}`, { title: title || `#${id}` });
    const others = [...new Set(seen.map((each) => each.name))].join(", ");
    const faces = (audit ? seen.flatMap((each) => each.face_ids) : face_ids).slice(0, MOST_FACES);
    const accept = () =>
      performer &&
      actions.tag(
        `${name}, ${where}: ${t(audit ? "state_removed" : "state_added")}`,
        async function* () {
          yield { performer, type, mode: audit ? "remove" : "add", items: [{ key, id }] };
        },
        [key],
      );
    const refuse = () => {
      if (audit) return actions.run(`${name}, ${where}: ${t("tagKept")}`, key, "kept", () => sense.callSidecar("dismiss_suggestions", { ids: [key] }));
      const about = { performer_id: group.performer_id, name: sense.shortened(group.name, 1000) };
      return actions.reject(t("notThemDone", { name }), key, face_ids, performer ? { ...about, local_id: performer.id } : about);
    };
    const settled = !!state && state !== "failed";
    const to = `/${HOMES[type]}/${encodeURIComponent(id)}${type === "scene" && times_s[0] ? `?t=${Math.floor(times_s[0])}` : ""}`;
    return h(
      "li",
      { className: `sense-tile${settled ? " sense-settled" : ""}`, tabIndex: -1, "data-sense-item": key, "aria-label": `${name}, ${where}` },
      h(
        Link,
        { to, className: "sense-tile-faces", title: where },
        faces.length || type !== "image"
          ? faces.map((faceId) => h(sense.FaceThumbnail, { key: faceId, faceId, alt: "" }))
          : h("img", { src: sense.thumbnail(id), alt: "", loading: "lazy" }),
      ),
      h("span", { className: "sense-tile-where" }, h(sense.Text, null, where)),
      h(
        "small",
        { className: "text-muted" },
        audit ? h(sense.Text, null, t("seenInstead", { name: others })) : sense.formatPercent(confidence),
        times_s.length > 0 && ` · ${sense.formatClock(times_s[0] || 0)}`,
      ),
      state && state !== "failed"
        ? h("span", { role: "status" }, state === "busy" ? t("saving") : t(`state_${state}`))
        : h(
            "span",
            { className: "sense-tile-actions" },
            h(
              Button,
              { variant: "primary", size: "sm", disabled: !performer, "data-sense-key": "a", onClick: accept, "aria-label": t(audit ? "untagAt" : "tagAt", { name, where }) },
              state === "failed" ? t("failedRetry") : t(audit ? "untag" : "tag"),
            ),
            h(
              Button,
              { variant: "secondary", size: "sm", "data-sense-key": "r", onClick: refuse, "aria-label": t(audit ? "keepAt" : "notAt", { name, where }) },
              audit ? t("keepTag") : "✕",
            ),
          ),
    );
  };
});
