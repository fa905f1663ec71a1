/**
 * @returns the version that an image's tag names, also when a digest follows it; `undefined` for any other
 * tag
 */
export function imageVersion(image: string): string | undefined {
  return /:v?(\d+\.\d+\.\d+(?:-[\w.]+)?)(?:@|$)/.exec(image)?.[1];
}
