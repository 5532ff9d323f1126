/** Why a verdict is what it is, in the user's language and with the library's own names. */
window.StashSense.part("reasons", (sense) => {
  const { t } = sense;
  const NOBODY = { performer_id: "", name: "", confidence: 0 };

  /** A result of an older or a newer sidecar has no code that we know: its own sentence shows. */
  sense.reasonText = ({ reason, reason_code: code, reason_people: people, reason_count: count }, performers) => {
    const key = `reason_${code}`;
    if (!code || t(key) === key) return reason || "";
    const [first = NOBODY, other = NOBODY] = Array.isArray(people) ? people : [];
    const nameOf = (/** @type {ReasonPerson} */ person) => sense.libraryName(person, performers.get(person.performer_id));
    return t(key, {
      name: sense.shortened(nameOf(first), 150),
      percent: sense.formatPercent(first.confidence),
      other: sense.shortened(nameOf(other), 150),
      otherPercent: sense.formatPercent(other.confidence),
      n: count ?? 0,
      count: (count ?? 0).toLocaleString(sense.language),
    });
  };
});
