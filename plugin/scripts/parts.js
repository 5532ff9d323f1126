/**
 * The first script. Stash joins all scripts into one file, so each is wrapped in `StashSense.part`: a part that
 * throws is reported and left out, and Stash's own page keeps working.
 */
(() => {
  "use strict";

  const api = window.PluginApi;
  const sense = /** @type {Sense} */ (/** @type {Partial<Sense>} */ ({ brokenParts: [] }));

  /** @param {string} what @param {unknown} error */
  sense.report = (what, error) => console.error(`Stash Sense: ${what}`, error);

  sense.errorText = (error) => (error instanceof Error ? error.message : String(error));

  /** @param {string} name @param {(sense: Sense, api: PluginApi) => void} setUp */
  const part = (name, setUp) => {
    if (!api) return; // a Stash without a plugin API: nothing can be added to its pages
    try {
      setUp(sense, api);
    } catch (error) {
      sense.brokenParts.push(name);
      sense.report(`${name} could not be set up`, error);
    }
  };
  window.StashSense = { part };

  part("parts", () => {
    sense.h = /** @type {PluginApi} */ (api).React.createElement;
  });
})();
