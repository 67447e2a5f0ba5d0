import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["ohif/", "ohif.packed/"] },
  js.configs.recommended,
  {
    files: ["lungdb_web/static/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
  },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { args: "all" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
