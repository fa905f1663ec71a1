// Loaded into sst before its own code. sst asks for the state of each stack once a second, as suits a real
// account. The emulated one is on this machine, where a deployment of four stacks would wait two seconds for
// nothing.

const LOOK_MS = 1_000;
const EAGER_LOOK_MS = 150;
const MONITOR = /[\\/]sst[\\/]stacks[\\/]monitor\.js/;

const { setTimeout: schedule } = globalThis;

globalThis.setTimeout = Object.assign(
  (callback, milliseconds, ...values) =>
    schedule(callback, isLook(milliseconds) ? EAGER_LOOK_MS : milliseconds, ...values),
  schedule,
);

function isLook(milliseconds) {
  return milliseconds === LOOK_MS && MONITOR.test(new Error().stack ?? "");
}
