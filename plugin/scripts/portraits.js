/** Portraits of recognised people: the library's own, the reference face, or a picture from outside on a click. */
window.StashSense.part("portraits", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const MOST_CHARACTERS = 300;

  /** A picture from outside loads only after a click: its server learns of the visit. */
  sense.Portrait = ({ src, name, external }) => {
    const { useState } = api.React;
    const [allowed, setAllowed] = useState(false);
    const [broken, setBroken] = useState(false);
    const shown = allowed && external ? external.href : src;
    if (shown && !broken)
      return h("img", {
        className: "sense-portrait",
        src: shown,
        alt: sense.shortened(name, MOST_CHARACTERS),
        loading: "lazy",
        referrerPolicy: "no-referrer",
        onError: () => setBroken(true),
      });
    return h(
      "div",
      { className: "sense-portrait sense-none" },
      h("span", null, t("noImage")),
      external &&
        !allowed &&
        h(
          Button,
          {
            variant: "link",
            size: "sm",
            title: t("showOutsideHint", { host: external.host }),
            onClick: () => setAllowed(true),
          },
          t("showOutside", { host: external.host }),
        ),
    );
  };

  /** The library's own portrait, else the reference face that matched, loaded once it is in view; then their picture. */
  sense.KnownPortrait = ({ person, performers, performer }) => {
    const { useRef } = api.React;
    const own = sense.performerPortrait(performer || performers?.[0]);
    const referenceId = performers && !own ? person.reference_id : null;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const seen = sense.useInView(place, !!referenceId);
    const reference = sense.useLoaded(() => sense.referenceImage(person), [referenceId], !!referenceId && seen);
    const waiting = !own && (!performers || (referenceId && (!seen || reference.loading)));
    const src = own || (referenceId && reference.value) || sense.libraryPicture(person);
    return h(
      "div",
      { ref: place, className: "sense-known" },
      waiting
        ? h("div", { className: "sense-portrait sense-none" })
        : h(sense.Portrait, {
            key: src,
            src,
            name: sense.libraryName(person, performers, performer),
            external: src ? null : sense.externalLink(person.image_url),
          }),
    );
  };
});
