/** The dialogue of a gallery. */
window.StashSense.part("gallery-dialogue", (sense) => {
  const { h, t } = sense;

  /** @type {JobKind} */
  const GALLERY = {
    type: "gallery",
    atOnce: false,
    read: (id) => sense.getGallery(id),
    emptyText: (gallery) => (gallery.image_count ? "" : t("emptyGallery")),
    hasOtherDecisions: async (gallery_id, result) => {
      const { revision } = /** @type {{revision: string}} */ (await sense.callSidecar("decisions_revision", { gallery_id }));
      return revision !== result.decisions_revision; // older results do not tell
    },
    againText: () => ({ once: t("runAgain"), fresh: t("runFresh"), hint: "" }),
    Results: ({ target, ...rest }) => h(sense.GalleryResults, { gallery: target, ...rest }),
  };

  sense.GalleryDialogue = ({ id, hide }) => h(sense.JobDialogue, { id, kind: GALLERY, hide });
});
