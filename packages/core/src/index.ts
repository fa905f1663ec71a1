export { Deadline, sleep } from "./deadline.ts";
export { displayText, escapeControls } from "./display-text.ts";
export { DbwardError, type DbwardErrorOptions, describeError } from "./errors.ts";
export { isRunning } from "./is-running.ts";
export { foreignRequest, type Listener, type ListenerOptions, startListener } from "./listener.ts";
export { createLogger, type LogFields, type Logger } from "./logger.ts";
export { redact } from "./redact.ts";
