/** The dialogue of an image: the picture with a box for every face, and a card for each. */
window.StashSense.part("image-results", (sense, api) => {
  const { h, say } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.ImageDialogue = ({ id, hide }) => {
    const { useState } = api.React;
    const [force, setForce] = useState(false);
    const [turn, setTurn] = useState(0);
    const image = sense.useLoaded(() => sense.getImage(id), [id, turn]);
    const answer = sense.useLoaded(
      () => sense.call("identify_image", { image_id: id, ...(force ? { force: true } : {}) }),
      [id, force, turn],
    );
    const again = () => {
      setForce(true);
      setTurn((before) => before + 1);
    };
    const loading = image.loading || answer.loading;
    const error = image.error || answer.error;
    const footer =
      !loading &&
      !error &&
      h(Button, { variant: "secondary", title: say("rerunHint"), onClick: again }, say("rerun"));
    return h(
      sense.Dialogue,
      { title: say("title"), hide, footer },
      loading
        ? h(sense.Busy, null, say("looking"))
        : error || !image.value || !answer.value
          ? h(sense.Failed, {
              error: error || say("gone_image", { id }),
              again: () => {
                image.again();
                answer.again();
              },
            })
          : h(Results, { key: turn, stashImage: image.value, answer: answer.value }),
    );
  };

  /** @param {{stashImage: StashImage, answer: Identified}} props */
  const Results = ({ stashImage, answer }) => {
    const { useCallback, useEffect, useMemo, useRef, useState } = api.React;
    const { faces } = answer;
    const [current, setCurrent] = useState(0);
    const [names, setNames] = useState(() => faces.map((face) => (face.performer_id && face.name) || null));
    const named = useCallback((/** @type {number} */ index, /** @type {string | null} */ name) => {
      setNames((before) => before.map((each, at) => (at === index ? name : each)));
    }, []);
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    const picture = sense.usePicture(stashImage);
    const matches = useMemo(() => faces.flatMap(sense.matchesOf), [faces]);
    const people = sense.useLocals(matches);
    const tagged = useMemo(() => new Set(stashImage.performers.map((each) => each.id)), [stashImage]);
    useEffect(() => {
      // From the dialogue as a whole to its first face, unless the user has gone somewhere already.
      if (!document.activeElement?.closest(".modal-body, .modal-footer, .modal-header")) choose(0);
    }, []);
    const choose = (/** @type {number} */ index) => {
      setCurrent(index);
      const card = /** @type {HTMLElement | null} */ (root.current?.querySelector(`[data-face="${index}"]`));
      card?.focus();
      card?.scrollIntoView({ block: "nearest" });
    };
    if (!faces.length)
      return h("div", { className: "sense-empty" }, h("h6", null, say("noFaces")), h("p", null, say("noFacesHint")));

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
    const labels = faces.map((face, index) => ({
      box: face.box,
      label: [say("face", { n: index + 1 }), names[index]?.slice(0, 300)].filter(Boolean).join(": "),
    }));
    return h(
      "div",
      { ref: root, onKeyDown: keys },
      h("h6", { role: "status" }, say("detected", { n: faces.length })),
      h("p", { className: "text-muted sense-hint" }, say("keys")),
      answer.stored === false && h("p", { className: "sense-error", role: "alert" }, say("storedNot")),
      people.error && h(sense.Problem, { error: people.error }),
      h(
        "div",
        { className: "sense-columns" },
        h(sense.Boxed, { picture, boxes: labels, current, choose, alt: stashImage.title || say("seen") }),
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
            }),
          ),
        ),
      ),
    );
  };
});
