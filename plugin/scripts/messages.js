/** Text from outside, and what a dialogue says while it waits or after a failure. */
window.StashSense.part("messages", (sense, api) => {
  const { h, t } = sense;
  const { Alert, Button, Spinner } = api.libraries.Bootstrap;
  const MOST_CHARACTERS = 300;
  const MOST_IN_TOOLTIP = 2000;

  /** The beginning of a text; never half of a character that takes two places, such as an emoji. */
  sense.shortened = (text, most) => text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "");

  /** Text from outside: shortened, and isolated in its writing direction. */
  sense.Text = ({ children }) => {
    const text = String(children ?? "");
    const shown = text.length > MOST_CHARACTERS ? `${sense.shortened(text, MOST_CHARACTERS)}…` : text;
    return h("bdi", { className: "sense-text", title: shown === text ? undefined : sense.shortened(text, MOST_IN_TOOLTIP) }, shown);
  };

  sense.Busy = ({ children }) =>
    h(
      "div",
      { className: "sense-busy", role: "status" },
      h(Spinner, { animation: "border", size: "sm", "aria-hidden": true }),
      h("span", null, children),
    );

  sense.Problem = ({ error, retry, children }) =>
    h(
      Alert,
      { variant: "danger", className: "sense-problem" },
      h("p", null, h(sense.Text, null, error)),
      children,
      retry && h(Button, { variant: "secondary", size: "sm", onClick: retry }, t("retry")),
    );

  /** What failed, below the button that failed. Nothing where nothing did. */
  sense.ErrorLine = ({ error }) =>
    error ? h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, error)) : null;
});
