export { DataChannel, INTERRUPT } from "./data-channel.ts";
export { ChannelLost, EncryptionFailed, HandshakeFailed } from "./errors.ts";
export type { DataKey, DataKeyRequest } from "./handshake.ts";
export { type LinkEvents, MessageChannel } from "./message-channel.ts";
export { DATA_KEY_LENGTH } from "./session-cipher.ts";
