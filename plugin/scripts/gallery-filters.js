/** Which people of a gallery are shown: by confidence and gender. */
window.StashSense.part("gallery-filters", (sense, api) => {
  const { h, t } = sense;
  const { Form } = api.libraries.Bootstrap;
  const GENDERS = /** @type {const} */ ([
    "FEMALE",
    "MALE",
    "TRANSGENDER_FEMALE",
    "TRANSGENDER_MALE",
    "INTERSEX",
    "NON_BINARY",
  ]);

  sense.clampPercent = (percent) => Math.min(100, Math.max(0, Number(percent) || 0));

  sense.GalleryFilters = ({ least, setLeast, gender, setGender, people, performers }) => {
    const genders = new Set(people.flatMap((each) => (performers.get(each.performer_id) || []).map((performer) => performer.gender)));
    return h(
      "div",
      { className: "sense-filter" },
      h(
        Form.Label,
        null,
        `${t("minConfidence")}: ${t("percent", { n: least })}`,
        h(Form.Control, {
          type: "range",
          min: 0,
          max: 100,
          step: 5,
          value: least,
          onChange: (/** @type {{target: HTMLInputElement}} */ event) => setLeast(sense.clampPercent(event.target.value)),
        }),
      ),
      genders.size > 1 &&
        h(
          Form.Label,
          null,
          t("gender"),
          h(
            Form.Control,
            {
              as: "select",
              className: "input-control",
              size: "sm",
              value: gender,
              onChange: (/** @type {{target: HTMLSelectElement}} */ event) => setGender(event.target.value),
            },
            h("option", { value: "" }, t("anyGender")),
            GENDERS.filter((each) => genders.has(each)).map((each) => h("option", { key: each, value: each }, t(each))),
          ),
        ),
    );
  };
});
