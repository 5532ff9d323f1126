/** One person of a gallery: confidence, faces, images, and tagging. */
window.StashSense.part("person-row", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const SHOWN = 6; // images before "more"
  const MORE = 60;

  sense.PersonRow = (props) => {
    const { person, hidden, gone, gallery, total, resultId, people, exclusion, alsoImages, setAlsoImages, openImage, register } = props;
    const { useEffect, useRef } = api.React;
    const wroteImages = useRef(false);
    const performers = people.performers.get(person.performer_id);
    const faceIds = person.face_ids || [];
    const out = gone ? [] : faceIds.filter(exclusion.isExcluded);
    const nobodyLeft = faceIds.length > 0 && out.length === faceIds.length;
    const tagging = sense.useTagging({
      person,
      performers,
      isTagged: (whom) => gallery.tagged.has(whom.id) && !alsoImages,
      learn: people.learn,
      write: async (whom, note, batchId) => {
        wroteImages.current = alsoImages;
        const images = alsoImages ? sense.imagesWithout(person, out) : [];
        const entry = await sense.tagPerformer("gallery", [gallery.id], whom.id, batchId);
        if (entry) note(entry);
        if (!images.length) return;
        const written = await sense.tagPerformer("image", images, whom.id, batchId);
        if (written) note(written);
      },
    });
    useEffect(() => register(person.performer_id, { ...tagging, nobodyLeft }));
    useEffect(() => {
      // The gallery is tagged: its images are left to tag, even if they were requested while it was being tagged.
      if (alsoImages && !(tagging.added && wroteImages.current)) tagging.add.reset();
    }, [alsoImages, tagging.added]);
    const first = useRef(resultId);
    useEffect(() => {
      // A new result may place them on more images. What was done before can still be undone.
      if (first.current !== resultId) tagging.add.reset();
      first.current = resultId;
    }, [resultId]);
    const name = sense.shortened(sense.libraryName(person, performers, tagging.performer), 300);
    const named = { performer_id: person.performer_id, name };
    const openStep = (/** @type {StepsAt} */ steps) => openImage({ ...steps, faceIds, name, person: named });
    return h(
      "li",
      { className: "sense-person", "aria-label": name, hidden },
      h(sense.KnownPortrait, { person, performers, performer: tagging.performer }),
      h(
        "div",
        { className: "sense-who" },
        h(
          sense.PersonFacts,
          { person, performers, chosen: tagging.performer },
          gone
            ? h("span", { className: "text-muted" }, t("gone"))
            : h("span", null, t("foundIn", { k: person.image_count, m: total })),
          !gone && h("span", null, `${t("best")}: `, h(sense.Confidence, { value: person.confidence })),
        ),
        !gone && h(Standing, { person, name: sense.shortened(name, 100) }),
        !gone &&
          (faceIds.length
            ? h(
                api.React.Fragment,
                null,
                h(sense.FaceStrip, {
                  faceIds,
                  name,
                  person: named,
                  exclusion,
                  openImage: (/** @type {string} */ faceId) => openStep(sense.stepsAt(person, faceId)),
                }),
                h(AllImages, { person, name, openStep }),
              )
            : h(Images, { person, name, openStep })),
      ),
      h(
        "div",
        { className: "sense-do" },
        !gone &&
          !nobodyLeft &&
          h(Form.Check, {
            type: "switch",
            id: `sense-also-${person.performer_id}`,
            label: t("alsoImages"),
            checked: alsoImages,
            disabled: tagging.add.step === "busy",
            onChange: (/** @type {{target: HTMLInputElement}} */ event) => setAlsoImages(event.target.checked),
          }),
        nobodyLeft && !tagging.entries.length
          ? h("span", { role: "status", className: "text-muted" }, t("allRemoved"))
          : h(sense.TagButton, { tagging, performers, label: t("addGallery"), person, undoOnly: gone || nobodyLeft }),
      ),
    );
  };

  /** How many of the faces match the name on their own. @param {{person: GalleryPerson, name: string}} props */
  const Standing = ({ person, name }) => {
    const { face_count: all = 0, faces_alone: alone = 0 } = person;
    if (person.confirmed) return h("p", { className: "sense-standing sense-already" }, t("confirmedByYou"));
    if (!all) return null;
    const key = alone >= all ? "allAlone" : alone > 0 ? "someAlone" : "noneAlone";
    return h("p", { className: "sense-standing" }, h(sense.Text, null, t(key, { k: alone, n: all, name })));
  };

  /** @param {ImagesProps} props */
  const AllImages = ({ person, name, openStep }) => {
    const { useState } = api.React;
    const [open, setOpen] = useState(false);
    return h(
      api.React.Fragment,
      null,
      h(
        Button,
        { variant: "link", size: "sm", className: "sense-all-images", "aria-expanded": open, onClick: () => setOpen(!open) },
        open ? t("hideImages") : t("showImages", { n: person.image_ids.length }),
      ),
      open && h(Images, { person, name, openStep }),
    );
  };

  /** Every image of the person by the face on it; by the image itself where an older result has no face. @param {ImagesProps} props */
  const Images = ({ person, name, openStep }) => {
    const { useMemo, useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const steps = useMemo(() => {
      const { face_ids: faces = [], face_image_ids: places = [] } = person;
      return person.image_ids.map((imageId) => ({ imageId, faceId: faces[places.indexOf(imageId)] ?? null }));
    }, [person]);
    const left = steps.length - shown;
    return h(
      "div",
      { className: "sense-strip sense-images" },
      steps.slice(0, shown).map(({ imageId, faceId }, at) =>
        h(
          "button",
          {
            key: imageId,
            type: "button",
            className: "sense-face",
            "aria-label": t("showIn", { name, id: imageId }),
            title: t("showIn", { name, id: imageId }),
            onClick: () => openStep({ steps, at }),
          },
          faceId === null
            ? h("img", { src: sense.thumbnail(imageId), alt: "", loading: "lazy" })
            : h(sense.FaceThumbnail, { faceId, alt: "" }),
        ),
      ),
      left > 0 &&
        h(
          Button,
          { variant: "secondary", size: "sm", onClick: () => setShown(shown + MORE) },
          t("more", { n: left }),
        ),
    );
  };
});
