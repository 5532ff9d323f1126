/** Who a recognised person is: name, confidence, country, stash-box page, and who they are in the library. */
window.StashSense.part("person-facts", (sense, api) => {
  const { h, t } = sense;
  const CONFIDENCE_STEPS = /** @type {const} */ ([
    [0.6, "sure4"],
    [0.5, "sure3"],
    [0.4, "sure2"],
    [-1, "sure1"],
  ]);

  const VERDICTS = {
    match: "verdictMatch",
    ambiguous: "verdictAmbiguous",
    unknown: "verdictUnknown",
    yours: "verdictYours",
  };

  sense.VerdictBadge = ({ status }) =>
    h("span", { className: `sense-verdict sense-${status}` }, t(VERDICTS[status] || VERDICTS.unknown));

  sense.Confidence = ({ value }) => {
    const step = CONFIDENCE_STEPS.find(([from]) => value >= from)?.[1] || "sure1";
    return h(
      "span",
      { className: `sense-sure sense-${step}` },
      t(step),
      " ",
      h("span", { className: "sense-sure-number" }, sense.formatPercent(value)),
    );
  };

  sense.StashBoxLink = ({ person }) => {
    const link = sense.stashBoxLink(person);
    return (
      link &&
      h(
        "a",
        { href: link.href, target: "_blank", rel: "noopener noreferrer", className: "sense-box-link" },
        t("openBox", { host: link.host }),
      )
    );
  };

  /** Who a person is in the library, as text. */
  sense.LibraryLine = ({ performers }) => {
    if (performers === null) return h("span", { className: "text-muted" }, t("notLookedUp"));
    if (!performers) return h("span", { className: "text-muted" }, t("loading"));
    if (!performers.length) return h("span", { className: "text-muted" }, t("notInLibrary"));
    const names = performers.map(sense.performerName).join(", ");
    return h("span", null, h(sense.Text, null, t("inLibrary", { names })));
  };

  /** The library's name of a person leads; the one that the face database knows follows where it is another. */
  sense.PersonName = ({ person, performers, chosen }) => {
    const name = sense.libraryName(person, performers, chosen);
    const performer = chosen || performers?.[0];
    const same = [name, performer?.name || name].some((each) => each.trim().toLowerCase() === person.name.trim().toLowerCase());
    return h(
      api.React.Fragment,
      null,
      h(sense.Text, null, name),
      !same &&
        h(
          "small",
          { className: "text-muted sense-known-as" },
          " ",
          h(sense.Text, null, t("knownAs", { name: person.name })),
        ),
    );
  };

  /** A person's name and facts; `children` come first among the facts. */
  sense.PersonFacts = ({ person, performers, chosen, children }) =>
    h(
      api.React.Fragment,
      null,
      h("h6", null, h(sense.PersonName, { person, performers, chosen })),
      h(
        "div",
        { className: "sense-facts" },
        children,
        person.country && h("span", null, h(sense.Text, null, t("country", { country: person.country }))),
        h(sense.StashBoxLink, { person }),
      ),
      h("div", null, h(sense.LibraryLine, { performers })),
    );
});
