import { describeBundle } from "../../describe-bundle.ts";

describeBundle(new URL("../dist/", import.meta.url), {
  sizeLimit: 600_000,
  refusal: /DBWARD_STAGE is not set.*\[apply-environment\]/,
});
