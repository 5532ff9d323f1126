/** The sections of the plugin's page. What failed in any of them is loaded again with one button for the page. */
window.StashSense.part("page-section", (sense, api) => {
  const { h, t } = sense;
  const { Button, Card } = api.libraries.Bootstrap;
  const Page = api.React.createContext(/** @type {PageOfSections} */ ({ update: () => undefined }));

  /** The page around its sections. */
  sense.PageSections = ({ title, children }) => {
    const { useCallback, useMemo, useState } = api.React;
    const [sections, setSections] = useState(/** @type {Map<string, SectionState>} */ (new Map()));
    const update = useCallback((/** @type {string} */ name, /** @type {SectionState} */ state) => {
      setSections((before) => new Map([...before, [name, state]]));
    }, []);
    const page = useMemo(() => ({ update }), [update]);
    const all = [...sections.values()];
    const failed = all.filter((each) => each.failed);
    const reload = (/** @type {SectionState[]} */ some) => () => some.forEach((each) => each.retry());
    return h(
      Page.Provider,
      { value: page },
      h(
        "div",
        { className: "container sense-page" },
        h(
          "div",
          { className: "sense-card-head" },
          h("h2", null, title),
          h(Button, { variant: "secondary", size: "sm", onClick: reload(all) }, t("reload")),
        ),
        failed.length > 0 && h(sense.Problem, { error: t("pageFailed"), retry: reload(failed) }),
        children,
      ),
    );
  };

  /** One section, with what it loads. Its error has no button of its own. */
  sense.PageSection = ({ title, loaded, children }) => {
    const { update } = api.React.useContext(Page);
    const { error, loading, value, retry } = loaded;
    api.React.useEffect(() => update(title, { failed: !!error, retry }), [title, !!error]);
    return h(
      Card,
      { as: "section", className: "sense-section", "aria-label": title },
      h(Card.Header, { className: "sense-card-head" }, h("h5", null, title)),
      h(
        Card.Body,
        null,
        h(sense.ErrorLine, { error }),
        loading && !value ? h(sense.Busy, null, t("loading")) : (value || !error) && children,
      ),
    );
  };
});
