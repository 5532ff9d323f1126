/** Everything that was tagged, on the plugin's page, with undo. What one Accept All added is one item. */
window.StashSense.part("page-journal", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const HOMES = { image: "images", gallery: "galleries", scene: "scenes", marker: "scenes", picture: "performers" };
  const NAMED = 5; // performers of a batch

  sense.PageJournal = () => {
    const { useMemo, useRef, useState } = api.React;
    const reloads = useRef(0);
    const loaded = sense.useLoaded(() => readPage(), []);
    const [older, setOlder] = useState(/** @type {JournalView | null} */ (null));
    const shown = older || loaded.value;
    const items = useMemo(() => batches(shown?.entries || []), [shown]);
    const more = sense.useAction(async () => {
      if (!shown?.next) return;
      const before = reloads.current;
      const next = await readPage(shown.next);
      if (before !== reloads.current) return; // it belongs to the list from before
      setOlder({
        entries: [...shown.entries, ...next.entries],
        names: new Map([...shown.names, ...next.names]),
        next: next.next,
      });
    });
    const retry = () => {
      reloads.current += 1;
      setOlder(null);
      loaded.retry();
    };
    return h(
      sense.PageSection,
      { title: t("pageUndo"), loaded: { ...loaded, retry } },
      shown && items.length
        ? h(
            "ul",
            { className: "sense-list" },
            items.map((entries) => h(Item, { key: entries[0]?.entry_id, entries, names: shown.names })),
          )
        : h("p", { className: "text-muted" }, t("noWrites")),
      shown?.next &&
        h(Button, { variant: "secondary", disabled: more.step === "busy", onClick: more.start }, t("older")),
      h(sense.ErrorLine, { error: more.error }),
    );
  };

  /**
   * A page of the journal that ends where a batch ends: the rest of one that is cut comes with the next page.
   * @param {number} [before] @returns {Promise<JournalView>}
   */
  async function readPage(before) {
    let { entries, next_before: next } = await sense.journalPage(before);
    for (let batch = lastBatch(entries); next && batch; batch = lastBatch(entries)) {
      const start = entries.findIndex((each) => each.batch_id === batch);
      const kept = entries[start - 1];
      if (kept) {
        entries = entries.slice(0, start);
        next = kept.entry_id;
        break;
      }
      const rest = await sense.journalPage(next);
      entries = [...entries, ...rest.entries];
      next = rest.next_before;
    }
    const ids = [...new Set(entries.map((each) => each.local_id))];
    const performers = await sense.performersById(ids);
    return { entries, names: new Map(performers.map((each) => [each.id, each.name])), next };
  }

  /** @param {JournalEntry[]} entries */
  const lastBatch = (entries) => entries[entries.length - 1]?.batch_id;

  /** Entries of one batch together, at the place of the newest. @param {JournalEntry[]} entries */
  function batches(entries) {
    /** @type {Map<string | number, JournalEntry[]>} */
    const together = new Map();
    for (const entry of entries) {
      const key = entry.batch_id ?? entry.entry_id;
      together.set(key, [...(together.get(key) || []), entry]);
    }
    return [...together.values()];
  }

  /** What an entry changed; of markers not known while it is open. @param {JournalEntry} entry */
  const touched = (entry) => (entry.status === "open" ? entry.target_ids : entry.added_ids);

  /** @param {JournalEntry} entry */
  const canUndo = (entry) => entry.status === "open" || (entry.status === "done" && entry.added_ids.length > 0);

  /** @param {{key: number | undefined, entries: JournalEntry[], names: Map<string, string>}} props */
  const Item = ({ entries: first, names }) => {
    const { useEffect, useState } = api.React;
    const [entries, setEntries] = useState(first);
    useEffect(() => setEntries(first), [first]); // read again: another tab may have undone some
    const undo = sense.useAction(async () => {
      for (const entry of entries.filter(canUndo)) {
        const undone = await sense.undoEntry(entry);
        setEntries((before) => before.map((each) => (each === entry ? undone : each)));
      }
    });
    const undoable = entries.some(canUndo);
    const [newest] = entries;
    if (!newest) return null;
    const status = (entries.find(canUndo) || newest).status;
    return h(
      "li",
      null,
      entries.length > 1 && h("strong", null, t("acceptedAll"), " "),
      h(Targets, { entries, names }),
      h("small", { className: "text-muted" }, ` ${sense.formatTime(newest.created_at)} · ${t(`status_${status}`)} `),
      undoable &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: undo.step === "busy", onClick: undo.start },
          undo.step === "busy" ? t("undoing") : undo.step === "failed" ? t("failedRetry") : t("undo"),
        ),
      h(sense.ErrorLine, { error: undo.error }),
    );
  };

  /** Who was added to what: a line for each kind of target. @param {{entries: JournalEntry[], names: Map<string, string>}} props */
  const Targets = ({ entries, names }) => {
    const types = [...new Set(entries.map((each) => each.target_type))];
    return types.map((type) => {
      const some = entries.filter((each) => each.target_type === type);
      const who = [...new Set(some.map((each) => names.get(each.local_id) || t("performerGone")))];
      const ids = [...new Set(some.flatMap(touched))];
      const places = type === "marker" ? [...new Set(some.flatMap((each) => each.target_ids))] : ids;
      const [only] = places;
      const listed = who.slice(0, NAMED).join(", ") + (who.length > NAMED ? `, ${t("more", { n: who.length - NAMED })}` : "");
      return h(
        "span",
        { key: type, className: "sense-targets" },
        some.every((each) => each.action === "remove") && `${t("entryRemoved")} `,
        h(sense.Text, null, t(`entry_${type}`, { who: listed, n: ids.length })),
        places.length === 1 &&
          only &&
          h(Link, { to: `/${HOMES[type]}/${encodeURIComponent(only)}`, className: "sense-where" }, `#${only}`),
        " ",
      );
    });
  };
});
