/**
 * The button on Stash's pages. A component in the navigation bar follows the route and puts the button into the
 * page's own toolbar as soon as that exists; after three seconds without a toolbar, the button floats.
 */
window.StashSense.part("toolbar-button", (sense, api) => {
  const { h, t } = sense;
  const { createPortal } = api.ReactDOM;
  const { Button } = api.libraries.Bootstrap;
  const FLOATS_AFTER_MS = 3000;
  const HOST = "sense-host";
  const BUTTON = "sense-button";

  sense.ToolbarButton = () => {
    const { useCallback, useEffect, useState } = api.React;
    const { pathname } = api.libraries.ReactRouterDOM.useLocation();
    const { locale } = api.libraries.Intl.useIntl();
    sense.language = locale || "en";
    const route = sense.getRoute(pathname);
    const { type, id } = route;
    const place = usePlace(type);
    const [open, setOpen] = useState(/** @type {Route | null} */ (null));
    const health = useHealth(type, [id, open]);
    const clip = sense.useLoaded(() => sense.isClip(id || ""), [id], type === "image");
    const here = open?.type === type && open.id === id; // not for the moment after the route has changed
    useEffect(() => setOpen(null), [type, id]);
    const hide = useCallback(() => {
      setOpen(null);
      setTimeout(() => document.getElementById(BUTTON)?.focus(), 0);
    }, []);
    if (type === "other" || (type === "scene" && !health?.features?.includes("scenes"))) return null;
    return h(
      api.React.Fragment,
      null,
      place && createPortal(h(Opener, { health, clip: !!clip.value, floating: place === document.body, open: () => setOpen(route) }), place),
      here && open.type !== "other" && h(sense.PageDialogue, { key: `${type}${id}`, route: open, hide }),
    );
  };

  /**
   * The element that holds the button: before the last child of the toolbar's last group, or the body.
   * @param {Route["type"]} type
   */
  function usePlace(type) {
    const { useEffect, useState } = api.React;
    const [place, setPlace] = useState(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
      if (type === "other") return undefined;
      const host = document.createElement("span");
      host.className = HOST;
      /** @type {ReturnType<typeof setTimeout> | null} */
      let floating = null;
      const settle = () => {
        const group = document.querySelector(`.${type}-toolbar .${type}-toolbar-group:last-child`);
        if (group) {
          if (floating) clearTimeout(floating);
          floating = null;
          if (host.parentElement !== group) group.insertBefore(host, group.lastElementChild);
          setPlace(host);
        } else if (!floating) {
          setPlace(null);
          floating = setTimeout(() => setPlace(document.body), FLOATS_AFTER_MS);
        }
      };
      const observer = new MutationObserver(settle);
      observer.observe(document.body, { childList: true, subtree: true });
      settle();
      return () => {
        observer.disconnect();
        if (floating) clearTimeout(floating);
        setPlace(null);
        host.remove();
      };
    }, [type]);
    return place;
  }

  /**
   * undefined until it is known, null where nobody answers; read again when `deps` change.
   * @param {Route["type"]} type
   * @param {unknown[]} deps
   */
  function useHealth(type, deps) {
    const answer = sense.useLoaded(
      () => sense.health().then((health) => ({ health }), () => ({ health: null })),
      [type, ...deps],
      type !== "other",
    );
    return answer.value?.health;
  }

  /** @param {{health: Health | null | undefined, clip: boolean, floating: boolean, open: () => void}} props */
  const Opener = ({ health, clip, floating, open }) => {
    const state = health === undefined ? "asked" : health === null ? "off" : health.status;
    const clipTitle = health?.features?.includes("scenes") ? "clip" : "clipWithoutScenes";
    const title = health === null ? t("notConnected") : t(clip ? clipTitle : "title");
    return h(
      Button,
      {
        id: BUTTON,
        className: `minimal sense-opener sense-is-${state}${floating ? " sense-floating" : ""}`,
        variant: "secondary",
        title,
        "aria-label": title === t("title") ? title : `${t("title")} (${title})`,
        onClick: open,
      },
      h(sense.Icon),
    );
  };

  /** A face in a viewfinder. */
  sense.Icon = () =>
    h(
      "svg",
      { viewBox: "0 0 24 24", className: "sense-icon", "aria-hidden": true, focusable: false },
      h("path", { d: "M3 8V5a2 2 0 0 1 2-2h3M16 3h3a2 2 0 0 1 2 2v3M21 16v3a2 2 0 0 1-2 2h-3M8 21H5a2 2 0 0 1-2-2v-3" }),
      h("circle", { cx: 12, cy: 10, r: 3 }),
      h("path", { d: "M6.8 18a5.3 5.3 0 0 1 10.4 0" }),
    );
});
