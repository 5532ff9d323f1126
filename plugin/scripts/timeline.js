/** When a person is in a scene: a bar for each span on a line as long as the scene, and the same as a list of times. */
window.StashSense.part("timeline", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const SHOWN = 6; // spans in words before "more"
  const MORE = 60;

  /** As a player shows it: 1:05 or 1:02:03. */
  sense.formatClock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
    const minutes = Math.floor(whole / 60) % 60;
    return whole < 3600 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(whole / 3600)}:${two(minutes)}:${two(whole % 60)}`;
  };

  /** How long the spans are together, in seconds. */
  sense.secondsIn = (spans) => spans.reduce((sum, [from, to]) => sum + to - from, 0);

  /** Those spans that are times of the scene, in order. A scene of unknown length ends with the last of them. */
  sense.validSpans = (spans, duration) => {
    const most = duration || Infinity;
    return (Array.isArray(spans) ? spans : [])
      .filter((each) => Array.isArray(each) && each.slice(0, 2).every((time) => Number.isFinite(time) && time >= 0))
      .map(([from, to]) => /** @type {Span} */ ([Math.min(from, most), Math.min(Math.max(from, to), most)]))
      .sort((one, other) => one[0] - other[0]);
  };

  /** @param {Span} span */
  const spanText = ([from, to]) => {
    const [first, last] = [sense.formatClock(from), sense.formatClock(to)];
    return first === last ? first : t("span", { from: first, to: last });
  };

  /** The bars are for the mouse; keyboard and screen reader have the times, which do the same. */
  sense.Timeline = ({ spans, duration, name, play }) => {
    const { useState } = api.React;
    const [shown, setShown] = useState(SHOWN);
    const length = duration || spans[spans.length - 1]?.[1] || 1;
    const share = (/** @type {number} */ seconds) => `${Math.min(100, (seconds / length) * 100)}%`;
    const left = spans.length - shown;
    if (!spans.length) return null;
    return h(
      "div",
      { className: "sense-when" },
      h(
        "div",
        { className: "sense-timeline", "aria-hidden": true },
        spans.map((span, index) =>
          h("span", {
            key: index,
            className: "sense-span",
            style: { left: share(span[0]), width: share(span[1] - span[0]) },
            title: t("playFrom", { time: spanText(span) }),
            onClick: () => play(span[0]),
          }),
        ),
      ),
      h("div", { className: "sense-timeline-ends text-muted", "aria-hidden": true }, h("span", null, "0:00"), h("span", null, sense.formatClock(length))),
      h(
        "ul",
        { className: "sense-spans", "aria-label": t("timesOf", { name }) },
        spans.slice(0, shown).map((span, index) =>
          h(
            "li",
            { key: index },
            h(
              Button,
              {
                variant: "link",
                size: "sm",
                title: t("playFrom", { time: sense.formatClock(span[0]) }),
                "aria-label": `${spanText(span)}: ${t("playFrom", { time: sense.formatClock(span[0]) })}`,
                onClick: () => play(span[0]),
              },
              spanText(span),
            ),
          ),
        ),
        left > 0 &&
          h(
            "li",
            null,
            h(Button, { variant: "secondary", size: "sm", onClick: () => setShown(shown + MORE) }, t("more", { n: left })),
          ),
      ),
    );
  };
});
