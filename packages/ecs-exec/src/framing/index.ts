export { frameCommand, RECEIPT, SYNC } from "./command-line.ts";
export { checkInput, encodeInput } from "./encode-input.ts";
export { InputTooLarge, InputTruncated, OutputTruncated, ToolsMissing } from "./errors.ts";
export { type Completion, FrameReader } from "./frame-reader.ts";
