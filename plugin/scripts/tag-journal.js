/**
 * Tags a performer, or takes the tag off, and undoes it: one call for all targets, which touches no other performer. The
 * sidecar's journal records each write before and after, with the targets that it really changed: undo is for those alone.
 */
window.StashSense.part("tag-journal", (sense) => {
  /**
   * Adds a performer to those targets that lack them and still exist, in one call. Null if none lacks them.
   * Tags with the same `batchId` are undone together on the plugin's page.
   * @param {TargetType} type @param {string[]} targets @param {string} performerId @param {string | null} [batchId]
   */
  sense.tagPerformer = (type, targets, performerId, batchId) => write(type, targets, performerId, batchId, "add");

  /** Takes a performer off those targets that have them; otherwise the same. @type {Sense["tagPerformer"]} */
  sense.untagPerformer = (type, targets, performerId, batchId) => write(type, targets, performerId, batchId, "remove");

  /**
   * @param {TargetType} type @param {string[]} targets @param {string} performerId
   * @param {string | null | undefined} batchId @param {"add" | "remove"} action
   */
  const write = async (type, targets, performerId, batchId, action) => {
    const removes = action === "remove";
    const readTargets = async () => {
      const there = await sense.performersOn(type, targets);
      return targets.flatMap((id, at) => {
        const on = there[at];
        return on ? [{ id, changed: on.includes(performerId) !== removes }] : [];
      });
    };
    const before = await readTargets();
    if (!before.length) throw new Error(sense.t(`gone_${type}`, { id: targets[0] || "" }));
    const ids = before.filter((each) => !each.changed).map((each) => each.id);
    if (!ids.length) return null;
    const entry = { target_type: type, target_ids: ids, local_id: performerId, ...(batchId ? { batch_id: batchId } : {}), ...(removes ? { action } : {}) };
    const begun = /** @type {JournalEntry} */ (await sense.callSidecar("journal_begin", entry));
    /** @type {unknown} */
    let failure = null;
    await sense.updatePerformers(type, ids, performerId, removes ? "REMOVE" : "ADD").catch((error) => {
      failure = error;
    });
    sense.refreshPage(type);
    // After a failure only the answer may be lost. Where that cannot be told, the entry stays open in the journal
    // and is settled later.
    const now = await readTargets().catch((error) => {
      if (failure) throw failure;
      sense.report("what was written could not be read", error);
      return ids.map((id) => ({ id, changed: true }));
    });
    const changed = new Set(now.filter((each) => each.changed).map((each) => each.id));
    const added = ids.filter((id) => changed.has(id));
    if (!added.length) {
      await endEntry(begun, "failed", []).catch((error) => sense.report("a failure could not be recorded", error));
      throw failure ? await explainFailure(failure, performerId) : new Error(sense.t(removes ? "stillThere" : "notThere"));
    }
    try {
      return await endEntry(begun, "done", added);
    } catch (error) {
      return { ...begun, unrecorded: sense.errorText(error) }; // the tag is written: the entry stays open, and undo settles it
    }
  };

  /** If the performer was deleted or merged meanwhile, Stash only answers with its database's error. */
  async function explainFailure(/** @type {unknown} */ failure, /** @type {string} */ performerId) {
    const gone = await sense.performersById([performerId]).then(
      (found) => !found.length,
      () => false,
    );
    return gone ? new Error(sense.t("gone_performer")) : failure;
  }

  /** @param {JournalEntry} entry @param {"done" | "failed"} status @param {string[]} added @returns {Promise<JournalEntry>} */
  const endEntry = (entry, status, added) =>
    sense.callSidecar("journal_end", { entry_id: entry.entry_id, status, added_ids: added });

  /** Removes what the entry added where it still is, or the other way round. The sidecar removes the decisions made with it. */
  sense.undoEntry = async (entry) => {
    let current = await readEntry(entry);
    if (current.status === "open") current = await settleEntry(current);
    if (current.status === "done" && current.added_ids.length) {
      if (current.target_type === "marker") await sense.removeMarkers(current);
      else if (current.target_type === "picture") await sense.putPictureBack(current);
      else if (current.action === "remove") await tagAgain(current, current.target_type);
      else await untag(current, current.target_type);
      sense.refreshPage(pageOf(current));
      current = /** @type {JournalEntry} */ (await sense.callSidecar("undone", { entry_id: current.entry_id }));
    }
    return current;
  };

  /** Markers are on a scene's page, and a picture is replaced there. @param {JournalEntry} entry */
  const pageOf = ({ target_type: type }) => (type === "marker" || type === "picture" ? "scene" : type);

  /** @param {JournalEntry} entry @param {TargetType} type */
  async function untag({ added_ids, local_id }, type) {
    const having = await sense.targetsWithPerformer(type, local_id);
    const there = added_ids.filter((id) => having.has(id));
    if (there.length) await sense.updatePerformers(type, there, local_id, "REMOVE");
  }

  /** Targets that are gone meanwhile are left out, as Stash would refuse them all. @param {JournalEntry} entry @param {TargetType} type */
  async function tagAgain({ added_ids, local_id }, type) {
    const there = await sense.performersOn(type, added_ids);
    const lacking = added_ids.filter((_, at) => there[at] && !there[at]?.includes(local_id));
    if (lacking.length) await sense.updatePerformers(type, lacking, local_id, "ADD");
  }

  /**
   * The entry as it is now. If another tab has undone it, later tags are not its own to remove. If the sidecar's
   * state was restored or reset, another entry may have its number.
   */
  async function readEntry(/** @type {JournalEntry} */ entry) {
    const { entries } = await sense.callSidecar("journal", { before: entry.entry_id + 1, limit: 1 });
    const [found] = /** @type {JournalEntry[]} */ (entries);
    const same = /** @type {const} */ (["entry_id", "target_type", "local_id", "created_at"]);
    if (!found || same.some((field) => found[field] !== entry[field])) throw new Error(sense.t("notNoted"));
    return found;
  }

  /** Settles an entry that a closed tab left open: targets that are now as it wanted them became so by it. */
  async function settleEntry(/** @type {JournalEntry} */ entry) {
    const added = await addedBy(entry, entry.target_type);
    return endEntry(entry, added.length ? "done" : "failed", added);
  }

  /** @param {JournalEntry} entry @param {JournalEntry["target_type"]} type */
  async function addedBy(entry, type) {
    if (type === "marker") return sense.markersOfEntry(entry);
    if (type === "picture") return (await sense.isPictureOf(entry)) ? entry.target_ids : [];
    const having = await sense.targetsWithPerformer(type, entry.local_id);
    if (entry.action !== "remove") return entry.target_ids.filter((id) => having.has(id));
    const there = await sense.performersOn(type, entry.target_ids); // one that is gone has lost nothing
    return entry.target_ids.filter((id, at) => there[at] && !having.has(id));
  }

  /** A page of the journal, newest first: entries older than `before`. */
  sense.journalPage = (before) => sense.callSidecar("journal", before ? { before } : {});
});
