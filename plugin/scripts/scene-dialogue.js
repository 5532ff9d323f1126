/** The dialogue of a scene. It steps aside while Stash's player shows a moment of it, and comes back as it was. */
window.StashSense.part("scene-dialogue", (sense, api) => {
  const { h, t } = sense;
  const { createPortal } = api.ReactDOM;
  const { Button } = api.libraries.Bootstrap;

  /** @param {(seconds: number) => boolean} play @returns {JobKind} */
  const sceneKind = (play) => ({
    type: "scene",
    atOnce: true,
    read: (id) => sense.getScene(id),
    emptyText: (scene) => (scene.files.length ? "" : t("emptyScene")),
    againText: () => ({ once: "", fresh: t("rerun"), hint: t("rerunSceneHint") }),
    Results: (props) => h(sense.SceneResults, { ...props, play }),
  });

  sense.SceneDialogue = ({ id, hide }) => {
    const { useRef, useState } = api.React;
    // The results are in an element of their own, which outlives the modal around it.
    const [body] = useState(() => document.createElement("div"));
    const [playing, setPlaying] = useState(/** @type {number | null} */ (null));
    const before = useRef(/** @type {{focus: Element | null, top: number}} */ ({ focus: null, top: 0 }));
    const [kind] = useState(() =>
      sceneKind((seconds) => {
        if (!sense.playFrom(seconds)) return false;
        before.current = { focus: document.activeElement, top: body.closest(".modal")?.scrollTop || 0 };
        setPlaying(seconds);
        return true;
      }),
    );
    return h(
      api.React.Fragment,
      null,
      createPortal(h(sense.KeepKeys, null, h(sense.ErrorBoundary, null, h(sense.JobResults, { id, kind }))), body),
      playing === null
        ? h(sense.Dialogue, { title: t("title"), hide }, h(Place, { body, before: before.current }))
        : h(Aside, { seconds: playing, back: () => setPlaying(null), hide }),
    );
  };

  /** Where the results are shown, scrolled and focused as they were. @param {{body: HTMLElement, before: {focus: Element | null, top: number}}} props */
  const Place = ({ body, before }) => {
    const { useEffect, useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
      place.current?.append(body);
      const timer = setTimeout(() => {
        const modal = body.closest(".modal");
        if (modal) modal.scrollTop = before.top;
        if (before.focus instanceof HTMLElement && body.contains(before.focus)) before.focus.focus();
      }, 0);
      return () => clearTimeout(timer);
    }, []);
    return h("div", { ref: place });
  };

  /** While the player shows: the way back. @param {{seconds: number, back: () => void, hide: () => void}} props */
  const Aside = ({ seconds, back, hide }) =>
    createPortal(
      h(
        "div",
        { className: "sense-aside sense-dialogue", role: "region", "aria-label": t("title") },
        h("span", { role: "status" }, t("playing", { time: sense.formatClock(seconds) })),
        h(Button, { variant: "primary", size: "sm", autoFocus: true, onClick: back }, t("backToResults")),
        h(Button, { variant: "secondary", size: "sm", onClick: hide }, t("close")),
      ),
      document.body,
    );
});
