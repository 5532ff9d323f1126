/** A picture with boxes over its faces, and faces cut out of it. */
window.StashSense.part("picture", (sense, api) => {
  const { h, say } = sense;
  const AROUND = 0.15; // of a face's size, on each side of its crop

  /** Loads it once and tells its size: boxes are in its pixels. */
  sense.usePicture = (src) => {
    const { useEffect, useState } = api.React;
    const [size, setSize] = useState(/** @type {Size | null} */ (null));
    const [broken, setBroken] = useState(!src);
    useEffect(() => {
      if (!src) return undefined;
      const image = new Image();
      image.onload = () => setSize({ width: image.naturalWidth, height: image.naturalHeight });
      image.onerror = () => setBroken(true);
      image.src = src;
      return () => {
        image.onload = image.onerror = null;
      };
    }, [src]);
    return { src, size, broken };
  };

  /** @param {Box} box @param {Size} size */
  const place = (box, size) => ({
    left: `${(box.x / size.width) * 100}%`,
    top: `${(box.y / size.height) * 100}%`,
    width: `${(box.width / size.width) * 100}%`,
    height: `${(box.height / size.height) * 100}%`,
  });

  sense.Boxed = ({ picture, boxes, current, choose, alt }) => {
    const { src, size, broken } = picture;
    if (broken || !src) return h("div", { className: "sense-boxed sense-none" }, say("noImage"));
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

  /** A face out of the picture that the page has already; where it cannot be shown, the sidecar's own cut. */
  sense.Crop = ({ picture, box, faceId, alt }) => {
    const { useEffect, useState } = api.React;
    const [cut, setCut] = useState("");
    useEffect(() => {
      if (!picture.broken) return;
      sense.call("crop", { face_id: faceId }).then(
        (found) => setCut(found.image),
        () => setCut(""),
      );
    }, [picture.broken, faceId]);
    if (cut) return h("img", { className: "sense-portrait", src: cut, alt });
    if (!picture.size || !picture.src)
      return h("div", { className: "sense-portrait sense-none" }, picture.broken ? say("noImage") : "");
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
