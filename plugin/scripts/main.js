/** The last script: registers the page and the button, unless a part could not be set up. */
window.StashSense.part("main", (sense, api) => {
  const { h } = sense;
  const { getRoute, getImage, getGallery } = sense;
  const helpers = { getRoute: () => getRoute(), getImage, getGallery };
  window.StashSense = /** @type {any} */ (Object.freeze(helpers));
  if (sense.brokenParts.length) return;

  // Stash's server keeps /plugin for itself, so that address works only from link to link, and not after a reload.
  for (const path of ["/plugin/stash-sense", "/plugins/stash-sense"]) api.register.route(path, () => h(sense.PluginPages));
  api.patch.before("PluginSettings", (props, ...rest) => {
    const ours = props?.pluginID === "stash-sense" && Array.isArray(props.settings);
    return [ours ? { ...props, settings: sense.addressFirst(props.settings) } : props, ...rest];
  });
  api.patch.before("MainNavBar.MenuItems", (props, ...rest) => {
    const link = h(sense.ErrorBoundary, { fallback: null, key: "stash-sense-link" }, h(sense.MenuLink));
    return [{ ...props, children: h(api.React.Fragment, null, props?.children, link) }, ...rest];
  });
  api.patch.after("MainNavBar.MenuItems", (...given) => {
    const result = given[given.length - 1];
    return h(
      api.React.Fragment,
      null,
      result,
      h(sense.ErrorBoundary, { fallback: null, key: "stash-sense" }, h(sense.ToolbarButton)),
    );
  });
});
