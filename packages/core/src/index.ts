export { Deadline } from "./deadline.ts";
export { displayText, escapeControls } from "./display-text.ts";
export { DbwardError, type DbwardErrorOptions, describeError } from "./errors.ts";
export { createLogger, type LogFields, type Logger } from "./logger.ts";
export { redact } from "./redact.ts";
