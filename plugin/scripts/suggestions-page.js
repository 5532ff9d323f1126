/** The page of suggestions: who is seen and not tagged, or tagged and not seen, in the whole library, by person. */
window.StashSense.part("suggestions-page", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const KINDS = ["seen-not-tagged", "tagged-not-seen"];
  const TYPES = ["image", "gallery", "scene"];
  const LEAST = [50, 60, 70, 80, 90]; // percent
  const MOST_OF_ONE = 500; // suggestions of one person in one call
  const IN_A_BLOCK = 16;
  const BLOCK_HEIGHT = 330; // about what one takes
  const FIRST = 3; // blocks that show at once

  sense.SuggestionsPage = () => {
    const { useMemo, useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [filter, setFilter] = useState(/** @type {SuggestionFilter} */ ({ kind: "seen-not-tagged", target_type: "", least: 50, person: null }));
    const [whole, setWhole] = useState(/** @type {Map<string, Suggestion[]>} */ (new Map())); // by person, where all are shown
    const actions = sense.useLibraryActions();
    const query = queryOf(filter);
    const list = sense.usePages((cursor) => sense.callSidecar("suggestions", { ...query, ...(cursor ? { cursor } : {}) }), JSON.stringify(query));
    const groups = useMemo(() => merged(list.pages), [list.pages]);
    const people = sense.usePeople(groups);
    const blocks = useMemo(() => blocksOf(groups, whole), [groups, whole]);
    const [first] = list.pages;
    const audit = filter.kind === "tagged-not-seen";
    const forget = () => {
      actions.forget();
      setWhole(new Map());
    };
    const reload = () => {
      forget();
      list.reload();
    };
    const set = (/** @type {Partial<SuggestionFilter>} */ change) => {
      forget();
      setFilter({ ...filter, ...change });
    };
    const context = {
      actions,
      people,
      audit,
      showAll: async (/** @type {SuggestionGroup} */ group) => {
        const all = await allOf(group, query);
        setWhole((before) => new Map([...before, [group.performer_id, all]]));
      },
      acceptAll: (/** @type {SuggestionGroup} */ group) => acceptPerson(group),
    };
    const mode = /** @type {TagWork["mode"]} */ (audit ? "remove" : "add");
    const performerOf = (/** @type {{performer_id: string}} */ { performer_id: key }) => {
      const performers = people.performers.get(key);
      return performers?.length === 1 ? performers[0] : undefined;
    };
    /** All of a person, also those that are not shown. @param {SuggestionGroup} group */
    const acceptPerson = (group) => {
      const performer = performerOf(group);
      if (!performer) return;
      actions.tag(
        t(audit ? "untagThem" : "tagThem", { name: nameOf(group, people) }),
        async function* (_, stopped) {
          if (!stopped()) yield* worksOf(performer, await allOf(group, query), mode, actions);
        },
        [],
        group.count,
      );
    };
    const shown = groups.flatMap((group) => (whole.get(group.performer_id) || group.suggestions).map((suggestion) => ({ group, suggestion })));
    const open = shown.filter(({ group, suggestion }) => performerOf(group) && isOpen(actions, suggestion));
    const acceptShown = () =>
      actions.tag(
        t(audit ? "untagShown" : "acceptShown"),
        async function* (keys) {
          for (const group of groups) {
            const performer = performerOf(group);
            const some = (whole.get(group.performer_id) || group.suggestions).filter((each) => keys.has(each.suggestion_id));
            if (performer) yield* worksOf(performer, some, mode);
          }
        },
        open.map(({ suggestion }) => suggestion.suggestion_id),
      );
    /** All that the filter lets through, page by page as the sidecar lists them now. */
    const acceptEverything = () =>
      actions.tag(
        t("acceptEverything", { least: t("percent", { n: filter.least }) }),
        async function* (_, stopped) {
          const seen = new Set();
          for (let cursor = /** @type {string | null} */ (""); cursor !== null && !stopped(); ) {
            const page = /** @type {SuggestionsPage} */ (await sense.callSidecar("suggestions", { ...query, ...(cursor ? { cursor } : {}) }));
            const fresh = page.groups.filter((each) => !seen.has(each.performer_id));
            const local = await sense.findLocalPerformers(fresh.map(asPerson));
            for (const group of fresh) {
              seen.add(group.performer_id);
              const performers = local.get(group.performer_id) || [];
              if (performers.length === 1 && performers[0] && !stopped())
                yield* worksOf(performers[0], await allOf(group, query), mode, actions);
            }
            cursor = filter.person ? null : page.next_cursor; // of one person, allOf has them all
          }
        },
        [],
        first?.total || 0,
      );
    sense.useListKeys(place, { u: actions.undo });
    return h(
      sense.LibraryPage,
      { title: t("pageSuggestions"), place, reload },
      h(sense.LibraryJob, { ended: reload }),
      h(Filters, { filter, set }),
      people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
      first?.pending > 0 && h("p", { role: "status", className: "text-muted" }, t("suggestionsPending", { n: first.pending })),
      first &&
        h(
          "div",
          { className: "sense-actions sense-above" },
          h("strong", null, t(audit ? "tagsDoubted" : "suggestionsFound", { n: first.total })),
          open.length > 1 &&
            h(Button, { variant: "secondary", size: "sm", onClick: acceptShown }, t(audit ? "untagAllShown" : "acceptAllShown", { n: open.length })),
          !audit &&
            first.total > 0 &&
            h(sense.AskedButton, {
              label: t("acceptEverything", { least: t("percent", { n: filter.least }) }),
              question: t("acceptQuestion", { n: first.total }),
              act: acceptEverything,
            }),
          h("small", { className: "text-muted" }, t(audit ? "auditKeys" : "suggestionKeys")),
        ),
      first && !groups.length && !list.next && h("p", { className: "text-muted" }, t(audit ? "noDoubts" : "noSuggestions")),
      blocks.map((block, index) =>
        h(sense.Block, {
          key: block.key,
          height: BLOCK_HEIGHT,
          first: index < FIRST,
          render: () => h(sense.SuggestionBlock, { ...context, block }),
        }),
      ),
      h(sense.EndOfList, { list }),
      h(sense.ActionBar, { actions }),
    );
  };

  /** @param {SuggestionFilter} filter */
  function queryOf({ kind, target_type, least, person }) {
    return {
      kind,
      min_confidence: String(least / 100),
      ...(target_type ? { target_type } : {}),
      ...(person ? { performer_id: person.key, limit: IN_A_BLOCK * 4 } : {}),
    };
  }

  /** Each person once, in the order in which they came. @param {SuggestionsPage[]} pages @returns {SuggestionGroup[]} */
  function merged(pages) {
    /** @type {Map<string, SuggestionGroup>} */
    const groups = new Map();
    for (const group of pages.flatMap((page) => page.groups)) {
      const before = groups.get(group.performer_id);
      const known = new Set(before?.suggestions.map((each) => each.suggestion_id));
      const more = group.suggestions.filter((each) => !known.has(each.suggestion_id));
      groups.set(group.performer_id, before ? { ...before, suggestions: [...before.suggestions, ...more] } : asPerson(group));
    }
    return [...groups.values()];
  }

  /** With what a person has in other answers. @template {SuggestionGroup} T @param {T} group @returns {T} */
  const asPerson = (group) => ({ ...group, country: null, image_url: null, confidence: group.suggestions[0]?.confidence ?? 0 });

  /** @param {SuggestionGroup[]} groups @param {Map<string, Suggestion[]>} whole @returns {SuggestionBlock[]} */
  function blocksOf(groups, whole) {
    return groups.flatMap((group) => {
      const all = whole.get(group.performer_id) || group.suggestions;
      return Array.from({ length: Math.max(1, Math.ceil(all.length / IN_A_BLOCK)) }, (_, at) => ({
        key: `${group.performer_id} ${at}`,
        group,
        head: at === 0,
        hidden: (at + 1) * IN_A_BLOCK >= all.length ? group.count - all.length : 0,
        suggestions: all.slice(at * IN_A_BLOCK, (at + 1) * IN_A_BLOCK),
      }));
    });
  }

  /** All suggestions of a person that the filter lets through. @param {SuggestionGroup} group @param {Record<string, unknown>} query */
  async function allOf({ performer_id }, query) {
    /** @type {Map<number, Suggestion>} */
    const all = new Map();
    for (let cursor = /** @type {string | null} */ (""); cursor !== null; ) {
      const page = /** @type {SuggestionsPage} */ (
        await sense.callSidecar("suggestions", { ...query, performer_id, limit: MOST_OF_ONE, ...(cursor ? { cursor } : {}) })
      );
      for (const each of page.groups.flatMap((group) => group.suggestions)) all.set(each.suggestion_id, each);
      cursor = page.next_cursor;
    }
    return [...all.values()];
  }

  /**
   * What to write for these suggestions: a kind of target at a time. With `actions` without those that were decided here.
   * @param {Performer} performer @param {Suggestion[]} suggestions @param {TagWork["mode"]} mode @param {LibraryActions} [actions]
   * @returns {TagWork[]}
   */
  function worksOf(performer, suggestions, mode, actions) {
    const left = suggestions.filter((each) => !actions || isOpen(actions, each));
    return TYPES.flatMap((type) => {
      const items = left.filter((each) => each.target_type === type).map((each) => ({ key: each.suggestion_id, id: each.target_id }));
      return items.length ? [{ performer, type: /** @type {TargetType} */ (type), mode, items }] : [];
    });
  }

  /** Whether nothing was done about it here. @param {LibraryActions} actions @param {Suggestion} suggestion */
  const isOpen = ({ states }, { suggestion_id }) => !states.has(suggestion_id) || states.get(suggestion_id) === "failed";

  /** @param {SuggestionGroup} group @param {People} people */
  const nameOf = (group, people) => sense.shortened(sense.libraryName(group, people.performers.get(group.performer_id)), 100);

  /** @param {{filter: SuggestionFilter, set: (change: Partial<SuggestionFilter>) => void}} props */
  const Filters = ({ filter, set }) => {
    const { useRef, useState } = api.React;
    const [choosing, setChoosing] = useState(false);
    const wanted = useRef(/** @type {(() => Promise<Performer>) | null} */ (null));
    const choose = sense.useAction(async () => {
      const performer = await wanted.current?.();
      if (!performer) return;
      set({ person: { key: await sense.performerKey(performer), name: sense.performerName(performer) } });
      setChoosing(false);
    });
    const pick = (/** @type {() => Promise<Performer>} */ find) => {
      wanted.current = find;
      choose.start();
    };
    const select = (/** @type {string} */ label, /** @type {string | number} */ value, /** @type {[string | number, string][]} */ values, /** @type {(value: string) => void} */ change) =>
      h(
        Form.Control,
        { as: "select", size: "sm", className: "input-control sense-job-filter", "aria-label": label, value, onChange: (/** @type {any} */ event) => change(event.target.value) },
        values.map(([each, text]) => h("option", { key: each, value: each }, text)),
      );
    return h(
      api.React.Fragment,
      null,
      h(
        "div",
        { className: "sense-actions" },
        select(t("suggestionKind"), filter.kind, KINDS.map((kind) => [kind, t(`suggestions_${kind}`)]), (kind) => set({ kind })),
        select(t("targetTypes"), filter.target_type, [["", t("targetTypes")], ...TYPES.map((type) => /** @type {[string, string]} */ ([type, t(`only_${type}`)]))], (target_type) => set({ target_type })),
        select(t("minConfidence"), filter.least, LEAST.map((least) => [least, t("atLeast", { percent: t("percent", { n: least }) })]), (least) => set({ least: Number(least) })),
        filter.person
          ? h(Button, { variant: "secondary", size: "sm", onClick: () => set({ person: null }) }, h(sense.Text, null, t("everybodyNot", { name: filter.person.name })))
          : h(Button, { variant: "secondary", size: "sm", "aria-expanded": choosing, onClick: () => setChoosing(!choosing) }, t("onePerson")),
      ),
      choosing && h(sense.PerformerPicker, { pick, cancel: () => setChoosing(false) }),
      h(sense.ErrorLine, { error: choose.error }),
    );
  };
});
