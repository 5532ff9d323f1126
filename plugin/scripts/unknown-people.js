/** The unknown people of a gallery: a group each, to name, ignore or split. */
window.StashSense.part("unknown-people", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const SHOWN = 12; // groups before "more"
  const MORE = 24;

  sense.UnknownPeople = ({ groups, resultId, gallery, people, exclusion, alsoAll, openImage, changed, tagged }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const namings = useRef(/** @type {Map<string, Naming>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {Naming} */ naming) => {
      namings.current.set(key, naming);
    }, []);
    const known = useRef(/** @type {Map<string, UnknownGroup>} */ (new Map())); // by key, of earlier results too
    const keyed = useMemo(() => {
      const sorted = [...groups].sort((a, b) => b.image_count - a.image_count);
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
          h(Group, {
            key: each.key,
            groupKey: each.key,
            group: each.group,
            gone: gone.includes(each),
            gallery,
            people,
            exclusion,
            alsoAll,
            openImage,
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
          t("more", { n: left }),
        ),
    );
  };

  /**
   * A new result has new groups, even where a track id comes up again; but the group that somebody is naming just
   * then stays the same one, so that its form stays open. It is told by its faces.
   * @param {UnknownGroup} group @param {string} resultId @param {[string, UnknownGroup][]} open each is taken once
   */
  function keyOf(group, resultId, open) {
    const faces = new Set(group.face_ids);
    const at = open.findIndex(([, before]) => before.face_ids.some((each) => faces.has(each)));
    const [same] = at < 0 ? [] : open.splice(at, 1);
    return same ? same[0] : `${resultId}/${group.track_id}`;
  }

  /** @param {GroupProps} props */
  const Group = ({ groupKey, group, gone, gallery, people, exclusion, alsoAll, openImage, changed, tagged, register }) => {
    const { useEffect, useState } = api.React;
    const [also, setAlso] = useState(/** @type {boolean | null} */ (null));
    const alsoImages = also ?? alsoAll;
    const out = gone ? [] : group.face_ids.filter(exclusion.isExcluded);
    const naming = sense.useFaceNaming({
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
      outcome?.kind === "named"
        ? { performer_id: outcome.performer_id, name: sense.performerName(outcome.performer) }
        : null;
    const name = named ? named.name.slice(0, 300) : t("unknownName");
    const title = named ? name : t("unknownPerson", { n: group.image_count });
    const reason = named ? { reason_code: "named", reason_people: [{ ...named, confidence: 1 }] } : group;
    const nearest = group.nearest || [];
    const ambiguous = group.verdict === "ambiguous";
    const nobodyLeft = group.face_ids.length > 0 && out.length === group.face_ids.length;
    return h(
      "li",
      { className: "sense-group", "aria-label": title },
      h("h6", null, h(sense.Text, null, title)),
      gone
        ? h("p", { className: "text-muted" }, t("gone"))
        : h(
            api.React.Fragment,
            null,
            h("small", { className: "sense-reason" }, h(sense.Text, null, sense.reasonText(reason, people.performers))),
            h(sense.FaceStrip, {
              faceIds: group.face_ids,
              name,
              person: named,
              exclusion: named || group.face_ids.length > 1 ? exclusion : null,
              openImage: (/** @type {string} */ faceId) =>
                openImage({ ...sense.stepsAt(group, faceId), faceIds: group.face_ids, name: title, person: named }),
            }),
            !nobodyLeft &&
              (!outcome || (outcome.kind === "named" && !outcome.images)) &&
              h(Form.Check, {
                type: "switch",
                id: `sense-also-${groupKey}`,
                label: t("alsoImages"),
                checked: alsoImages,
                disabled: naming.act.step === "busy",
                onChange: (/** @type {{target: HTMLInputElement}} */ event) => setAlso(event.target.checked),
              }),
          ),
      gone && !naming.written && !naming.open
        ? h("p", { role: "status", className: "text-muted" }, t("undone"))
        : nobodyLeft && !naming.written
          ? h("p", { role: "status", className: "text-muted" }, t("allRemoved"))
          : h(sense.FaceNamingForm, {
              naming,
              people,
              likely: ambiguous ? nearest.slice(0, 2) : [],
              others: ambiguous ? nearest.slice(2) : nearest,
              faceId: group.face_ids.find((each) => !out.includes(each)),
              more: alsoImages ? t("addImagesToo") : "",
            }),
    );
  };
});
