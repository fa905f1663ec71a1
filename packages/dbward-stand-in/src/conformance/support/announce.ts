/**
 * Says what the expectations are held against: a run that fell back to the stand-in proves nothing about
 * dbward.
 */
export default function announce(): void {
  for (const variable of ["DBWARD_SERVER_BIN", "DBWARD_AGENT_BIN"])
    console.log(`${variable}: ${process.env[variable] || "not set, the stand-in is tested"}`);
  if (process.env.DBWARD_CONFORMANCE_SLOW !== "1")
    console.log(
      "What takes a real program half a minute or more is skipped: set DBWARD_CONFORMANCE_SLOW=1 for it.",
    );
}
