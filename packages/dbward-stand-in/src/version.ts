/** Version that the stand-in says it is: that of the dbward whose behaviour it follows, unless a test wants another. */
export const VERSION = process.env.DBWARD_STANDIN_VERSION || "0.2.0";

/** Agents below this version are told `upgrade_required`. */
export const MIN_AGENT_VERSION = process.env.DBWARD_STANDIN_MIN_AGENT_VERSION || "0.2.0";

/** Schema of the state: every minor version has its own, so that an upgrade of the image migrates. */
export const SCHEMA_VERSION = Number(VERSION.split(".")[1] ?? "") || 1;

/** Whether version `a` is older than `b`; both `x.y.z`. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return (left[i] ?? 0) < (right[i] ?? 0);
  return false;
}

function parts(version: string): number[] {
  return version.split(/[.+-]/, 3).map((part) => Number(part) || 0);
}
