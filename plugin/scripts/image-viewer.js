/** Which image a face is on, and that image with every face of the person framed. */
window.StashSense.part("image-viewer", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;

  sense.imageOf = ({ face_ids = [], face_image_ids = [], image_ids }, faceId) =>
    face_image_ids[face_ids.indexOf(faceId)] ?? /** @type {string} */ (image_ids[0]); // a person is on at least one

  sense.imagesWithout = ({ face_ids = [], face_image_ids, image_ids }, out) => {
    if (!out.length) return image_ids;
    if (!face_image_ids) throw new Error(t("facesUnplaced")); // or a wrong image could be tagged
    const staying = new Set();
    const left = new Set();
    face_image_ids.forEach((imageId, index) => (out.includes(face_ids[index] ?? "") ? left : staying).add(imageId));
    return image_ids.filter((imageId) => staying.has(imageId) || !left.has(imageId));
  };

  sense.stepsAt = (faces, faceId) => {
    const faceIds = faces.face_ids || [];
    return {
      steps: faceIds.map((each) => ({ imageId: sense.imageOf(faces, each), faceId: each })),
      at: Math.max(0, faceIds.indexOf(faceId)),
    };
  };

  /**
   * Frames the faces that the result assigned to the person, and those that the image's own answer gives to them;
   * never a face that the image gives to another person.
   */
  sense.ImageViewer = ({ steps, at: first, faceIds, name, person, exclusion, close }) => {
    const { useEffect, useState } = api.React;
    const [at, setAt] = useState(first);
    const [picked, setPicked] = useState(/** @type {string | null} */ (null));
    const { imageId, faceId } = steps[at] || /** @type {SeenStep} */ (steps[0]);
    const image = sense.useLoaded(() => sense.getImage(imageId), [imageId]);
    const current = image.value?.id === imageId ? image.value : null;
    const picture = sense.useImageSource(current);
    const answer = sense.useLoaded(
      async () => ({
        imageId,
        faces: /** @type {Identified} */ (await sense.callSidecar("identify_image", { image_id: imageId })).faces,
      }),
      [imageId],
    );
    const faces = answer.value?.imageId === imageId ? answer.value.faces : []; // not those of the image before
    const theirs = faces.filter((face) =>
      person && face.performer_id ? face.performer_id === person.performer_id : faceIds.includes(face.face_id),
    );
    const shown = theirs.find((face) => face.face_id === (picked ?? faceId)) || theirs[0];
    const go = (/** @type {number} */ by) => {
      setPicked(null);
      setAt((before) => (before + by + steps.length) % steps.length);
    };
    useEffect(() => window.document.querySelector(".sense-seen-in")?.scrollIntoView({ block: "nearest" }), []);
    const keys = (/** @type {KeyboardEvent} */ event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by || steps.length < 2) return;
      event.preventDefault();
      go(by);
    };
    const step = (/** @type {number} */ by, /** @type {string} */ label, /** @type {string} */ sign) =>
      h(Button, { variant: "secondary", "aria-label": label, title: label, onClick: () => go(by) }, sign);
    return h(
      "div",
      { className: "sense-seen-in", onKeyDown: keys },
      h(
        "div",
        { className: "sense-actions sense-seen-bar" },
        h(Button, { variant: "secondary", autoFocus: true, onClick: close }, t("back")),
        h("strong", null, h(sense.Text, null, name)),
        steps.length > 1 &&
          h(
            "span",
            { className: "sense-steps" },
            step(-1, t("previous"), "‹"),
            h("span", { role: "status" }, t("stepOf", { i: at + 1, m: steps.length })),
            step(1, t("next"), "›"),
          ),
        h(
          Link,
          { to: `/images/${encodeURIComponent(imageId)}`, target: "_blank", rel: "noopener", className: "sense-open-image" },
          t("openImage", { id: imageId }),
        ),
        exclusion &&
          shown &&
          faceIds.includes(shown.face_id) &&
          h(sense.NotHere, { key: shown.face_id, faceId: shown.face_id, person, exclusion }),
      ),
      (answer.loading || image.loading) && h(sense.Busy, null, t("loading")),
      image.error && h(sense.Problem, { error: image.error, retry: image.retry }),
      answer.error && h(sense.Problem, { error: answer.error, retry: answer.retry }),
      !image.loading && !image.error && !current && h(sense.Problem, { error: t("gone_image", { id: imageId }) }),
      current &&
        h(sense.BoxedImage, {
          picture,
          boxes: theirs.map((face) => ({ box: face.box, label: sense.shortened(name, 300), name: sense.shortened(name, 100) })),
          current: shown ? theirs.indexOf(shown) : 0,
          choose: theirs.length > 1 ? (/** @type {number} */ index) => setPicked(theirs[index]?.face_id ?? null) : undefined,
          alt: sense.shortened(name, 300),
        }),
    );
  };
});
