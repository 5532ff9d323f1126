/** A picture with a box over each face, and a face cut out of it. */
window.StashSense.part("boxed-image", (sense, api) => {
  const { h, t } = sense;
  const AROUND = 0.15; // of a face's size, on each side of its crop

  /**
   * The original, or the thumbnail where the browser cannot show the original (HEIC, say). Boxes are in pixels
   * of the upright original, whose size Stash knows.
   */
  sense.useImageSource = (image) => {
    const { useEffect, useState } = api.React;
    const [picture, setPicture] = useState(/** @type {Picture} */ ({ src: null, size: null, broken: false }));
    const id = image?.id;
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
    return picture;
  };

  /** @param {Box} box @param {Size} size */
  const place = (box, size) => ({
    left: `${(box.x / size.width) * 100}%`,
    top: `${(box.y / size.height) * 100}%`,
    width: `${(box.width / size.width) * 100}%`,
    height: `${(box.height / size.height) * 100}%`,
  });

  sense.BoxedImage = ({ picture, boxes, current, choose, alt }) => {
    const { src, size, broken } = picture;
    if (!src) return h("div", { className: "sense-boxed sense-none" }, broken ? t("noImage") : t("loading"));
    return h(
      "div",
      { className: "sense-boxed" },
      h(
        "div",
        { className: "sense-frame" },
        h("img", { src, alt }),
        size &&
          boxes.map(({ box, label }, index) =>
            h(
              choose ? "button" : "div",
              {
                key: index,
                type: choose ? "button" : undefined,
                className: `sense-box${index === current ? " sense-current" : ""}`,
                style: place(box, size),
                "aria-label": label,
                title: label,
                onClick: choose && (() => choose(index)),
              },
              h("span", { className: "sense-box-number", "aria-hidden": true }, index + 1),
            ),
          ),
      ),
    );
  };

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
