/** Our own performer field: type a name or an alias, choose with the arrow keys and Enter, or with a click. */
window.StashSense.part("performer-search", (sense, api) => {
  const { h, t } = sense;
  const { Form } = api.libraries.Bootstrap;
  const PAUSE_MS = 250; // without a key press
  let fields = 0;

  sense.PerformerSearch = ({ pick }) => {
    const { useState } = api.React;
    const [id] = useState(() => `sense-search-${(fields += 1)}`);
    const [text, setText] = useState("");
    const [at, setAt] = useState(0);
    const { performers, searching, error, retry } = useSearch(text);
    const choose = (/** @type {Performer | undefined} */ performer) => {
      if (performer) pick(async () => performer);
    };
    const keys = (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && performers.length) setAt((at + step + performers.length) % performers.length);
      else if (event.key === "Enter") choose(performers[at]);
      else if (event.key === "Escape" && text) setText("");
      else return;
      event.preventDefault();
    };
    const open = performers.length > 0;
    return h(
      "div",
      { className: "sense-search" },
      h(Form.Label, { htmlFor: id }, t("searchLabel")),
      h(Form.Control, {
        id,
        className: "text-input",
        type: "text",
        autoFocus: true,
        autoComplete: "off",
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-expanded": open,
        "aria-controls": `${id}-list`,
        "aria-activedescendant": open ? `${id}-${at}` : undefined,
        value: text,
        onChange: (/** @type {{target: HTMLInputElement}} */ event) => {
          setText(event.target.value);
          setAt(0);
        },
        onKeyDown: keys,
      }),
      h(
        "ul",
        { id: `${id}-list`, role: "listbox", "aria-label": t("searchLabel"), hidden: !open },
        performers.map((performer, index) =>
          h(Option, {
            key: performer.id,
            id: `${id}-${index}`,
            performer,
            text,
            active: index === at,
            choose: () => choose(performer),
          }),
        ),
      ),
      h(
        "p",
        { role: "status", className: "text-muted sense-search-state" },
        searching
          ? t("searching")
          : open
            ? t("performersFound", { n: performers.length })
            : text.trim() && !error && t("nobodyNamed"),
      ),
      error && h(sense.Problem, { error, retry }),
    );
  };

  /** The performers that a text finds, once typing pauses. An answer to an earlier text is dropped. */
  const useSearch = (/** @type {string} */ text) => {
    const { useEffect, useState } = api.React;
    const query = text.trim();
    const [answer, setAnswer] = useState(/** @type {SearchAnswer} */ ({ to: "", performers: [], error: "" }));
    const [turn, setTurn] = useState(0);
    useEffect(() => {
      if (!query) return undefined;
      let current = true;
      const timer = setTimeout(() => {
        sense.searchPerformers(query).then(
          (performers) => current && setAnswer({ to: query, performers, error: "" }),
          (error) => current && setAnswer({ to: query, performers: [], error: sense.errorText(error) }),
        );
      }, PAUSE_MS);
      return () => {
        current = false;
        clearTimeout(timer);
      };
    }, [query, turn]);
    const here = query !== "" && answer.to === query;
    const retry = () => {
      setAnswer({ to: "", performers: [], error: "" });
      setTurn(turn + 1);
    };
    return {
      performers: here ? answer.performers : [],
      error: here ? answer.error : "",
      searching: query !== "" && !here,
      retry,
    };
  };

  /** @param {SearchOptionProps} props */
  const Option = ({ id, performer, text, active, choose }) => {
    const { useEffect, useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
      if (active) place.current?.scrollIntoView({ block: "nearest" });
    }, [active]);
    return h(
      "li",
      {
        ref: place,
        id,
        role: "option",
        "aria-selected": active,
        className: active ? "sense-active" : "",
        onMouseDown: (/** @type {MouseEvent} */ event) => event.preventDefault(), // the field keeps the focus
        onClick: choose,
      },
      h(sense.PerformerLine, { performer, text }),
    );
  };

  /** A performer in a list, with what tells them from others of the same name, and the alias that was typed. */
  sense.PerformerLine = ({ performer, text }) => {
    const portrait = sense.performerPortrait(performer);
    const typed = (text || "").trim().toLowerCase();
    const alias =
      typed && !performer.name.toLowerCase().includes(typed)
        ? performer.alias_list?.find((each) => each.toLowerCase().includes(typed))
        : undefined;
    return h(
      "span",
      { className: "sense-performer-line" },
      portrait
        ? h("img", { src: portrait, alt: "", loading: "lazy", className: "sense-small" })
        : h("span", { className: "sense-small sense-none", "aria-hidden": true }, "?"),
      h(
        "span",
        null,
        h(sense.Text, null, performer.name),
        performer.disambiguation &&
          h("small", { className: "text-muted" }, " ", h(sense.Text, null, `(${performer.disambiguation})`)),
        alias && h("small", { className: "text-muted" }, " ", h(sense.Text, null, t("alias", { alias }))),
      ),
    );
  };
});
