/** A version `1.2.3`, with or without `v` in front and a pre-release behind. */
export interface Version {
  readonly numbers: readonly [number, number, number];
  readonly prerelease?: string;
}

/** `undefined` for a digest, `latest`, and whatever else is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(text);
  if (!match) return undefined;
  const [, major, minor, patch = "0", prerelease] = match;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    ...(prerelease && { prerelease }),
  };
}

/** Negative when `a` is older than `b`, positive when it is newer. A pre-release is older than its release. */
export function compareVersions(a: Version, b: Version): number {
  const differing = a.numbers.findIndex((number, index) => number !== b.numbers[index]);
  if (differing >= 0) return a.numbers[differing]! - b.numbers[differing]!;
  if (a.prerelease === b.prerelease) return 0;
  if (a.prerelease === undefined) return 1;
  if (b.prerelease === undefined) return -1;
  return a.prerelease.localeCompare(b.prerelease, "en", { numeric: true });
}
