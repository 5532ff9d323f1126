/** The plugin's own page: how the sidecar is, its jobs, and everything tagged, to be taken back. */
window.StashSense.part("page", (sense, api) => {
  const { h, say } = sense;
  const { Button, Card } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const HOMES = { image: "images", gallery: "galleries", scene: "scenes" };

  sense.Page = () =>
    h(
      sense.Boundary,
      null,
      h(
        "div",
        { className: "container sense-page" },
        h("h2", null, say("pageTitle")),
        h(State),
        h(Jobs),
        h(Journal),
      ),
    );

  /** @param {{title: string, loaded: Loaded<any> & {again: () => void}, children?: any}} props */
  const Section = ({ title, loaded, children }) =>
    h(
      Card,
      { as: "section", className: "sense-section", "aria-label": title },
      h(
        Card.Header,
        { className: "sense-card-head" },
        h("h5", null, title),
        h(Button, { variant: "secondary", size: "sm", onClick: loaded.again }, say("reload")),
      ),
      h(
        Card.Body,
        null,
        loaded.loading && !loaded.value
          ? h(sense.Busy, null, say("loading"))
          : loaded.error
            ? h(sense.Problem, { error: loaded.error, again: loaded.again })
            : children,
      ),
    );

  const State = () => {
    const loaded = sense.useLoaded(() => sense.health(true), []);
    const health = loaded.value;
    const database = health?.loaded?.database;
    return h(
      Section,
      { title: say("pageState"), loaded },
      health &&
        h(
          "p",
          null,
          h("strong", null, health.status === "ok" ? say("works") : say("degraded")),
          ` · ${health.version}`,
        ),
      health?.missing?.map((each) => h("p", { key: each.code }, h(sense.Text, null, each.detail))),
      database && h("p", null, say("people", { n: database.people, f: database.faces, at: sense.when(database.built_at) })),
      health && sense.hasNoDatabase(health) && h(sense.Build, { ready: loaded.again }),
      h(Link, { to: "/settings?tab=plugins" }, say("settings")),
    );
  };

  const Jobs = () => {
    const loaded = sense.useLoaded(() => sense.jobs(), []);
    return h(
      Section,
      { title: say("pageJobs"), loaded },
      loaded.value?.length
        ? h(
            "ul",
            { className: "sense-list" },
            loaded.value.map((/** @type {Job} */ job) => h(JobLine, { key: job.job_id, job })),
          )
        : h("p", { className: "text-muted" }, say("noJobs")),
    );
  };

  /** @param {{job: Job}} props */
  const JobLine = ({ job: first }) => {
    const { useEffect } = api.React;
    const { job, show, tell } = sense.useJob();
    useEffect(() => show(first), [first]);
    const now = job || first;
    const cancel = sense.useAction(() => tell("cancel_job"));
    const resume = sense.useAction(() => tell("resume_job"));
    const [, id] = /^gallery:(\d+)$/.exec(now.target) || [];
    const counts = { done: now.done, total: now.total, faces: now.faces, people: now.people };
    return h(
      "li",
      null,
      h("strong", null, say(`job_${now.kind}`)),
      " ",
      id && h(Link, { to: `/galleries/${id}` }, `#${id}`),
      ` ${say(`status_${now.status}`)}: ${say("progress", counts)} `,
      now.error && h(sense.Text, null, now.error),
      sense.runs(now) && h(Button, { variant: "secondary", size: "sm", onClick: cancel.start }, say("cancel")),
      sense.canResume(now) &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: resume.step === "busy", onClick: resume.start },
          say("resume"),
        ),
      (cancel.error || resume.error) &&
        h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, cancel.error || resume.error)),
    );
  };

  const Journal = () => {
    const loaded = sense.useLoaded(() => page(), []);
    const [older, setOlder] = api.React.useState(/** @type {JournalView | null} */ (null));
    const found = older || loaded.value;
    const more = sense.useAction(async () => {
      if (!found?.next) return;
      const next = await page(found.next);
      setOlder({
        entries: [...found.entries, ...next.entries],
        names: new Map([...found.names, ...next.names]),
        next: next.next,
      });
    });
    return h(
      Section,
      {
        title: say("pageUndo"),
        loaded: {
          ...loaded,
          again: () => {
            setOlder(null);
            loaded.again();
          },
        },
      },
      found?.entries.length
        ? h(
            "ul",
            { className: "sense-list" },
            found.entries.map((/** @type {JournalEntry} */ entry) =>
              h(EntryLine, { key: entry.entry_id, entry, name: found.names.get(entry.local_id) }),
            ),
          )
        : h("p", { className: "text-muted" }, say("noWrites")),
      found?.next &&
        h(Button, { variant: "secondary", disabled: more.step === "busy", onClick: more.start }, say("older")),
    );
  };

  /** @param {number} [before] @returns {Promise<JournalView>} */
  async function page(before) {
    const { entries, next_before } = await sense.journal(before);
    const ids = [...new Set(entries.map((each) => each.local_id))];
    const performers = await sense.performers(ids);
    return { entries, names: new Map(performers.map((each) => [each.id, each.name])), next: next_before };
  }

  /** @param {{entry: JournalEntry, name: string | undefined}} props */
  const EntryLine = ({ entry: first, name }) => {
    const { useState } = api.React;
    const [entry, setEntry] = useState(first);
    const undo = sense.useAction(async () => setEntry(await sense.undo(entry)));
    const targets = entry.status === "open" ? entry.target_ids : entry.added_ids;
    const canUndo = entry.status === "open" || (entry.status === "done" && entry.added_ids.length > 0);
    const [only] = targets;
    return h(
      "li",
      null,
      h(
        sense.Text,
        null,
        say("entry", { who: name || say("performerGone"), n: targets.length, what: say(`what_${entry.target_type}`) }),
      ),
      targets.length === 1 &&
        only &&
        h(Link, { to: `/${HOMES[entry.target_type]}/${encodeURIComponent(only)}`, className: "sense-where" }, `#${only}`),
      h("small", { className: "text-muted" }, ` ${sense.when(entry.created_at)} · ${say(`status_${entry.status}`)} `),
      canUndo &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: undo.step === "busy", onClick: undo.start },
          undo.step === "busy" ? say("undoing") : undo.step === "failed" ? say("again") : say("undo"),
        ),
      undo.error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, undo.error)),
    );
  };
});
