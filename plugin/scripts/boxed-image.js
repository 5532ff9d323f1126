/** A picture with a box over each face, and a face cut out of it. */
window.StashSense.part("boxed-image", (sense, api) => {
  const { h, t } = sense;
  const NOTHING = /** @type {Picture} */ ({ src: null, size: null, broken: false });
  const AROUND = 0.15; // of a face's size, on each side of its crop

  /**
   * The original, or the thumbnail where the browser cannot show the original (HEIC, say). Boxes are in pixels
   * of the upright original, whose size Stash knows.
   */
  sense.useImageSource = (image) => {
    const { useEffect, useState } = api.React;
    const id = image?.id;
    const [loaded, setLoaded] = useState(/** @type {{of: string | undefined, picture: Picture}} */ ({ of: id, picture: NOTHING }));
    const setPicture = (/** @type {Picture} */ picture) => setLoaded({ of: id, picture });
    useEffect(() => {
      if (!image) return undefined;
      let current = true;
      const sources = [`${sense.basePath()}image/${image.id}/image`, sense.thumbnail(image.id)];
      const load = () => {
        const src = image.paths.image ? sources.shift() : undefined;
        if (!src) {
          setPicture({ src: null, size: null, broken: true });
          return;
        }
        const shown = new Image();
        shown.onload = () => {
          const file = image.visual_files[0];
          const size = file?.width ? file : { width: shown.naturalWidth, height: shown.naturalHeight };
          if (current) setPicture({ src, size, broken: false });
        };
        shown.onerror = () => {
          if (current) load();
        };
        shown.src = src;
      };
      load();
      return () => {
        current = false;
      };
    }, [id]);
    return loaded.of === id ? loaded.picture : NOTHING; // never the picture of the image before
  };

  /** @param {Box} box @param {Size} size */
  const place = (box, size) => ({
    left: `${(box.x / size.width) * 100}%`,
    top: `${(box.y / size.height) * 100}%`,
    width: `${(box.width / size.width) * 100}%`,
    height: `${(box.height / size.height) * 100}%`,
  });

  const LABEL_PX = { width: 24, height: 20 }; // of a number of two digits
  const LEAST_PX = 28; // a narrower box has no room for its number

  /**
   * Whether the numbers of the boxes would lie over each other, or over small faces. Then a number shows only on the
   * box that is current, pointed at or focused.
   * @param {{current: HTMLElement | null}} frame @param {Box[]} boxes @param {Size | null} size
   */
  const useCrowd = (frame, boxes, size) => {
    const { useEffect, useState } = api.React;
    const [width, setWidth] = useState(0);
    useEffect(() => {
      const place = frame.current;
      if (!place) return undefined;
      const observer = new ResizeObserver(() => setWidth(place.clientWidth));
      observer.observe(place);
      return () => observer.disconnect();
    }, [!!size]);
    if (!size || !width) return boxes.length > 1;
    const scale = width / size.width;
    const near = (/** @type {Box} */ one, /** @type {Box} */ other) =>
      Math.abs(one.x - other.x) * scale < LABEL_PX.width && Math.abs(one.y - other.y) * scale < LABEL_PX.height;
    return (
      boxes.length > 1 &&
      boxes.some((box, at) => box.width * scale < LEAST_PX || boxes.slice(at + 1).some((other) => near(box, other)))
    );
  };

  sense.BoxedImage = ({ picture, boxes, current, choose, alt }) => {
    const { useRef } = api.React;
    const { src, size, broken } = picture;
    const frame = useRef(/** @type {HTMLElement | null} */ (null));
    const places = boxes.map(({ box }) => box);
    const crowd = useCrowd(frame, places, src ? size : null);
    if (!src) return h("div", { className: "sense-boxed sense-none" }, broken ? t("noImage") : t("loading"));
    return h(
      "div",
      { className: "sense-boxed" },
      h(
        "div",
        { ref: frame, className: `sense-frame${crowd ? " sense-crowd" : ""}` },
        h("img", { src, alt }),
        size &&
          boxes.map(({ box, label, name }, index) =>
            h(
              choose ? "button" : "div",
              {
                key: index,
                type: choose ? "button" : undefined,
                role: choose ? undefined : "img",
                className: `sense-box${index === current ? " sense-current" : ""}`,
                style: place(box, size),
                "aria-label": label,
                title: label,
                onClick: choose && (() => choose(index)),
              },
              h(
                "span",
                { className: `sense-box-label${labelSide(box, size)}`, "aria-hidden": true },
                h("span", { className: "sense-box-number" }, index + 1),
                name && h("span", { className: "sense-box-name" }, name),
              ),
            ),
          ),
      ),
    );
  };

  /** Labels stay on the picture: below the box's upper edge at the top, to the left at the right. @param {Box} box @param {Size} size */
  const labelSide = (box, size) =>
    (box.y < size.height * 0.08 ? " sense-inside" : "") + (box.x > size.width * 0.55 ? " sense-leftward" : "");

  /** A face cut out of the picture on the page; if the browser cannot show it, the sidecar's crop. */
  sense.CroppedFace = ({ picture, box, faceId, alt }) => {
    const fromSidecar = sense.useLoaded(() => sense.callSidecar("crop", { face_id: faceId }), [faceId], picture.broken);
    const cut = /** @type {string | undefined} */ (picture.broken && fromSidecar.value?.image);
    if (cut) return h("img", { className: "sense-portrait", src: cut, alt });
    if (!picture.size || !picture.src)
      return h("div", { className: "sense-portrait sense-none" }, picture.broken ? t("noImage") : "");
    const side = Math.max(box.width, box.height) * (1 + 2 * AROUND);
    const left = box.x + box.width / 2 - side / 2;
    const top = box.y + box.height / 2 - side / 2;
    return h(
      "div",
      { className: "sense-portrait sense-crop", role: "img", "aria-label": alt },
      h("img", {
        src: picture.src,
        alt: "",
        style: {
          width: `${(picture.size.width / side) * 100}%`,
          left: `${(-left / side) * 100}%`,
          top: `${(-top / side) * 100}%`,
        },
      }),
    );
  };
});
