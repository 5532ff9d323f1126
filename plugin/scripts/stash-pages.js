/** What Stash's own pages show of the plugin: the way to its page in the menu, and its settings in their order. */
window.StashSense.part("stash-pages", (sense, api) => {
  const { h, t } = sense;
  const { Button, Nav } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const PAGE = "/plugins/stash-sense";
  const SETTINGS = ["sidecarUrl", "sidecarToken", "minConfidence", "tagImages"]; // Stash sorts them by these keys

  /** An item of Stash's menu, with the classes of the others. */
  sense.MenuLink = () =>
    h(
      Nav.Link,
      { as: "div", eventKey: PAGE, className: "col-4 col-sm-3 col-md-2 col-lg-auto" },
      h(
        Button,
        {
          as: Link,
          to: PAGE,
          className: "minimal p-4 p-xl-2 d-flex d-xl-inline-block flex-column justify-content-between align-items-center",
        },
        h("span", { className: "nav-menu-icon d-block d-xl-inline mb-2 mb-xl-0 sense-menu-icon" }, h(sense.Icon)),
        h("span", null, t("pageTitle")),
      ),
    );

  /** The address leads, as nothing works without it. Settings of a later version come last. */
  sense.addressFirst = (settings) => {
    const rank = (/** @type {{name: string}} */ each) => (SETTINGS.indexOf(each.name) + 1 || SETTINGS.length + 1);
    return [...settings].sort((one, other) => rank(one) - rank(other));
  };
});
