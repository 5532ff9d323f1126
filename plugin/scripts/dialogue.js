/** The dialogue around every result: Stash's own modal, which traps the focus. */
window.StashSense.part("dialogue", (sense, api) => {
  const { h, t } = sense;
  const { Modal, Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;

  /** Keeps keys from the shortcuts of Stash's page. Escape passes: the modal listens for it there. */
  const keep = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") event.stopPropagation();
  };

  sense.KeepKeys = ({ children }) =>
    h("div", { onKeyDown: keep, onKeyPress: keep, onKeyUp: keep, className: "sense-whole" }, children);

  sense.Dialogue = ({ title, hide, footer, children }) =>
    h(
      Modal,
      {
        show: true,
        size: "xl",
        onHide: hide,
        className: "sense-dialogue",
        "aria-labelledby": "sense-title",
        restoreFocus: false, // the button may be another element by then: see the agent
      },
      h(
        sense.KeepKeys,
        null,
        h(
          Modal.Header,
          { closeButton: true, closeLabel: t("close") },
          h(Modal.Title, { id: "sense-title", as: "h5" }, title),
        ),
        h(Modal.Body, null, h(sense.ErrorBoundary, null, children)),
        h(
          Modal.Footer,
          null,
          h(Link, { to: "/plugins/stash-sense", className: "sense-to-page" }, t("toPage")),
          footer,
          h(Button, { variant: "secondary", onClick: hide }, t("close")),
        ),
      ),
    );

  /** A failed call: its message, or an offer to build the face database where that is what is missing. */
  sense.FailedCall = ({ error, retry }) => {
    const health = sense.useLoaded(() => sense.health(true), [error]);
    if (health.loading) return h(sense.Busy, null, t("loading"));
    if (health.value && sense.hasNoDatabase(health.value)) return h(sense.BuildDatabase, { ready: retry });
    return h(sense.Problem, { error, retry });
  };

  /** The dialogue of a page. */
  sense.PageDialogue = ({ route, hide }) => {
    const kinds = { image: sense.ImageDialogue, gallery: sense.GalleryDialogue, scene: sense.SceneDialogue };
    return h(kinds[route.type], { id: route.id, hide });
  };
});
