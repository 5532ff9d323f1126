/** The dialogue of an image: the picture with a box over each face, and a card for each face. */
window.StashSense.part("image-dialogue", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.ImageDialogue = ({ id, hide }) => {
    const { useState } = api.React;
    const [force, setForce] = useState(false);
    const [turn, setTurn] = useState(0);
    const image = sense.useLoaded(() => sense.getImage(id), [id, turn]);
    const answer = sense.useLoaded(
      () => sense.callSidecar("identify_image", { image_id: id, ...(force ? { force: true } : {}) }),
      [id, force, turn],
    );
    const clip = sense.useLoaded(() => sense.isClip(id), [id, answer.error], !!answer.error);
    const again = () => {
      setForce(true);
      setTurn((before) => before + 1);
    };
    const reread = () => {
      setForce(false);
      setTurn((before) => before + 1);
    };
    const loading = image.loading || answer.loading || clip.loading;
    const error = image.error || answer.error;
    const footer =
      !loading &&
      !error &&
      h(Button, { variant: "secondary", title: t("rerunHint"), onClick: again }, t("rerun"));
    return h(
      sense.Dialogue,
      { title: t("title"), hide, footer },
      loading
        ? h(sense.Busy, null, t("looking"))
        : answer.error && clip.value
          ? h(sense.ClipNote, { imageId: id })
          : error || !image.value || !answer.value
          ? h(sense.FailedCall, {
              error: error || t("gone_image", { id }),
              retry: () => {
                image.retry();
                answer.retry();
              },
            })
          : h(
              "div",
              { key: turn },
              h(Results, { stashImage: image.value, answer: answer.value, reread }),
              h(sense.DatabaseState, { match: reread }),
            ),
    );
  };

  /** @param {{stashImage: StashImage, answer: Identified, reread: () => void}} props */
  const Results = ({ stashImage, answer, reread }) => {
    const { useCallback, useEffect, useMemo, useRef, useState } = api.React;
    const { faces } = answer;
    const [current, setCurrent] = useState(0);
    const [names, setNames] = useState(() => faces.map((face) => (face.performer_id && face.name) || null));
    const named = useCallback((/** @type {number} */ index, /** @type {string | null} */ name) => {
      setNames((before) => before.map((each, at) => (at === index ? name : each)));
    }, []);
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    const picture = sense.useImageSource(stashImage);
    const matches = useMemo(() => faces.flatMap(sense.matchesOf), [faces]);
    const people = sense.usePeople(matches);
    const tagged = useMemo(() => new Set(stashImage.performers.map((each) => each.id)), [stashImage]);
    useEffect(() => {
      // Focus the first face, unless the user has already moved the focus.
      if (!document.activeElement?.closest(".modal-body, .modal-footer, .modal-header")) choose(0);
    }, []);
    const choose = (/** @type {number} */ index) => {
      setCurrent(index);
      const card = /** @type {HTMLElement | null} */ (root.current?.querySelector(`[data-face="${index}"]`));
      card?.focus();
      card?.scrollIntoView({ block: "nearest" });
    };
    if (!faces.length)
      return h("div", { className: "sense-empty" }, h("h6", null, t("noFaces")), h("p", null, t("noFacesHint")));

    const keys = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (/^(SELECT|INPUT|TEXTAREA)$/.test(target.tagName)) return;
      /** @type {Record<string, number>} */
      const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
      const step = steps[event.key];
      if (step) {
        event.preventDefault();
        choose((current + step + faces.length) % faces.length);
      } else if (event.key === "Enter" && target.hasAttribute("data-face")) {
        /** @type {HTMLElement | null} */ (target.querySelector(".sense-add:not(:disabled)"))?.click();
      }
    };
    const boxes = faces.map((face, index) => ({
      box: face.box,
      label: [t("face", { n: index + 1 }), sense.shortened(names[index] || "", 300)].filter(Boolean).join(": "),
      name: sense.shortened(names[index] || "", 100),
    }));
    return h(
      "div",
      { ref: root, onKeyDown: keys },
      h("h6", { role: "status" }, t("detected", { n: faces.length })),
      h("p", { className: "text-muted sense-hint" }, t("keys")),
      answer.stored === false && h("p", { className: "sense-error", role: "alert" }, t("storedNot")),
      people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
      h(
        "div",
        { className: "sense-columns" },
        h(sense.BoxedImage, { picture, boxes, current, choose, alt: stashImage.title || t("seen") }),
        h(
          "div",
          { className: "sense-cards" },
          faces.map((face, index) =>
            h(sense.FaceCard, {
              key: face.face_id,
              face,
              index,
              picture,
              people,
              image: { id: stashImage.id, tagged },
              current: index === current,
              onFocus: () => setCurrent(index),
              named,
              reread,
            }),
          ),
        ),
      ),
    );
  };
});
