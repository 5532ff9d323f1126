/** Calls to the sidecar, by way of Stash: the browser never learns where it is. */
window.StashSense.part("sidecar", (sense) => {
  const RUN = `mutation StashSense($args: Map) { runPluginOperation(plugin_id: "stash-sense", args: $args) }`;
  const HEALTH_MS = 30_000;

  /** @template T @param {string} mode @param {Record<string, unknown>} [args] @returns {Promise<T>} */
  sense.call = async (mode, args = {}) => {
    const answer = await sense.ask(RUN, { args: { mode, ...args } });
    return answer.runPluginOperation;
  };

  /** @type {{at: number, asked: Promise<Health>} | null} */
  let remembered = null;

  /** The sidecar's state; one call serves all who ask within half a minute. */
  sense.health = (fresh = false) => {
    if (fresh || !remembered || Date.now() - remembered.at > HEALTH_MS) {
      const asked = /** @type {Promise<Health>} */ (sense.call("health"));
      remembered = { at: Date.now(), asked };
    }
    return remembered.asked;
  };

  const AT_ONCE = 2; // each call is a process on Stash's machine
  const KEPT = 200;
  let running = 0;
  /** @type {(() => void)[]} */
  const waiting = [];
  /** @type {Map<string, Promise<string | null>>} */
  const references = new Map();

  /** The reference face that a match rests on, as a data: URL; null where there is none (any more). */
  sense.reference = (id) => {
    if (!id) return Promise.resolve(null);
    let found = references.get(id);
    if (!found) {
      found = sense.inTurn(() => sense.call("reference", { reference_id: id })).then(
        (answer) => answer.image,
        () => {
          references.delete(id); // it may work the next time
          return null;
        },
      );
      references.set(id, found);
      const [oldest] = references.keys();
      if (references.size > KEPT && oldest) references.delete(oldest);
    }
    return found;
  };

  sense.inTurn = async (work) => {
    if (running >= AT_ONCE) await new Promise((go) => waiting.push(() => go(undefined)));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next(); // in the place of this one
      else running -= 1;
    }
  };

  sense.hasNoDatabase = (health) => !!health.missing?.some((each) => each.code === "no-database");
});
