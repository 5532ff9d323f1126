/** Which image, gallery or scene the page shows, under whatever path Stash is served. */
window.StashSense.part("route", (sense) => {
  const PAGES = /^\/(images|galleries|scenes)\/(\d+)(?:\/|$)/;
  /** @type {Record<string, TargetType>} */
  const TYPES = { images: "image", galleries: "gallery", scenes: "scene" };

  /** Ends with a slash: `/` or `/stash/`. */
  sense.basePath = () => {
    const base = document.querySelector("base")?.getAttribute("href") || "/";
    const path = new URL(base, window.location.origin).pathname;
    return path.endsWith("/") ? path : `${path}/`;
  };

  /** @param {string} [path] as the router gives it, without the base */
  sense.getRoute = (path) => {
    const base = sense.basePath();
    const here = window.location.pathname;
    const below = path ?? (here.startsWith(base) ? here.slice(base.length - 1) : here);
    const match = PAGES.exec(below);
    const type = match?.[1] && TYPES[match[1]];
    return type && match?.[2] ? { type, id: match[2] } : { type: "other", id: null };
  };
});
