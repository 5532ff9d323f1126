/** One person of a gallery: confidence, faces, images, and tagging. */
window.StashSense.part("person-row", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const SHOWN = 6; // thumbnails before "more"
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
      write: async (whom, note) => {
        wroteImages.current = alsoImages;
        const images = alsoImages ? sense.imagesWithout(person, out) : [];
        const entry = await sense.tagPerformer("gallery", [gallery.id], whom.id);
        if (entry) note(entry);
        if (!images.length) return;
        const written = await sense.tagPerformer("image", images, whom.id);
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
    const name = person.name.slice(0, 300);
    const whose = { faceIds, name, performerId: person.performer_id };
    const openImageById = (/** @type {string} */ imageId) => openImage({ imageId, faceId: null, ...whose });
    return h(
      "li",
      { className: "sense-person", "aria-label": name, hidden },
      h(sense.KnownPortrait, { person, performers, performer: tagging.performer }),
      h(
        "div",
        { className: "sense-who" },
        h(
          sense.PersonFacts,
          { person, performers },
          gone
            ? h("span", { className: "text-muted" }, t("gone"))
            : h("span", null, t("foundIn", { k: person.image_count, m: total })),
          !gone && h("span", null, `${t("best")}: `, h(sense.Confidence, { value: person.confidence })),
        ),
        !gone && h(Standing, { person }),
        !gone &&
          (faceIds.length
            ? h(
                api.React.Fragment,
                null,
                h(sense.FaceStrip, {
                  faceIds,
                  name,
                  person,
                  exclusion,
                  openImage: (/** @type {string} */ faceId) => openImage({ imageId: sense.imageOf(person, faceId), faceId, ...whose }),
                }),
                h(AllImages, { imageIds: person.image_ids, name, openImage: openImageById }),
              )
            : h(Thumbnails, { imageIds: person.image_ids, name, openImage: openImageById })),
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

  /** How many of the faces match the name on their own. @param {{person: GalleryPerson}} props */
  const Standing = ({ person }) => {
    const { face_count: all = 0, faces_alone: alone = 0 } = person;
    const name = person.name.slice(0, 100);
    if (person.confirmed) return h("p", { className: "sense-standing sense-already" }, t("confirmedByYou"));
    if (!all) return null;
    const key = alone >= all ? "allAlone" : alone > 0 ? "someAlone" : "noneAlone";
    return h("p", { className: "sense-standing" }, h(sense.Text, null, t(key, { k: alone, n: all, name })));
  };

  /** @param {ThumbnailsProps} props */
  const AllImages = ({ imageIds, name, openImage }) => {
    const { useState } = api.React;
    const [open, setOpen] = useState(false);
    return h(
      api.React.Fragment,
      null,
      h(
        Button,
        { variant: "link", size: "sm", className: "sense-all-images", "aria-expanded": open, onClick: () => setOpen(!open) },
        open ? t("hideImages") : t("showImages", { n: imageIds.length }),
      ),
      open && h(Thumbnails, { imageIds, name, openImage }),
    );
  };

  /** @param {ThumbnailsProps} props */
  const Thumbnails = ({ imageIds, name, openImage }) => {
    const { useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const left = imageIds.length - shown;
    return h(
      "div",
      { className: "sense-strip" },
      imageIds.slice(0, shown).map((id) =>
        h(
          "button",
          {
            key: id,
            type: "button",
            "aria-label": t("showIn", { name, id }),
            title: t("showIn", { name, id }),
            onClick: () => openImage(id),
          },
          h("img", { src: sense.thumbnail(id), alt: "", loading: "lazy" }),
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
