/** Face crops as the sidecar cuts them: fetched once they are to be seen, many in one call, and kept. */
window.StashSense.part("crops", (sense, api) => {
  const { h, say } = sense;
  const AT_MOST = 24; // crops in one call
  const KEPT = 600;
  const GATHER_MS = 30; // crops that come into sight together are asked for together
  const SETTLED_MS = 200; // what is scrolled past is not fetched

  /** @type {Map<string, Promise<string | null>>} */
  const crops = new Map();
  /** @type {Map<string, (image: string | null) => void>} */
  const waiting = new Map();
  /** @type {ReturnType<typeof setTimeout> | null} */
  let gathering = null;

  /** A face as a data: URL; null where it cannot be had, which the next call tries again. */
  sense.crop = (faceId) => {
    const known = crops.get(faceId);
    if (known) return known;
    const crop = /** @type {Promise<string | null>} */ (new Promise((done) => waiting.set(faceId, done))).then((image) => {
      if (!image) crops.delete(faceId);
      return image;
    });
    crops.set(faceId, crop);
    const [oldest] = crops.keys();
    if (crops.size > KEPT && oldest !== undefined && !waiting.has(oldest)) crops.delete(oldest);
    gathering ??= setTimeout(() => {
      gathering = null;
      for (let left = waiting.size; left > 0; left -= AT_MOST) sense.inTurn(fetchSome);
    }, GATHER_MS);
    return crop;
  };

  /** The faces that have waited longest, when it is their turn. */
  async function fetchSome() {
    const batch = [...waiting].slice(0, AT_MOST);
    if (!batch.length) return;
    batch.forEach(([faceId]) => waiting.delete(faceId));
    const found = /** @type {{images: Record<string, string | null>}} */ (
      await sense.call("crops", { face_ids: batch.map(([faceId]) => faceId) }).catch((error) => {
        sense.report("face crops could not be had", error);
        return { images: {} };
      })
    );
    for (const [faceId, done] of batch) done(found.images[faceId] ?? null);
  }

  /** Whether an element has been in sight for a moment; once it has, that stays. */
  sense.useInSight = (place, wanted) => {
    const { useEffect, useState } = api.React;
    const [seen, setSeen] = useState(false);
    useEffect(() => {
      if (!wanted || seen || !place.current) return undefined;
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const watch = new IntersectionObserver((changes) => {
        clearTimeout(timer);
        if (changes[changes.length - 1]?.isIntersecting) timer = setTimeout(() => setSeen(true), SETTLED_MS);
      });
      watch.observe(place.current);
      return () => {
        clearTimeout(timer);
        watch.disconnect();
      };
    }, [wanted, seen]);
    return seen;
  };

  sense.FaceCrop = ({ faceId, alt }) => {
    const { useEffect, useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const seen = sense.useInSight(place, true);
    const [crop, setCrop] = useState(/** @type {{of: string, image: string | null}} */ ({ of: "", image: null }));
    useEffect(() => {
      if (!seen) return undefined;
      let current = true;
      sense.crop(faceId).then((image) => current && setCrop({ of: faceId, image }));
      return () => {
        current = false;
      };
    }, [seen, faceId]);
    const there = crop.of === faceId;
    return h(
      "span",
      { ref: place, className: "sense-face-crop" },
      there && crop.image
        ? h("img", { src: crop.image, alt })
        : there && h("span", { className: "sense-none", title: alt || undefined }, say("noImage")),
    );
  };
});
