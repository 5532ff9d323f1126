/** One person of a gallery: how surely and where they were seen, their faces, and tagging. */
window.StashSense.part("person-row", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const SHOWN = 6; // thumbnails before "more"
  const MORE = 60;

  sense.PersonRow = (props) => {
    const { person, hidden, gone, gallery, total, resultId, people, split, alsoImages, setAlsoImages, look, register } = props;
    const { useEffect, useRef } = api.React;
    const wroteImages = useRef(false);
    const performers = people.locals.get(person.performer_id);
    const faceIds = person.face_ids || [];
    const out = gone ? [] : faceIds.filter(split.isOut);
    const nobodyLeft = faceIds.length > 0 && out.length === faceIds.length;
    const tagging = sense.useTagging({
      person,
      performers,
      isTagged: (whom) => gallery.tagged.has(whom.id) && !alsoImages,
      learn: people.learn,
      write: async (whom, note) => {
        wroteImages.current = alsoImages;
        const images = alsoImages ? sense.imagesWithout(person, out) : [];
        const entry = await sense.tag("gallery", [gallery.id], whom.id);
        if (entry) note(entry);
        if (!images.length) return;
        const written = await sense.tag("image", images, whom.id);
        if (written) note(written);
      },
    });
    useEffect(() => register(person.performer_id, { ...tagging, nobodyLeft }));
    useEffect(() => {
      // With the gallery done, the images are left to do, also where they were asked for while it was being done.
      if (alsoImages && !(tagging.added && wroteImages.current)) tagging.add.forget();
    }, [alsoImages, tagging.added]);
    const first = useRef(resultId);
    useEffect(() => {
      // Another result may have them on more images; what was done before can still be taken back.
      if (first.current !== resultId) tagging.add.forget();
      first.current = resultId;
    }, [resultId]);
    const name = person.name.slice(0, 300);
    const whose = { faceIds, name, performerId: person.performer_id };
    const lookAt = (/** @type {string} */ imageId) => look({ imageId, faceId: null, ...whose });
    return h(
      "li",
      { className: "sense-person", "aria-label": name, hidden },
      h(sense.KnownPortrait, { person, performers, performer: tagging.performer }),
      h(
        "div",
        { className: "sense-who" },
        h(
          sense.Who,
          { person, performers },
          gone
            ? h("span", { className: "text-muted" }, say("gone"))
            : h("span", null, say("foundIn", { k: person.image_count, m: total })),
          !gone && h("span", null, `${say("best")}: `, h(sense.Confidence, { value: person.confidence })),
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
                  split,
                  look: (/** @type {string} */ faceId) => look({ imageId: sense.imageOf(person, faceId), faceId, ...whose }),
                }),
                h(AllImages, { imageIds: person.image_ids, name, look: lookAt }),
              )
            : h(Thumbnails, { imageIds: person.image_ids, name, look: lookAt })),
      ),
      h(
        "div",
        { className: "sense-do" },
        !gone &&
          !nobodyLeft &&
          h(Form.Check, {
            type: "switch",
            id: `sense-also-${person.performer_id}`,
            label: say("alsoImages"),
            checked: alsoImages,
            disabled: tagging.add.step === "busy",
            onChange: (/** @type {{target: HTMLInputElement}} */ event) => setAlsoImages(event.target.checked),
          }),
        nobodyLeft && !tagging.entries.length
          ? h("span", { role: "status", className: "text-muted" }, say("allTakenOut"))
          : h(sense.TagButton, { tagging, performers, label: say("addGallery"), person, undoOnly: gone || nobodyLeft }),
      ),
    );
  };

  /** How far the faces bear the name out. @param {{person: GalleryPerson}} props */
  const Standing = ({ person }) => {
    const { face_count: all = 0, faces_alone: alone = 0 } = person;
    const name = person.name.slice(0, 100);
    if (person.confirmed) return h("p", { className: "sense-standing sense-already" }, say("confirmedByYou"));
    if (!all) return null;
    const key = alone >= all ? "allAlone" : alone > 0 ? "someAlone" : "noneAlone";
    return h("p", { className: "sense-standing" }, h(sense.Text, null, say(key, { k: alone, n: all, name })));
  };

  /** @param {ThumbnailsProps} props */
  const AllImages = ({ imageIds, name, look }) => {
    const { useState } = api.React;
    const [open, setOpen] = useState(false);
    return h(
      api.React.Fragment,
      null,
      h(
        Button,
        { variant: "link", size: "sm", className: "sense-all-images", "aria-expanded": open, onClick: () => setOpen(!open) },
        open ? say("hideImages") : say("showImages", { n: imageIds.length }),
      ),
      open && h(Thumbnails, { imageIds, name, look }),
    );
  };

  /** @param {ThumbnailsProps} props */
  const Thumbnails = ({ imageIds, name, look }) => {
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
            "aria-label": say("showIn", { name, id }),
            title: say("showIn", { name, id }),
            onClick: () => look(id),
          },
          h("img", { src: sense.thumbnail(id), alt: "", loading: "lazy" }),
        ),
      ),
      left > 0 &&
        h(
          Button,
          { variant: "secondary", size: "sm", onClick: () => setShown(shown + MORE) },
          say("more", { n: left }),
        ),
    );
  };
});
