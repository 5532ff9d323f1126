/** What the results of a gallery and of a scene share: who is tagged by now, and the offer to match again. */
window.StashSense.part("shown-results", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  /** Who is tagged on a gallery or scene: as read by the dialogue, plus the changes since. */
  sense.useTagged = (target) => {
    const { useMemo, useState } = api.React;
    const [since, setSince] = useState(/** @type {{of: unknown, on: Map<string, boolean>}} */ ({ of: target, on: new Map() }));
    const tagged = useMemo(() => {
      const ids = new Set(target.performers.map((each) => each.id));
      if (since.of === target) since.on.forEach((on, id) => (on ? ids.add(id) : ids.delete(id)));
      return ids;
    }, [target, since]);
    const set = (/** @type {string} */ id, /** @type {boolean} */ on) =>
      setSince((before) => ({ of: target, on: new Map([...(before.of === target ? before.on : []), [id, on]]) }));
    return { tagged, set };
  };

  /** The results no longer agree with what the user decided. */
  sense.UpdateNote = ({ update, note, label }) => {
    const go = sense.useAction(update);
    return h(
      "div",
      { className: "sense-update sense-actions" },
      h("span", { role: "status" }, note),
      h(
        Button,
        { variant: "primary", size: "sm", title: t("updateHint"), disabled: go.step === "busy", onClick: go.start },
        go.step === "busy" ? t("updating") : label,
      ),
      go.error && h(sense.ErrorLine, { error: go.error }),
    );
  };
});
