/** A picture of the gallery with somebody's faces framed; and in which of its images a face is. */
window.StashSense.part("seen-in", (sense, api) => {
  const { h, say } = sense;
  const { Button } = api.libraries.Bootstrap;
  const KEPT = 3000;

  /** @type {Map<string, Promise<string[]>>} */
  const known = new Map();

  /** The ids of the faces of an image, which the sidecar remembers. @param {string} imageId */
  function facesIn(imageId) {
    let faces = known.get(imageId);
    if (!faces) {
      faces = /** @type {Promise<Identified>} */ (sense.inTurn(() => sense.call("identify_image", { image_id: imageId }))).then(
        (answer) => answer.faces.map((face) => face.face_id),
      );
      faces.catch(() => known.delete(imageId)); // it may work the next time
      known.set(imageId, faces);
      const [oldest] = known.keys();
      if (known.size > KEPT && oldest !== undefined) known.delete(oldest);
    }
    return faces;
  }

  /**
   * Which of the images shows a face. An image that cannot be read may be it, so its failure is thrown where no
   * other one is.
   * @param {string} faceId @param {string[]} imageIds @param {() => boolean} goesOn
   */
  async function imageOf(faceId, imageIds, goesOn) {
    /** @type {unknown} */
    let failure = null;
    for (const imageId of imageIds) {
      if (!goesOn()) return null;
      const faces = await facesIn(imageId).catch((error) => {
        failure ??= error;
        return /** @type {string[]} */ ([]);
      });
      if (faces.includes(faceId)) return imageId;
    }
    if (failure) throw failure;
    imageIds.forEach((imageId) => known.delete(imageId)); // they may have changed since
    throw new Error(say("faceNotFound"));
  }

  sense.imagesWithout = async (imageIds, out, faceIds) => {
    const missing = new Set(out);
    const staying = new Set(faceIds.filter((each) => !missing.has(each)));
    const left = [];
    for (const imageId of imageIds) {
      const faces = missing.size ? await facesIn(imageId) : [];
      const gone = faces.filter((each) => missing.delete(each));
      if (!gone.length || faces.some((each) => staying.has(each))) left.push(imageId);
    }
    return left;
  };

  sense.SeenIn = ({ imageId, faceId, imageIds, faceIds, name, performerId, close }) => {
    const { useEffect, useRef } = api.React;
    const shown = useRef(true);
    useEffect(
      () => () => {
        shown.current = false;
      },
      [],
    );
    const where = sense.useLoaded(
      async () => imageId ?? (faceId === null ? null : imageOf(faceId, imageIds, () => shown.current)),
      [imageId, faceId],
    );
    return h(
      "div",
      { className: "sense-seen-in" },
      h(
        "div",
        { className: "sense-actions" },
        h(Button, { variant: "secondary", autoFocus: true, onClick: close }, say("back")),
        h("strong", null, h(sense.Text, null, name)),
      ),
      where.loading && h(sense.Busy, null, say("seekingFace", { n: imageIds.length })),
      where.error && h(sense.Problem, { error: where.error, again: where.again }),
      where.value !== null && h(Framed, { key: where.value, imageId: where.value, faceId, faceIds, name, performerId }),
    );
  };

  /**
   * Those faces that the result took for theirs, and those that the image's own answer names so; of a person never
   * one that it names otherwise.
   * @param {FramedProps} props
   */
  const Framed = ({ imageId, faceId, faceIds, name, performerId }) => {
    const image = sense.useLoaded(() => sense.getImage(imageId), [imageId]);
    const picture = sense.usePicture(image.value);
    const answer = sense.useLoaded(
      () => /** @type {Promise<Identified>} */ (sense.call("identify_image", { image_id: imageId })),
      [imageId],
    );
    const theirs = (answer.value?.faces || []).filter((face) =>
      performerId && face.performer_id ? face.performer_id === performerId : faceIds.includes(face.face_id),
    );
    const current = theirs.findIndex((face) => face.face_id === faceId);
    return h(
      api.React.Fragment,
      null,
      answer.loading && h(sense.Busy, null, say("loading")),
      image.error && h(sense.Problem, { error: image.error, again: image.again }),
      answer.error && h(sense.Problem, { error: answer.error, again: answer.again }),
      h(sense.Boxed, {
        picture,
        boxes: theirs.map((face) => ({ box: face.box, label: name.slice(0, 300) })),
        current: Math.max(0, current),
        alt: name.slice(0, 300),
      }),
    );
  };
});
