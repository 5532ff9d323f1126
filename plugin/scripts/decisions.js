/** Decisions that stand on faces, and taking them back: as lines of a card, and as a section of the plugin's page. */
window.StashSense.part("decisions", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const KINDS = ["confirmed", "rejected", "ignored", "apart"];

  /** The decisions that a face came with. */
  sense.FaceDecisions = ({ decisions, changed }) =>
    decisions.map((decision) => h(FaceDecision, { key: decision.decision_id, decision, changed }));

  /** @param {{decision: StandingDecision, changed: () => void}} props */
  const FaceDecision = ({ decision, changed }) => {
    const back = sense.useAction(async () => {
      await takeBack(decision);
      changed();
    });
    return h(
      "p",
      { className: "sense-rejected" },
      h(sense.Text, null, sentence(decision)),
      h(TakeBack, { back }),
      back.error && h(sense.ErrorLine, { error: back.error }),
    );
  };

  /** @param {{back: Action}} props */
  const TakeBack = ({ back }) =>
    h(
      Button,
      { variant: "link", size: "sm", disabled: back.step === "busy", onClick: back.start },
      back.step === "busy" ? t("undoing") : back.step === "failed" ? t("failedRetry") : t("takeBack"),
    );

  /** One that another window took back already is just as well. @param {StandingDecision} decision */
  async function takeBack({ decision_id }) {
    await sense.callSidecar("undecide_all", { decision_ids: [decision_id] });
  }

  /** @param {StandingDecision} decision */
  const sentence = ({ word, name, performer_id }) => t(`decided_${word}`, { name: name || performer_id || "" });

  sense.PageDecisions = () => {
    const { useState } = api.React;
    const [kind, setKind] = useState("");
    const [older, setOlder] = useState(/** @type {DecisionsPage | null} */ (null));
    const loaded = sense.useLoaded(() => page(kind), [kind]);
    const shown = older || loaded.value;
    const more = sense.useAction(async () => {
      if (!shown?.next_before) return;
      const next = await page(kind, shown.next_before);
      setOlder({ ...next, decisions: [...shown.decisions, ...next.decisions] });
    });
    const choose = (/** @type {string} */ word) => {
      setOlder(null);
      setKind(word);
    };
    const retry = () => {
      setOlder(null);
      loaded.retry();
    };
    return h(
      sense.PageSection,
      { title: t("pageDecisions"), loaded: { ...loaded, retry } },
      h(
        "select",
        {
          className: "form-control input-control sense-kind",
          "aria-label": t("decisionKind"),
          value: kind,
          onChange: (/** @type {any} */ event) => choose(event.target.value),
        },
        h("option", { value: "" }, t("allDecisions")),
        KINDS.map((word) => h("option", { key: word, value: word }, t(`kind_${word}`))),
      ),
      shown?.decisions.length
        ? h(
            "ul",
            { className: "sense-decisions" },
            shown.decisions.map((decision) => h(DecisionLine, { key: decision.decision_id, decision })),
          )
        : h("p", { className: "text-muted" }, t("noDecisions")),
      shown?.next_before &&
        h(Button, { variant: "secondary", disabled: more.step === "busy", onClick: more.start }, t("older")),
      more.error && h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** @param {string} word @param {number} [before] @returns {Promise<DecisionsPage>} */
  function page(word, before) {
    return sense.callSidecar("decisions", { limit: 50, ...(word ? { word } : {}), ...(before ? { before } : {}) });
  }

  /** @param {{decision: ListedDecision}} props */
  const DecisionLine = ({ decision }) => {
    const { useState } = api.React;
    const [gone, setGone] = useState(false);
    const back = sense.useAction(async () => {
      await takeBack(decision);
      setGone(true);
    });
    const { face_id, image_id, scene_id, local_id } = decision;
    return h(
      "li",
      null,
      face_id && h(sense.FaceThumbnail, { faceId: face_id, alt: "" }),
      " ",
      h(sense.Text, null, sentence(decision)),
      local_id && h(Link, { to: `/performers/${encodeURIComponent(local_id)}`, className: "sense-where" }, t("toPerformer")),
      image_id && h(Link, { to: `/images/${encodeURIComponent(image_id)}`, className: "sense-where" }, t("toImage")),
      scene_id && h(Link, { to: `/scenes/${encodeURIComponent(scene_id)}`, className: "sense-where" }, t("toScene")),
      h("small", { className: "text-muted" }, ` ${sense.formatTime(decision.created_at)} `),
      gone ? h("span", { role: "status" }, t("takenBack")) : h(TakeBack, { back }),
      back.error && h(sense.ErrorLine, { error: back.error }),
    );
  };
});
