/** The unknown people of a gallery: a group each, to name, ignore or split. */
window.StashSense.part("unknown-people", (sense, api) => {
  const { h, t } = sense;
  const { Form } = api.libraries.Bootstrap;

  sense.UnknownPeople = ({ groups, resultId, ...common }) =>
    h(sense.UnknownGroups, { groups, resultId, sizeOf: (/** @type {UnknownGroup} */ group) => group.image_count, Group, common });

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
    const name = named ? sense.shortened(named.name, 300) : t("unknownName");
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
