/** The plugin's own page: the sidecar's state, its jobs, and everything that was tagged, with undo. */
window.StashSense.part("plugin-page", (sense, api) => {
  const { h, t } = sense;
  const { Button, Card } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const HOMES = { image: "images", gallery: "galleries", scene: "scenes" };

  sense.PluginPage = () =>
    h(
      sense.ErrorBoundary,
      null,
      h(
        "div",
        { className: "container sense-page" },
        h("h2", null, t("pageTitle")),
        h(State),
        h(Jobs),
        h(Journal),
      ),
    );

  /** @param {{title: string, loaded: Loaded<any> & {retry: () => void}, children?: any}} props */
  const Section = ({ title, loaded, children }) =>
    h(
      Card,
      { as: "section", className: "sense-section", "aria-label": title },
      h(
        Card.Header,
        { className: "sense-card-head" },
        h("h5", null, title),
        h(Button, { variant: "secondary", size: "sm", onClick: loaded.retry }, t("reload")),
      ),
      h(
        Card.Body,
        null,
        loaded.loading && !loaded.value
          ? h(sense.Busy, null, t("loading"))
          : loaded.error
            ? h(sense.Problem, { error: loaded.error, retry: loaded.retry })
            : children,
      ),
    );

  const State = () => {
    const loaded = sense.useLoaded(() => sense.health(true), []);
    const health = loaded.value;
    const database = health?.loaded?.database;
    return h(
      Section,
      { title: t("pageState"), loaded },
      health &&
        h(
          "p",
          null,
          h("strong", null, health.status === "ok" ? t("works") : t("degraded")),
          ` · ${health.version}`,
        ),
      health?.missing?.map((each) => h("p", { key: each.code }, h(sense.Text, null, sense.problemText(each.code, each.detail)))),
      database && h("p", null, t("people", { n: database.people, f: database.faces, at: sense.formatTime(database.built_at) })),
      health && sense.hasNoDatabase(health) && h(sense.BuildDatabase, { ready: loaded.retry }),
      h(Link, { to: "/settings?tab=plugins" }, t("settings")),
    );
  };

  const Jobs = () => {
    const loaded = sense.useLoaded(() => sense.listJobs(), []);
    return h(
      Section,
      { title: t("pageJobs"), loaded },
      loaded.value?.length
        ? h(
            "ul",
            { className: "sense-list" },
            loaded.value.map((/** @type {Job} */ job) => h(JobLine, { key: job.job_id, job })),
          )
        : h("p", { className: "text-muted" }, t("noJobs")),
    );
  };

  /** @param {{job: Job}} props */
  const JobLine = ({ job: first }) => {
    const { useEffect } = api.React;
    const { job, show, control } = sense.useJob();
    useEffect(() => show(first), [first]);
    const now = job || first;
    const cancel = sense.useAction(() => control("cancel_job"));
    const resume = sense.useAction(() => control("resume_job"));
    const [, id] = /^gallery:(\d+)$/.exec(now.target) || [];
    const counts = { done: now.done, total: now.total, faces: now.faces, people: now.people };
    return h(
      "li",
      null,
      h("strong", null, t(`job_${now.kind}`)),
      " ",
      id && h(Link, { to: `/galleries/${id}` }, `#${id}`),
      ` ${t(`status_${now.status}`)}: ${t("progress", counts)} `,
      now.error && h(sense.Text, null, sense.problemText(now.error_code, now.error)),
      sense.isRunning(now) && h(Button, { variant: "secondary", size: "sm", onClick: cancel.start }, t("cancel")),
      sense.canResume(now) &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: resume.step === "busy", onClick: resume.start },
          t("resume"),
        ),
      (cancel.error || resume.error) &&
        h(sense.ErrorLine, { error: cancel.error || resume.error }),
    );
  };

  const Journal = () => {
    const loaded = sense.useLoaded(() => page(), []);
    const [older, setOlder] = api.React.useState(/** @type {JournalView | null} */ (null));
    const shown = older || loaded.value;
    const more = sense.useAction(async () => {
      if (!shown?.next) return;
      const next = await page(shown.next);
      setOlder({
        entries: [...shown.entries, ...next.entries],
        names: new Map([...shown.names, ...next.names]),
        next: next.next,
      });
    });
    return h(
      Section,
      {
        title: t("pageUndo"),
        loaded: {
          ...loaded,
          retry: () => {
            setOlder(null);
            loaded.retry();
          },
        },
      },
      shown?.entries.length
        ? h(
            "ul",
            { className: "sense-list" },
            shown.entries.map((/** @type {JournalEntry} */ entry) =>
              h(EntryLine, { key: entry.entry_id, entry, name: shown.names.get(entry.local_id) }),
            ),
          )
        : h("p", { className: "text-muted" }, t("noWrites")),
      shown?.next &&
        h(Button, { variant: "secondary", disabled: more.step === "busy", onClick: more.start }, t("older")),
    );
  };

  /** @param {number} [before] @returns {Promise<JournalView>} */
  async function page(before) {
    const { entries, next_before } = await sense.journalPage(before);
    const ids = [...new Set(entries.map((each) => each.local_id))];
    const performers = await sense.performersById(ids);
    return { entries, names: new Map(performers.map((each) => [each.id, each.name])), next: next_before };
  }

  /** @param {{entry: JournalEntry, name: string | undefined}} props */
  const EntryLine = ({ entry: first, name }) => {
    const { useState } = api.React;
    const [entry, setEntry] = useState(first);
    const undo = sense.useAction(async () => setEntry(await sense.undoEntry(entry)));
    const targets = entry.status === "open" ? entry.target_ids : entry.added_ids;
    const canUndo = entry.status === "open" || (entry.status === "done" && entry.added_ids.length > 0);
    const [only] = targets;
    return h(
      "li",
      null,
      h(
        sense.Text,
        null,
        t(`entry_${entry.target_type}`, { who: name || t("performerGone"), n: targets.length }),
      ),
      targets.length === 1 &&
        only &&
        h(Link, { to: `/${HOMES[entry.target_type]}/${encodeURIComponent(only)}`, className: "sense-where" }, `#${only}`),
      h("small", { className: "text-muted" }, ` ${sense.formatTime(entry.created_at)} · ${t(`status_${entry.status}`)} `),
      canUndo &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: undo.step === "busy", onClick: undo.start },
          undo.step === "busy" ? t("undoing") : undo.step === "failed" ? t("failedRetry") : t("undo"),
        ),
      undo.error && h(sense.ErrorLine, { error: undo.error }),
    );
  };
});
