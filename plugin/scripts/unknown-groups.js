/** The unknown people of a gallery or scene: a list of groups that stay while the user works on them. */
window.StashSense.part("unknown-groups", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const SHOWN = 12; // groups before "more"
  const MORE = 24;

  /** Group: shows one; it gets `common` too. */
  sense.UnknownGroups = ({ groups, resultId, sizeOf, Group, common }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const namings = useRef(/** @type {Map<string, Naming>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {Naming} */ naming) => {
      namings.current.set(key, naming);
    }, []);
    const known = useRef(/** @type {Map<string, any>} */ (new Map())); // by key, of earlier results too
    const keyed = useMemo(() => {
      const sorted = [...groups].sort((a, b) => sizeOf(b) - sizeOf(a));
      const open = [...known.current].filter(([key]) => namings.current.get(key)?.open);
      return sorted.map((group) => ({ key: keyOf(group, resultId, open), group }));
    }, [groups, resultId]);
    for (const { key, group } of keyed) known.current.set(key, group);
    const inUse = (/** @type {string} */ key) => {
      const naming = namings.current.get(key);
      if (!naming) return false;
      return naming.written || !!naming.open || naming.act.step === "busy" || naming.undo.step === "busy";
    };
    const gone = sense.useRemovedInUse(keyed, (each) => each.key, inUse);
    if (!keyed.length && !gone.length) return null;
    const left = keyed.length - shown;
    return h(
      "section",
      { className: "sense-unknown-people", "aria-labelledby": "sense-unknown-title" },
      h("h5", { id: "sense-unknown-title" }, t("unknownPeople", { n: keyed.length })),
      h("p", { className: "text-muted" }, t("unknownHint")),
      h(
        "ul",
        { className: "sense-people" },
        [...keyed.slice(0, shown), ...gone].map((each) =>
          h(Group, { ...common, key: each.key, groupKey: each.key, group: each.group, gone: gone.includes(each), register }),
        ),
      ),
      left > 0 &&
        h(
          Button,
          { variant: "secondary", className: "sense-more-groups", onClick: () => setShown(shown + MORE) },
          t("more", { n: left }),
        ),
    );
  };

  /**
   * A new result has new groups, even where a track id comes up again; but the group that somebody is naming just
   * then stays the same one, so that its form stays open. It is told by its faces.
   * @param {AnyGroup} group @param {string} resultId @param {[string, AnyGroup][]} open each is taken once
   */
  function keyOf(group, resultId, open) {
    const faces = new Set(group.face_ids);
    const at = open.findIndex(([, before]) => before.face_ids.some((each) => faces.has(each)));
    const [same] = at < 0 ? [] : open.splice(at, 1);
    return same ? same[0] : `${resultId}/${group.track_id}`;
  }
});
