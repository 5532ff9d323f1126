/** The plugin's own page: the sidecar's state, its jobs, everything that was tagged, with undo, and decisions. */
window.StashSense.part("plugin-page", (sense, api) => {
  const { h, t } = sense;
  const { Link } = api.libraries.ReactRouterDOM;

  sense.PluginPage = () =>
    h(
      sense.ErrorBoundary,
      null,
      h(
        sense.PageSections,
        { title: t("pageTitle") },
        h(sense.PageLinks),
        h(State),
        h(sense.NewlyNamed),
        h(sense.UnlearnedPerformers),
        h(sense.PageHygiene),
        h(sense.PageJobs),
        h(sense.PageJournal),
        h(sense.PageDecisions),
      ),
    );

  const State = () => {
    const loaded = sense.useLoaded(() => sense.health(true), []);
    const health = loaded.value;
    const database = health?.loaded?.database;
    return h(
      sense.PageSection,
      { title: t("pageState"), loaded },
      health &&
        h(
          "p",
          null,
          h("strong", null, health.status === "ok" ? t("works") : t("degraded")),
          ` · ${health.version}`,
        ),
      health &&
        health.plugin_version !== health.version &&
        h("p", null, h("strong", null, t("versionsDiffer", { p: health.plugin_version, v: health.version }))),
      health?.missing?.map((each) => h("p", { key: each.code }, h(sense.Text, null, sense.problemText(each.code, each.detail)))),
      database && h("p", null, t("people", { n: database.people, f: database.faces })),
      database && h(sense.DatabaseState, { built: loaded.retry }),
      database && h(sense.RollbackDatabase, { done: loaded.retry }),
      health && sense.hasNoDatabase(health) && h(sense.BuildDatabase, { ready: loaded.retry }),
      h(Link, { to: "/settings?tab=plugins" }, t("settings")),
    );
  };
});
