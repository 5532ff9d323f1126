/** Face crops from the sidecar: fetched when they come into view, many in one call, and cached. */
window.StashSense.part("face-crops", (sense, api) => {
  const { h, t } = sense;
  const MOST_IN_ONE_CALL = 24; // crops in one call
  const MOST_CACHED = 600;
  const GATHER_MS = 30; // crops that come into view together are fetched together

  /** @type {Map<string, Promise<string | null>>} */
  const crops = new Map();
  /** @type {Map<string, (image: string | null) => void>} */
  const waiting = new Map();
  /** @type {ReturnType<typeof setTimeout> | null} */
  let gathering = null;

  /** The crop of a face as a data: URL; null where the sidecar has none, which the next call asks for again. */
  sense.faceCrop = (faceId) => {
    const known = crops.get(faceId);
    if (known) return known;
    const crop = /** @type {Promise<string | null>} */ (new Promise((done) => waiting.set(faceId, done))).then((image) => {
      if (!image) crops.delete(faceId);
      return image;
    });
    crops.set(faceId, crop);
    const [oldest] = crops.keys();
    if (crops.size > MOST_CACHED && oldest !== undefined && !waiting.has(oldest)) crops.delete(oldest);
    gathering ??= setTimeout(() => {
      gathering = null;
      for (let left = waiting.size; left > 0; left -= MOST_IN_ONE_CALL) sense.limited(fetchSome);
    }, GATHER_MS);
    return crop;
  };

  /** Fetches the faces that have waited longest. */
  async function fetchSome() {
    const batch = [...waiting].slice(0, MOST_IN_ONE_CALL);
    if (!batch.length) return;
    batch.forEach(([faceId]) => waiting.delete(faceId));
    const answer = /** @type {{images: Record<string, string | null>}} */ (
      await sense.callSidecar("crops", { face_ids: batch.map(([faceId]) => faceId) }).catch((error) => {
        sense.report("face crops could not be read", error);
        return { images: {} };
      })
    );
    for (const [faceId, done] of batch) done(answer.images[faceId] ?? null);
  }

  sense.FaceThumbnail = ({ faceId, alt }) => {
    const { useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const seen = sense.useInView(place, true);
    const crop = sense.useLoaded(() => sense.faceCrop(faceId), [faceId], seen);
    return h(
      "span",
      { ref: place, className: "sense-face-crop" },
      crop.value
        ? h("img", { src: crop.value, alt })
        : seen && !crop.loading && h("span", { className: "sense-none", title: alt || undefined }, t("noImage")),
    );
  };
});
