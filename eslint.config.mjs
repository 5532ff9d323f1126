import js from "@eslint/js";
import globals from "globals";

const message = "Markup is never made of strings.";
const strict = {
  "no-var": "error",
  "prefer-const": "error",
  eqeqeq: "error",
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-console": ["error", { allow: ["error"] }],
  "no-restricted-properties": [
    "error",
    ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property, message })),
    { object: "document", property: "write", message },
  ],
  "no-restricted-syntax": [
    "error",
    { selector: "Identifier[name='dangerouslySetInnerHTML']", message },
    { selector: "Property[key.value='dangerouslySetInnerHTML']", message },
  ],
  "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
};

export default [
  js.configs.recommended,
  {
    files: ["plugin/scripts/*.js", "tests/fakes/stash/page/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "script", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: strict,
  },
  { ignores: ["node_modules/", ".venv/", "benchmarks/", "dist/"] },
];
