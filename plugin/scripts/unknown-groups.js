/** The people of a gallery whom nobody could name: a group each, to be named, ignored, or taken apart. */
window.StashSense.part("unknown-groups", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const SHOWN = 12; // groups before "more"
  const MORE = 24;

  sense.UnknownGroups = ({ groups, resultId, gallery, people, split, alsoAll, look, changed, tagged }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const namings = useRef(/** @type {Map<string, Naming>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {Naming} */ naming) => {
      namings.current.set(key, naming);
    }, []);
    // Another result's groups are others, even where a number comes again.
    const keyed = useMemo(
      () =>
        [...groups]
          .sort((one, other) => other.image_count - one.image_count)
          .map((group) => ({ key: `${resultId}/${group.track_id}`, group })),
      [groups, resultId],
    );
    const inUse = (/** @type {string} */ key) => {
      const naming = namings.current.get(key);
      return !!naming && (naming.written || naming.act.step === "busy" || naming.undo.step === "busy");
    };
    const gone = sense.useKept(keyed, (each) => each.key, inUse);
    if (!keyed.length && !gone.length) return null;
    const left = keyed.length - shown;
    return h(
      "section",
      { className: "sense-unknown-people", "aria-labelledby": "sense-unknown-title" },
      h("h5", { id: "sense-unknown-title" }, say("unknownPeople", { n: keyed.length })),
      h("p", { className: "text-muted" }, say("unknownHint")),
      h(
        "ul",
        { className: "sense-people" },
        [...keyed.slice(0, shown), ...gone].map((each) =>
          h(Group, {
            key: each.key,
            groupKey: each.key,
            group: each.group,
            gone: gone.includes(each),
            gallery,
            people,
            split,
            alsoAll,
            look,
            changed,
            tagged,
            register,
          }),
        ),
      ),
      left > 0 &&
        h(
          Button,
          { variant: "secondary", className: "sense-more-groups", onClick: () => setShown(shown + MORE) },
          say("more", { n: left }),
        ),
    );
  };

  /** @param {GroupProps} props */
  const Group = ({ groupKey, group, gone, gallery, people, split, alsoAll, look, changed, tagged, register }) => {
    const { useEffect, useState } = api.React;
    const [also, setAlso] = useState(/** @type {boolean | null} */ (null));
    const alsoImages = also ?? alsoAll;
    const out = gone ? [] : group.face_ids.filter(split.isOut);
    const naming = sense.useNaming({
      type: "gallery",
      id: gallery.id,
      faceIds: () => group.face_ids.filter((each) => !out.includes(each)),
      imageIds: alsoImages ? () => sense.imagesWithout(group, out) : null,
      tagged,
      changed,
    });
    useEffect(() => register(groupKey, naming));
    const { outcome } = naming;
    const named =
      outcome?.kind === "named" ? { performer_id: outcome.performer_id, name: outcome.performer.name } : null;
    const name = named ? named.name.slice(0, 300) : say("unknownName");
    const title = say("unknownPerson", { n: group.image_count });
    const nearest = group.nearest || [];
    const ambiguous = group.verdict === "ambiguous";
    const nobodyLeft = group.face_ids.length > 0 && out.length === group.face_ids.length;
    return h(
      "li",
      { className: "sense-group", "aria-label": title },
      h("h6", null, title),
      gone
        ? h("p", { className: "text-muted" }, say("gone"))
        : h(
            api.React.Fragment,
            null,
            h("small", { className: "text-muted" }, h(sense.Text, null, group.reason)),
            h(sense.FaceStrip, {
              faceIds: group.face_ids,
              name,
              person: named,
              split: named || group.face_ids.length > 1 ? split : null,
              look: (/** @type {string} */ faceId) =>
                look({
                  imageId: sense.imageOf(group, faceId),
                  faceId,
                  faceIds: group.face_ids,
                  name: named ? name : title,
                  performerId: named?.performer_id ?? null,
                }),
            }),
            !nobodyLeft &&
              (!outcome || (outcome.kind === "named" && !outcome.images)) &&
              h(Form.Check, {
                type: "switch",
                id: `sense-also-${groupKey}`,
                label: say("alsoImages"),
                checked: alsoImages,
                disabled: naming.act.step === "busy",
                onChange: (/** @type {{target: HTMLInputElement}} */ event) => setAlso(event.target.checked),
              }),
          ),
      gone && !naming.written
        ? h("p", { role: "status", className: "text-muted" }, say("undone"))
        : nobodyLeft && !naming.written
          ? h("p", { role: "status", className: "text-muted" }, say("allTakenOut"))
          : h(sense.WhoIsIt, {
              naming,
              people,
              likely: ambiguous ? nearest.slice(0, 2) : [],
              others: ambiguous ? nearest.slice(2) : nearest,
              faceId: group.face_ids.find((each) => !out.includes(each)),
              more: alsoImages ? say("addImagesToo") : "",
            }),
    );
  };
});
