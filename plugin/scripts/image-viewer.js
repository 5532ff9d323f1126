/** Which image a face is on, and that image with every face of the person framed. */
window.StashSense.part("image-viewer", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

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

  /**
   * Frames the faces that the result assigned to the person, and those that the image's own answer gives to them;
   * never a face that the image gives to another person.
   */
  sense.ImageViewer = ({ imageId, faceId, faceIds, name, performerId, close }) => {
    const image = sense.useLoaded(() => sense.getImage(imageId), [imageId]);
    const picture = sense.useImageSource(image.value);
    const answer = sense.useLoaded(
      () => /** @type {Promise<Identified>} */ (sense.callSidecar("identify_image", { image_id: imageId })),
      [imageId],
    );
    const theirs = (answer.value?.faces || []).filter((face) =>
      performerId && face.performer_id ? face.performer_id === performerId : faceIds.includes(face.face_id),
    );
    const current = theirs.findIndex((face) => face.face_id === faceId);
    return h(
      "div",
      { className: "sense-seen-in" },
      h(
        "div",
        { className: "sense-actions" },
        h(Button, { variant: "secondary", autoFocus: true, onClick: close }, t("back")),
        h("strong", null, h(sense.Text, null, name)),
      ),
      answer.loading && h(sense.Busy, null, t("loading")),
      image.error && h(sense.Problem, { error: image.error, retry: image.retry }),
      answer.error && h(sense.Problem, { error: answer.error, retry: answer.retry }),
      h(sense.BoxedImage, {
        picture,
        boxes: theirs.map((face) => ({ box: face.box, label: name.slice(0, 300) })),
        current: Math.max(0, current),
        alt: name.slice(0, 300),
      }),
    );
  };
});
