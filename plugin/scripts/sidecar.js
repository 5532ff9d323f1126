/** Calls to the sidecar, through the plugin's backend: the browser never learns the sidecar's address. */
window.StashSense.part("sidecar", (sense) => {
  const RUN = `mutation StashSense($args: Map) { runPluginOperation(plugin_id: "stash-sense", args: $args) }`;
  const HEALTH_MS = 30_000;

  /** @template T @param {string} mode @param {Record<string, unknown>} [args] @returns {Promise<T>} */
  sense.callSidecar = async (mode, args = {}) => {
    const output = (await sense.queryStash(RUN, { args: { mode, problems: true, ...args } })).runPluginOperation;
    if (output?.problem) throw new Error(sense.problemText(output.problem.code, output.problem.message));
    return output;
  };

  /** @type {{at: number, answer: Promise<Health>} | null} */
  let remembered = null;

  /** The sidecar's state, read at most once in half a minute unless `fresh`. */
  sense.health = (fresh = false) => {
    if (fresh || !remembered || Date.now() - remembered.at > HEALTH_MS) {
      const answer = /** @type {Promise<Health>} */ (sense.callSidecar("health"));
      remembered = { at: Date.now(), answer };
    }
    return remembered.answer;
  };

  const AT_ONCE = 2; // each call is a process on Stash's machine
  const KEPT = 200;
  let running = 0;
  /** @type {(() => void)[]} */
  const waiting = [];
  /** @type {Map<string, Promise<string | null>>} */
  const references = new Map();

  /** The reference face behind a match, as a data: URL; null if the sidecar has none. In an older face database
   * it may have been another one of the same person. */
  sense.referenceImage = ({ reference_id: id, performer_id }) => {
    if (!id) return Promise.resolve(null);
    let image = references.get(id);
    if (!image) {
      image = sense.limited(() => sense.callSidecar("reference", { reference_id: id, performer_id })).then(
        (answer) => answer.image,
        () => {
          references.delete(id); // it may work the next time
          return null;
        },
      );
      references.set(id, image);
      const [oldest] = references.keys();
      if (references.size > KEPT && oldest) references.delete(oldest);
    }
    return image;
  };

  sense.limited = async (work) => {
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
