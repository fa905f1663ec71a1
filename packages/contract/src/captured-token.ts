/**
 * Whether the text of a token's secret counts as a captured token. A secret without a version, with a binary value or with
 * nothing but white space is empty: the capture fills it, and every tool reports it as not captured.
 *
 * @param text `SecretString` of the version labelled AWSCURRENT; `undefined` when there is none
 */
export function isTokenCaptured(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== "";
}
