/** Where the user is: Stash's own addresses, under whatever path Stash is served. */
window.StashSense.part("route", (sense) => {
  const PAGES = /^\/(images|galleries|scenes)\/(\d+)(?:\/|$)/;
  /** @type {Record<string, TargetType>} */
  const TYPES = { images: "image", galleries: "gallery", scenes: "scene" };

  /** With a slash at its end, like `/` or `/stash/`. */
  sense.base = () => {
    const base = document.querySelector("base")?.getAttribute("href") || "/";
    const path = new URL(base, window.location.origin).pathname;
    return path.endsWith("/") ? path : `${path}/`;
  };

  /** @param {string} [path] as the router gives it, without the base */
  sense.getRoute = (path) => {
    const base = sense.base();
    const here = window.location.pathname;
    const below = path ?? (here.startsWith(base) ? here.slice(base.length - 1) : here);
    const found = PAGES.exec(below);
    const type = found?.[1] && TYPES[found[1]];
    return type && found?.[2] ? { type, id: found[2] } : { type: "other", id: null };
  };
});
