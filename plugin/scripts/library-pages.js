/** The pages below the plugin's own: which one an address means, and what they have in common. */
window.StashSense.part("library-pages", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link, useLocation } = api.libraries.ReactRouterDOM;
  const HOME = "/plugins/stash-sense";
  /** Path below the plugin's own -> text of the link. */
  const PAGES = { "": "pageJobsHistory", suggestions: "pageSuggestions", unknown: "pageUnknown" };

  /** The page of the address. What follows an unknown one is the plugin's own page. */
  sense.PluginPages = () => {
    const { pathname } = useLocation();
    const [, below = ""] = /\/stash-sense\/([\w-]+)\/?$/.exec(pathname) || [];
    const page = { suggestions: sense.SuggestionsPage, unknown: sense.ClustersPage }[below];
    return page ? h(sense.ErrorBoundary, { key: below }, h(page)) : h(sense.PluginPage);
  };

  /** The links between the pages. */
  sense.PageLinks = () => {
    const { pathname } = useLocation();
    return h(
      "nav",
      { className: "sense-page-links", "aria-label": t("pageTitle") },
      Object.entries(PAGES).map(([path, text]) => {
        const to = path ? `${HOME}/${path}` : HOME;
        return h(Link, { key: path, to, "aria-current": pathname.replace(/\/$/, "") === to ? "page" : undefined }, t(text));
      }),
    );
  };

  sense.LibraryPage = ({ title, place, reload, children }) =>
    h(
      "div",
      { ref: place, className: "container-fluid sense-page sense-library" },
      h(sense.PageLinks),
      h(
        "div",
        { className: "sense-card-head" },
        h("h2", null, title),
        h(Button, { variant: "secondary", size: "sm", onClick: reload }, t("reload")),
      ),
      children,
    );
});
