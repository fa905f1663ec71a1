export { TokenCapture, type TokenCaptureProps } from "./token-capture.ts";
export { TokenSecrets, type TokenSecretsProps } from "./token-secrets.ts";
