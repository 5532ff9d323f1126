/** The dialogue of a gallery. */
window.StashSense.part("gallery-dialogue", (sense) => {
  const { h, t } = sense;

  /** @type {JobKind} */
  const GALLERY = {
    type: "gallery",
    atOnce: false,
    read: (id) => sense.getGallery(id),
    emptyText: (gallery) => (gallery.image_count ? "" : t("emptyGallery")),
    againText: () => ({ once: t("runAgain"), fresh: t("runFresh"), hint: "" }),
    Results: ({ target, ...rest }) => h(sense.GalleryResults, { gallery: target, ...rest }),
  };

  sense.GalleryDialogue = ({ id, hide }) => h(sense.JobDialogue, { id, kind: GALLERY, hide });
});
