/** One person of a gallery: how often and how surely they were seen, where, and tagging. */
window.StashSense.part("person-row", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const SHOWN = 6; // thumbnails before "more"
  const MORE = 60;

  sense.PersonRow = ({ person, hidden, gallery, total, people, alsoImages, setAlsoImages, look, register }) => {
    const { useEffect, useRef } = api.React;
    const wroteImages = useRef(false);
    const performers = people.locals.get(person.performer_id);
    const tagging = sense.useTagging({
      person,
      performers,
      isTagged: (whom) => gallery.tagged.has(whom.id) && !alsoImages,
      learn: people.learn,
      write: async (whom, note) => {
        wroteImages.current = alsoImages;
        const entry = await sense.tag("gallery", [gallery.id], whom.id);
        if (entry) note(entry);
        if (!alsoImages) return;
        const images = await sense.tag("image", person.image_ids, whom.id);
        if (images) note(images);
      },
    });
    useEffect(() => register(person.performer_id, tagging));
    useEffect(() => {
      // With the gallery done, the images are left to do, also where they were asked for while it was being done.
      if (alsoImages && !(tagging.added && wroteImages.current)) tagging.add.forget();
    }, [alsoImages, tagging.added]);
    const name = person.name.slice(0, 300);
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
          h("span", null, say("foundIn", { k: person.image_count, m: total })),
          h("span", null, `${say("best")}: `, h(sense.Confidence, { value: person.confidence })),
        ),
        h(Strip, { person, name, look }),
      ),
      h(
        "div",
        { className: "sense-do" },
        h(Form.Check, {
          type: "switch",
          id: `sense-also-${person.performer_id}`,
          label: say("alsoImages"),
          checked: alsoImages,
          disabled: tagging.add.step === "busy",
          onChange: (/** @type {{target: HTMLInputElement}} */ event) => setAlsoImages(event.target.checked),
        }),
        h(sense.TagButton, { tagging, performers, label: say("addGallery"), person }),
      ),
    );
  };

  /** @param {{person: GalleryPerson, name: string, look: (imageId: string, person: GalleryPerson) => void}} props */
  const Strip = ({ person, name, look }) => {
    const { useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const left = person.image_ids.length - shown;
    return h(
      "div",
      { className: "sense-strip" },
      person.image_ids.slice(0, shown).map((id) =>
        h(
          "button",
          {
            key: id,
            type: "button",
            "aria-label": say("showIn", { name, id }),
            title: say("showIn", { name, id }),
            onClick: () => look(id, person),
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
