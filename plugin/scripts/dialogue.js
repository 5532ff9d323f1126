/** The window around every result: Stash's own modal, which traps the focus and gives it back. */
window.StashSense.part("dialogue", (sense, api) => {
  const { h, say } = sense;
  const { Modal, Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;

  /**
   * Stash's pages have shortcuts, letters and arrows, which must not work through the dialogue. Escape goes on:
   * the modal itself waits for it there.
   */
  const keep = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") event.stopPropagation();
  };

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
        "div",
        { onKeyDown: keep, onKeyPress: keep, onKeyUp: keep, className: "sense-whole" },
        h(
          Modal.Header,
          { closeButton: true, closeLabel: say("close") },
          h(Modal.Title, { id: "sense-title", as: "h5" }, title),
        ),
        h(Modal.Body, null, h(sense.Boundary, null, children)),
        h(
          Modal.Footer,
          null,
          h(Link, { to: "/plugins/stash-sense", className: "sense-to-page" }, say("toPage")),
          footer,
          h(Button, { variant: "secondary", onClick: hide }, say("close")),
        ),
      ),
    );

  /** A failed call: what it said, and building the database where that is what is missing. */
  sense.Failed = ({ error, again }) => {
    const health = sense.useLoaded(() => sense.health(true), [error]);
    if (health.loading) return h(sense.Busy, null, say("loading"));
    if (health.value && sense.hasNoDatabase(health.value)) return h(sense.Build, { ready: again });
    return h(sense.Problem, { error, again });
  };

  /** The dialogue of a page. */
  sense.PageDialogue = ({ route, hide }) => {
    const kinds = { image: sense.ImageDialogue, gallery: sense.GalleryDialogue, scene: sense.SceneDialogue };
    return h(kinds[route.type], { id: route.id, hide });
  };
});
