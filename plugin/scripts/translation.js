/** How a text is looked up in the user's language; the tables of texts fill `sense.texts`. */
window.StashSense.part("translation", (sense) => {
  /** @type {Record<string, Record<string, string>>} */
  sense.texts = { en: {}, de: {} };
  sense.language = "en";

  /** The sidecar's times are UTC, with or without a time zone. */
  const momentOf = (/** @type {string} */ text) => new Date(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text.replace(" ", "T")}Z`);

  /** A moment in the user's own format. */
  sense.formatTime = (text) => {
    const moment = momentOf(text);
    return Number.isNaN(moment.getTime()) ? text : moment.toLocaleString(sense.language);
  };

  /** The texts of the user's language, if it has any. */
  const ownTexts = () => sense.texts[sense.language] || sense.texts[sense.language.split("-")[0] || "en"];

  sense.t = (key, values = {}) => {
    const language = ownTexts();
    const one = values.n === 1 ? `${key}_one` : key; // where a text has another form for one
    const text = language?.[one] ?? language?.[key] ?? sense.texts.en?.[one] ?? sense.texts.en?.[key] ?? String(key);
    return fill(text, values);
  };

  /** @param {string} text @param {Record<string, unknown>} values */
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

  /**
   * What went wrong, in the user's language by its code; where there is no text for it, as it was said. A text may
   * have a form with the numbers of the sentence, which are told by the first of them.
   */
  sense.problemText = (code, said, numbers = {}) => {
    const texts = (code && ownTexts()) || {};
    const shown = Object.entries(numbers).map(([name, number]) => [name, formatNumber(number)]);
    const [first] = Object.keys(numbers);
    const text = texts[`problem_${code}_${first}`] || texts[`problem_${code}`];
    return text ? fill(text, Object.fromEntries(shown)) : said;
  };

  /** @param {number} number */
  const formatNumber = (number) => number.toLocaleString(sense.language, { maximumFractionDigits: 1 });

  sense.formatPercent = (confidence) => sense.t("percent", { n: Math.round(confidence * 100) });
});
