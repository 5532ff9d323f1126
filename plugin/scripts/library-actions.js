/**
 * What a user does on the pages of the whole library: tags in bounded calls, one after another, each action undone as one.
 * The tab works on one action at a time; the others wait in order.
 */
window.StashSense.part("library-actions", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const MOST_TARGETS = 100; // in one call
  const MOST_DECISIONS = 10_000; // in one call

  /** @returns {LibraryActions} */
  sense.useLibraryActions = () => {
    const { useEffect, useRef, useState } = api.React;
    const [, render] = useState(0);
    const ref = useRef(/** @type {LibraryActions | null} */ (null));
    const mounted = useRef(true);
    useEffect(
      () => () => {
        mounted.current = false;
      },
      [],
    );
    ref.current ??= actions(() => mounted.current && render((before) => before + 1));
    return ref.current;
  };

  /** @param {() => void} changed @returns {LibraryActions} */
  function actions(changed) {
    let queue = Promise.resolve();
    const self = /** @type {LibraryActions} */ (/** @type {Partial<LibraryActions>} */ ({ states: new Map(), done: [], running: null, waiting: 0, error: "" }));
    /** One after another. @param {() => Promise<void>} work */
    const enqueue = (work) => {
      self.waiting += 1;
      queue = queue.then(async () => {
        self.waiting -= 1;
        self.error = "";
        await work().catch((error) => {
          sense.report("an action failed", error);
          self.error = sense.errorText(error);
        });
        self.running = null;
        changed();
      });
      changed();
      return queue;
    };
    const mark = (/** @type {(string | number)[]} */ keys, /** @type {ItemState | null} */ state) => {
      for (const key of keys) {
        if (state) self.states.set(key, state);
        else self.states.delete(key);
      }
    };
    /** @param {string} label @returns {LibraryAction} */
    const begin = (label) => {
      const action = { label, entries: [], decisions: [], takeBack: null, keys: [], done: 0, failed: 0, left: 0, total: 0, stopped: false };
      self.running = action;
      return action;
    };
    const finish = (/** @type {LibraryAction} */ action) => {
      if (action.entries.length || action.decisions.length || action.takeBack) self.done.push(action);
    };

    /** @param {LibraryAction} action @param {TagWork} work @param {string} batchId */
    const tagSome = async (action, work, batchId) => {
      const { performer, type, mode, items } = work;
      const write = mode === "remove" ? sense.untagPerformer : sense.tagPerformer;
      for (let start = 0; start < items.length; start += MOST_TARGETS) {
        const some = items.slice(start, start + MOST_TARGETS);
        const keys = some.map((each) => each.key);
        if (action.stopped) {
          mark(keys, null);
          action.left += some.length;
          continue;
        }
        try {
          const ids = [...new Set(some.map((each) => each.id))];
          const entry = await write(type, ids, performer.id, batchId).catch((error) => {
            // Stash changes all or none: one that has gone just now is left out the second time.
            if (ids.length < 2 || sense.isStashAway(error)) throw error;
            return write(type, ids, performer.id, batchId);
          });
          if (entry) action.entries.push(entry);
          const { fine, gone } = await outcomeOf(some, entry, work);
          mark(keys, "failed");
          mark(gone.map((each) => each.key), "gone");
          mark(fine.map((each) => each.key), mode === "remove" ? "removed" : "added");
          action.keys.push(...fine.map((each) => each.key));
          action.done += fine.length;
          action.failed += some.length - fine.length;
        } catch (error) {
          sense.report("tags could not be written", error);
          self.error = sense.errorText(error);
          mark(keys, "failed");
          action.failed += some.length;
          action.stopped ||= sense.isStashAway(error);
        }
        changed();
      }
    };

    /** Tags, or takes tags off, what `works` yields: one action, with one id in the journal. */
    self.tag = (label, works, keys = [], total = keys.length) => {
      const free = keys.filter((key) => !self.states.has(key) || self.states.get(key) === "failed");
      if (keys.length && !free.length) return Promise.resolve();
      mark(free, "busy");
      return enqueue(async () => {
        const action = begin(label);
        action.total = total;
        changed();
        const batchId = sense.newBatchId();
        try {
          for await (const work of works(new Set(free), () => action.stopped)) {
            if (action.stopped && !keys.length) break;
            await tagSome(action, work, batchId);
          }
        } finally {
          mark(free.filter((key) => self.states.get(key) === "busy"), null);
          finish(action);
        }
        self.last = action;
      });
    };

    /** Stores that a person is not on these faces. */
    self.reject = (label, key, faceIds, decision) => self.run(label, key, "rejected", async (action) => {
      for (let start = 0; start < faceIds.length; start += MOST_DECISIONS) {
        const face_ids = faceIds.slice(start, start + MOST_DECISIONS);
        const { decision_ids } = await sense.callSidecar("decide_faces", { face_ids, word: "rejected", ...decision });
        action.decisions.push(...decision_ids);
      }
    });

    /** Something else about one item; `work` puts into the action what takes it back. */
    self.run = (label, key, state, work) => {
      const before = self.states.get(key);
      if (before && before !== "failed") return Promise.resolve();
      mark([key], "busy");
      return enqueue(async () => {
        const action = begin(label);
        try {
          await work(action);
          mark([key], state);
          action.keys.push(key);
          action.done = 1;
        } catch (error) {
          mark([key], "failed");
          throw error;
        } finally {
          finish(action);
        }
        self.last = action;
      });
    };

    /** Takes the latest action back. What could not be taken back stays, to be tried again. */
    self.undo = () =>
      enqueue(async () => {
        const action = self.done[self.done.length - 1];
        if (!action) return;
        self.running = { ...action, label: t("undoing"), total: 0 };
        changed();
        for (const entry of [...action.entries].reverse()) {
          await sense.undoEntry(entry);
          action.entries.splice(action.entries.indexOf(entry), 1);
        }
        while (action.decisions.length) {
          await sense.callSidecar("undecide_all", { decision_ids: action.decisions.slice(0, MOST_DECISIONS) });
          action.decisions.splice(0, MOST_DECISIONS);
        }
        if (action.takeBack) await action.takeBack();
        action.takeBack = null;
        self.done.splice(self.done.indexOf(action), 1);
        mark(action.keys, null);
        self.last = null;
      });
    self.forget = () => {
      for (const [key, state] of [...self.states]) if (state !== "busy") self.states.delete(key);
    };
    self.stop = () => {
      if (self.running) self.running.stopped = true;
    };
    return self;
  }

  /**
   * Those that are now as they should be, and those that Stash no longer has. It is asked again only about those that were
   * not written: they may have been so before.
   * @param {TagWork["items"]} items @param {JournalEntry | null} entry @param {TagWork} work
   */
  async function outcomeOf(items, entry, { performer, type, mode }) {
    const written = new Set(entry ? (entry.unrecorded ? entry.target_ids : entry.added_ids) : []);
    const others = items.filter((each) => !written.has(each.id));
    const there = await sense.performersOn(type, others.map((each) => each.id));
    const gone = others.filter((_, at) => !there[at]);
    const right = others.filter((_, at) => there[at] && there[at]?.includes(performer.id) === (mode === "add"));
    return { fine: [...items.filter((each) => written.has(each.id)), ...right], gone };
  }

  /** What is being done, how far it is, what came of the last action, and its undo. */
  sense.ActionBar = ({ actions }) => {
    const { running, waiting, last, done, error } = actions;
    const latest = done[done.length - 1];
    if (!running && !waiting && !latest && !error && !last) return null;
    const shown = running || last || latest;
    const far = running ? running.done + running.failed : 0;
    return h(
      "div",
      { className: "sense-action-bar", role: "region", "aria-label": t("lastAction") },
      h(
        "span",
        { role: "status" },
        running
          ? h(sense.Text, null, running.total > 1 ? `${running.label} ${t("acting", { i: far, n: running.total })}` : t("saving"))
          : waiting
            ? t("saving")
            : h(sense.Text, null, shown ? `${shown.label} ${shown.total > 1 || shown.failed ? t("actionOutcome", { done: shown.done, failed: shown.failed, left: shown.left }) : ""}` : ""),
      ),
      running && running.total > 1 && h(Button, { variant: "secondary", size: "sm", onClick: actions.stop }, t("stop")),
      !running &&
        !waiting &&
        latest &&
        h(
          Button,
          { variant: "secondary", size: "sm", title: `${latest.label} (u)`, onClick: actions.undo },
          done.length > 1 ? t("undoLatest", { n: done.length }) : t("undo"),
        ),
      h(sense.ErrorLine, { error }),
    );
  };
});
