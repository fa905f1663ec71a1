/** What `image.tag` names: a tag, a digest, or a tag with the digest that it must have. */
export interface ImageTagParts {
  readonly tag?: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest?: string;
}

/** Reads `0.2.0`, `sha256:…` or `0.2.0@sha256:…`. */
export function imageTagParts(text: string): ImageTagParts {
  const [tag = "", digest] = text.split("@");
  if (digest !== undefined) return { tag, digest };
  return tag.startsWith("sha256:") ? { digest: tag } : { tag };
}

/**
 * The address of an image as a task definition has it. Of a tag with a digest, the digest decides what is pulled, and
 * the tag says to people and commands which version it is.
 */
export function imageAddress(repository: string, tag: string): string {
  return `${repository}${tag.startsWith("sha256:") ? "@" : ":"}${tag}`;
}

/** The repository and `image.tag` of an address. An address without a tag is that of `latest`. */
export function splitImageAddress(address: string): { readonly repository: string; readonly tag: string } {
  const [name = "", digest] = address.split("@");
  const [, repository = name, tag] = /^(.+):([^/:]+)$/.exec(name) ?? [];
  return { repository, tag: [tag, digest].filter(Boolean).join("@") || "latest" };
}
