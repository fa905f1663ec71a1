import { describeBundle } from "../../describe-bundle.ts";

describeBundle(new URL("../dist/", import.meta.url), {
  sizeLimit: 450_000,
  refusal: /DBWARD_STAGE is not set.*\[token-check-environment\]/,
});
